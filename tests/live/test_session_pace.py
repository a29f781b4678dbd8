"""A session that has to keep the pace, and what its replies tell of its passes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from config.settings import Settings
from tests.support.crowd import LAST_STEP_S, QUICK, TARGET_S, crowd
from tests.support.engine import Clock, FakeModel, pool_of
from tests.support.rig import CHUNKS, LAST, PCM, SPOKEN, TALK, words
from transcriber.engine.pool import WorkerPool
from transcriber.engine.window import DecodingOptions, Lane
from transcriber.live.chunk import Chunk
from transcriber.live.intake import ChunkPart
from transcriber.live.pace import MOST_CHUNK_MS, Pace
from transcriber.live.pass_log import MOST_TOLD
from transcriber.live.replies import ChunkReply
from transcriber.live.session import Session
from transcriber.live.store import SessionStore

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
        parts = [ChunkPart(CHUNKS[sequence], PCM)]
        chunk = Chunk(sequence, parts, sequence == LAST, self.clock())
        reply, _ = self.session.post(chunk, wait_s)
        assert self.pool.wait_idle(10)
        return reply

    def open_passes(self) -> int:
        """Passes over what is still being said, quick and careful ones."""
        return sum(one.open or one.lane is Lane.PARTIAL for one in self.model.windows)


@pytest.fixture
def rig(clock: Clock, pace: Pace) -> Iterator[Rig]:
    """A session that has had its first pass, over the first 1.5 s."""
    crowd(pace, clock)
    model = FakeModel(TALK)
    with pool_of(model) as pool:
        session = Session("paced", DecodingOptions(), SETTINGS, pool.submit, clock, pace)
        rig = Rig(session, model, pool, clock)
        while not rig.open_passes():
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
    assert rig.open_passes() == 1
    assert reply.suggested_chunk_ms == MOST_CHUNK_MS


def test_when_it_is_due_the_next_chunk_asks_and_waits_for_it(rig: Rig) -> None:
    rig.post(next_chunk(rig))
    shown = rig.session.snapshot().partial.text
    rig.clock.advance(LAST_STEP_S)
    reply = rig.post(next_chunk(rig))
    assert rig.open_passes() == 2
    assert reply.complete
    assert reply.partial.startswith(shown)
    assert len(reply.partial) > len(shown)


def test_a_chunk_that_the_running_pass_holds_waits_for_it(rig: Rig) -> None:
    rig.clock.advance(LAST_STEP_S)
    rig.model.hold(Lane.PARTIAL)
    sequence = next_chunk(rig)
    parts = [ChunkPart(CHUNKS[sequence], PCM)]
    reply, _ = rig.session.post(Chunk(sequence, parts, False, rig.clock()), 0.0)
    assert not reply.complete


def test_in_a_pause_of_sending_the_upkeep_asks_for_it(rig: Rig) -> None:
    rig.post(next_chunk(rig))
    before = rig.session.snapshot()
    rig.clock.advance(LAST_STEP_S - 1)
    rig.session.tick()
    assert rig.pool.wait_idle(10)
    assert rig.open_passes() == 1, "it is not due yet"
    rig.clock.advance(LAST_STEP_S)
    rig.session.tick()
    assert rig.pool.wait_idle(10)
    after = rig.session.snapshot()
    assert rig.open_passes() == 2
    assert after.revision > before.revision
    assert len(after.partial.text) > len(before.partial.text)


def test_the_final_words_are_the_same_and_what_a_pause_closes_waits_for_no_turn(rig: Rig) -> None:
    replies = [rig.post(sequence) for sequence in range(next_chunk(rig), len(CHUNKS))]
    assert all(reply.complete for reply in replies)
    assert replies[-1].final
    assert replies[-1].audio.pending == 0
    assert words(rig.session.transcript.text()) == sorted(SPOKEN)
    closed = [window for window in rig.model.windows if not window.open]
    assert sum(window.lane is Lane.FINAL for window in closed) > 1
    unspaced = FakeModel(TALK)
    with pool_of(unspaced) as pool:
        session = Session("unspaced", DecodingOptions(), SETTINGS, pool.submit)
        other = Rig(session, unspaced, pool, Clock())
        for sequence in range(len(CHUNKS)):
            other.post(sequence)
    assert words(session.transcript.text()) == sorted(SPOKEN)
    assert rig.open_passes() < other.open_passes()


def test_slow_passes_of_one_session_space_out_another(clock: Clock) -> None:
    model = FakeModel(TALK)
    with pool_of(model) as pool:
        store = SessionStore(SETTINGS, pool.submit, lambda: 2, clock)
        session, _ = store.open("one", DecodingOptions())
        crowd(store.pace, clock)
        rig = Rig(session, model, pool, clock)
        for sequence in range(6):
            rig.post(sequence)
        assert rig.open_passes() == 1


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
