"""How often partial passes are asked for: the pace alone, and a session that has to keep it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from config.settings import Settings
from tests.support.engine import Clock, FakeModel, pcm_chunks, pool_of, talk
from tests.support.recordings import RATE_HZ
from transcriber.audio.pcm import PcmFormat
from transcriber.engine.pool import Timing, WorkerPool
from transcriber.engine.window import DecodingOptions, Lane
from transcriber.live.intake import ChunkPart
from transcriber.live.pace import LEAST_CHUNK_MS, MOST_CHUNK_MS, STEPS_S, Pace, Turns
from transcriber.live.pass_log import MOST_TOLD
from transcriber.live.replies import ChunkReply
from transcriber.live.session import Chunk, Session
from transcriber.live.store import SessionStore

TARGET_S = 0.5
QUICK = Timing(queue_s=0.0, model_s=0.2, alone=False)
CROWDED = Timing(queue_s=2.0, model_s=0.3, alone=False)
LAST_STEP_S = STEPS_S[-1]


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def pace(clock: Clock) -> Pace:
    """A pace with nothing seen yet."""
    return Pace(TARGET_S, clock)


def see(
    pace: Pace, clock: Clock, timing: Timing, passes: int, every_s: float = 0.2, audio_s: float = 3
) -> None:
    """Let so many passes of this kind be done, one after the other."""
    for _ in range(passes):
        clock.advance(every_s)
        pace.note(Turns(pace), audio_s, timing)


def crowd(pace: Pace, clock: Clock) -> None:
    """Let so many passes be slow that the pace takes its last step."""
    see(pace, clock, CROWDED, 200)
    assert pace.interval_s == LAST_STEP_S


# -- the pace alone -----------------------------------------------------------------------------


def test_while_all_is_well_nothing_is_spaced_out(pace: Pace, clock: Clock) -> None:
    see(pace, clock, QUICK, 100)
    assert (pace.interval_s, pace.suggested_chunk_ms) == (0.0, LEAST_CHUNK_MS)


def test_when_passes_wait_too_long_they_are_spaced_out_step_by_step(
    pace: Pace, clock: Clock
) -> None:
    seen = []
    for _ in range(200):
        see(pace, clock, CROWDED, 1)
        seen.append(pace.interval_s)
    assert sorted(set(seen)) == list(STEPS_S)
    assert seen == sorted(seen)


def test_chunks_as_long_as_the_interval_are_suggested_up_to_two_seconds(
    pace: Pace, clock: Clock
) -> None:
    suggested: dict[float, int] = {}
    for _ in range(200):
        see(pace, clock, CROWDED, 1)
        suggested[pace.interval_s] = pace.suggested_chunk_ms
    assert suggested[0.8] == 800
    assert suggested[LAST_STEP_S] == MOST_CHUNK_MS


def test_one_slow_pass_in_ten_is_chance(pace: Pace, clock: Clock) -> None:
    for _ in range(20):
        see(pace, clock, CROWDED, 1)
        see(pace, clock, QUICK, 9)
    assert pace.interval_s == 0.0


def test_the_interval_shrinks_again_when_there_is_room(pace: Pace, clock: Clock) -> None:
    crowd(pace, clock)
    seen = []
    for _ in range(60):
        see(pace, clock, QUICK, 5)
        seen.append(pace.interval_s)
    assert sorted(set(seen)) == list(STEPS_S)
    assert seen == sorted(seen, reverse=True)
    assert (pace.interval_s, pace.suggested_chunk_ms) == (0.0, LEAST_CHUNK_MS)


def test_passes_just_within_the_target_leave_it_as_it_is(pace: Pace, clock: Clock) -> None:
    crowd(pace, clock)
    see(pace, clock, Timing(0.3, 0.15, alone=False), 300)
    assert pace.interval_s == LAST_STEP_S


def test_when_nobody_has_spoken_for_long_there_is_room(pace: Pace, clock: Clock) -> None:
    crowd(pace, clock)
    clock.advance(600)
    assert pace.interval_s == 0.0


def test_a_step_gets_time_to_have_its_effect(pace: Pace, clock: Clock) -> None:
    clock.advance(60)
    see(pace, clock, CROWDED, 100, every_s=0.01)
    assert pace.interval_s == STEPS_S[1]


def test_passes_under_way_count_as_soon_as_they_are_late(pace: Pace, clock: Clock) -> None:
    sessions = [Turns(pace) for _ in range(5)]
    assert all(turns.ask() for turns in sessions)
    seen = []
    for _ in range(60):
        clock.advance(0.5)
        seen.append(pace.interval_s)
    assert sorted(set(seen)) == list(STEPS_S)
    assert seen == sorted(seen)


def test_passes_that_are_given_up_are_not_waited_for(pace: Pace, clock: Clock) -> None:
    sessions = [Turns(pace) for _ in range(5)]
    for turns in sessions:
        turns.ask()
        turns.drop()
    clock.advance(5)
    assert pace.interval_s == 0.0


def test_a_model_slower_than_the_target_by_itself_is_not_held_back(
    pace: Pace, clock: Clock
) -> None:
    see(pace, clock, Timing(0.0, 3 * TARGET_S, alone=True), 50, every_s=1.5)
    see(pace, clock, Timing(0.0, 5 * TARGET_S, alone=False), 50, every_s=1.5)
    assert pace.interval_s == 0.0


def test_a_slow_model_in_a_crowd_is(pace: Pace, clock: Clock) -> None:
    see(pace, clock, Timing(0.0, 3 * TARGET_S, alone=True), 5, every_s=1.5)
    see(pace, clock, Timing(2.0, 5 * TARGET_S, alone=False), 200, every_s=0.5)
    assert pace.interval_s == LAST_STEP_S


def test_a_crowd_never_counts_as_normal(pace: Pace, clock: Clock) -> None:
    see(pace, clock, Timing(0.0, 0.2, alone=True), 5)
    see(pace, clock, Timing(0.0, 1.2, alone=False), 500)
    assert pace.interval_s == LAST_STEP_S


def test_a_longer_piece_may_take_as_long_as_long_ones_do(pace: Pace, clock: Clock) -> None:
    see(pace, clock, Timing(0.0, 0.3, alone=True), 20, audio_s=3)
    see(pace, clock, Timing(0.0, 0.9, alone=True), 20, audio_s=20)
    see(pace, clock, Timing(0.0, 1.5, alone=False), 50, audio_s=20)
    assert pace.interval_s == 0.0
    see(pace, clock, Timing(0.0, 1.5, alone=False), 50, audio_s=3)
    assert pace.interval_s > 0.0


def test_where_no_pass_was_ever_alone_only_the_waiting_is_judged(pace: Pace, clock: Clock) -> None:
    see(pace, clock, Timing(0.0, 2.0, alone=False), 100)
    assert pace.interval_s == 0.0
    see(pace, clock, Timing(4.0, 2.0, alone=False), 100)
    assert pace.interval_s > 0.0


def test_a_target_of_nothing_spaces_out_only_what_is_crowded(clock: Clock) -> None:
    pace = Pace(0.0, clock)
    see(pace, clock, Timing(0.0, 0.2, alone=True), 50)
    assert pace.interval_s == 0.0


def test_a_pass_that_waits_takes_no_further_turn(pace: Pace, clock: Clock) -> None:
    crowd(pace, clock)
    turns = Turns(pace)
    assert turns.ask()
    assert turns.ask(), "the same one"
    turns.taken()
    assert not turns.ask()
    clock.advance(LAST_STEP_S)
    assert turns.ask()


# -- in a session -------------------------------------------------------------------------------

TALK = talk()
CHUNKS = pcm_chunks(TALK, 0.5)
LAST = len(CHUNKS) - 1
SETTINGS = Settings(latency_target_ms=int(1000 * TARGET_S))


@dataclass
class Rig:
    """A session whose service is so busy that its partial passes are spaced out."""

    session: Session
    model: FakeModel
    pool: WorkerPool
    clock: Clock

    def post(self, sequence: int, wait_s: float = 10.0) -> ChunkReply:
        """Post one chunk and wait until the model has nothing to do any more."""
        parts = [ChunkPart(CHUNKS[sequence], PcmFormat(RATE_HZ, order="little"))]
        chunk = Chunk(sequence, parts, sequence == LAST, self.clock())
        reply, _ = self.session.post(chunk, wait_s)
        assert self.pool.wait_idle(10)
        return reply

    def partial_passes(self) -> int:
        return sum(window.lane is Lane.PARTIAL for window in self.model.windows)


@pytest.fixture
def rig(clock: Clock, pace: Pace) -> Iterator[Rig]:
    """A session that has had its first pass, over the first 1.5 s."""
    crowd(pace, clock)
    model = FakeModel(TALK)
    with pool_of(model) as pool:
        session = Session("paced", DecodingOptions(), SETTINGS, pool.submit, clock, pace)
        rig = Rig(session, model, pool, clock)
        while not rig.partial_passes():
            rig.post(session.snapshot().next_sequence)
        yield rig
        session.expire()


def next_chunk(rig: Rig) -> int:
    return rig.session.snapshot().next_sequence


def test_a_pass_that_is_not_due_is_not_asked_for_and_not_waited_for(rig: Rig) -> None:
    shown = rig.session.snapshot().partial.text
    reply = rig.post(next_chunk(rig))
    assert reply.complete
    assert reply.partial == shown
    assert reply.audio.pending > 0
    assert rig.partial_passes() == 1
    assert reply.suggested_chunk_ms == MOST_CHUNK_MS


def test_when_it_is_due_the_next_chunk_asks_and_waits_for_it(rig: Rig) -> None:
    rig.post(next_chunk(rig))
    shown = rig.session.snapshot().partial.text
    rig.clock.advance(LAST_STEP_S)
    reply = rig.post(next_chunk(rig))
    assert rig.partial_passes() == 2
    assert reply.complete
    assert reply.partial.startswith(shown)
    assert len(reply.partial) > len(shown)


def test_a_chunk_that_the_running_pass_holds_waits_for_it(rig: Rig) -> None:
    rig.clock.advance(LAST_STEP_S)
    rig.model.hold(Lane.PARTIAL)
    sequence = next_chunk(rig)
    parts = [ChunkPart(CHUNKS[sequence], PcmFormat(RATE_HZ, order="little"))]
    reply, _ = rig.session.post(Chunk(sequence, parts, False, rig.clock()), 0.0)
    assert not reply.complete


def test_in_a_pause_of_sending_the_upkeep_asks_for_it(rig: Rig) -> None:
    rig.post(next_chunk(rig))
    before = rig.session.snapshot()
    rig.clock.advance(LAST_STEP_S - 1)
    rig.session.tick()
    assert rig.pool.wait_idle(10)
    assert rig.partial_passes() == 1, "it is not due yet"
    rig.clock.advance(LAST_STEP_S)
    rig.session.tick()
    assert rig.pool.wait_idle(10)
    after = rig.session.snapshot()
    assert rig.partial_passes() == 2
    assert after.revision > before.revision
    assert len(after.partial.text) > len(before.partial.text)


def test_the_final_text_is_the_same_and_its_passes_are_never_spaced_out(rig: Rig) -> None:
    replies = [rig.post(sequence) for sequence in range(next_chunk(rig), len(CHUNKS))]
    assert all(reply.complete for reply in replies)
    assert replies[-1].final
    assert replies[-1].audio.pending == 0
    unspaced = FakeModel(TALK)
    with pool_of(unspaced) as pool:
        session = Session("unspaced", DecodingOptions(), SETTINGS, pool.submit)
        other = Rig(session, unspaced, pool, Clock())
        for sequence in range(len(CHUNKS)):
            other.post(sequence)
    assert rig.session.transcript.text() == session.transcript.text()
    assert rig.partial_passes() < other.partial_passes()


def test_slow_passes_of_one_session_space_out_another(clock: Clock) -> None:
    model = FakeModel(TALK)
    with pool_of(model) as pool:
        store = SessionStore(SETTINGS, pool.submit, lambda: 2, clock)
        session, _ = store.open("one", DecodingOptions())
        crowd(store.pace, clock)
        rig = Rig(session, model, pool, clock)
        for sequence in range(6):
            rig.post(sequence)
        assert rig.partial_passes() == 1


# -- what a reply tells -------------------------------------------------------------------------


def test_a_reply_tells_the_passes_since_the_one_before() -> None:
    model = FakeModel(TALK)
    with pool_of(model) as pool:
        session = Session("told", DecodingOptions(), SETTINGS, pool.submit)
        rig = Rig(session, model, pool, Clock())
        replies = [rig.post(sequence) for sequence in range(len(CHUNKS))]
    told = [one for reply in replies for one in reply.passes]
    assert [(one.lane, one.audio_s) for one in told] == [
        (window.lane.value, round(window.seconds, 2)) for window in model.windows
    ]
    assert {one.lane for one in told} == {"partial", "final"}
    assert all(one.queue_ms >= 0 and one.model_ms >= 0 for one in told)


def test_a_reply_tells_of_no_more_than_the_newest_passes(rig: Rig) -> None:
    sequence = next_chunk(rig)
    for _ in range(2 * MOST_TOLD):
        window = rig.model.windows[-1]
        rig.session._passes.log.note(window, QUICK)
    reply = rig.post(sequence)
    assert len(reply.passes) == MOST_TOLD
    assert reply.timing.model >= 2 * MOST_TOLD * 200
