"""One live session, with a model that hears numbered words: every word once, in order."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pytest

from config.settings import Settings
from tests.support.engine import Clock, FakeModel, pcm_chunks, pool_of, talk
from tests.support.recordings import RATE_HZ, blobs, recording
from tests.support.server import wait_for
from transcriber.audio.errors import NotAudio, TooLong, Undecodable
from transcriber.audio.pcm import PcmFormat
from transcriber.engine.pool import Source, WorkerPool
from transcriber.engine.window import DecodingOptions, Lane
from transcriber.live.errors import (
    SequenceGap,
    SequenceGivenUp,
    SequenceReused,
    SessionEnded,
    SessionExpired,
    SessionTooLong,
)
from transcriber.live.intake import ChunkPart
from transcriber.live.replies import ChunkReply
from transcriber.live.session import Chunk, Session

TALK = talk()
CHUNKS = pcm_chunks(TALK, 0.5)
LAST = len(CHUNKS) - 1
PCM = PcmFormat(RATE_HZ, order="little")
SETTINGS = Settings(gap_timeout_s=15.0, session_ttl_s=300.0, latency_target_ms=60_000)


@dataclass
class Rig:
    """A session, its model and its clock, and a client that keeps every reply."""

    session: Session
    model: FakeModel
    pool: WorkerPool
    clock: Callable[[], float]
    replies: dict[int, ChunkReply] = field(default_factory=dict)

    def post(
        self, sequence: int, data: bytes | None = None, final: bool = False, wait_s: float = 10.0
    ) -> ChunkReply:
        parts = [ChunkPart(CHUNKS[sequence] if data is None else data, PCM)]
        chunk = Chunk(sequence, parts, final, self.clock())
        self.replies[sequence], self.repeated = self.session.post(chunk, wait_s)
        return self.replies[sequence]

    def post_range(self, first: int, end: int, wait_s: float = 10.0) -> None:
        for sequence in range(first, end):
            self.post(sequence, final=sequence == LAST, wait_s=wait_s)

    def post_all(self) -> None:
        self.post_range(0, len(CHUNKS))

    def told(self, sequence: int) -> str:
        reply = self.replies[sequence]
        segments = self.session.transcript.segments[reply.first_segment : reply.end_segment]
        return "".join(segment.text for segment in segments)

    def appended(self) -> str:
        """What a client has that appends every reply's text in order of sequence."""
        return "".join(self.told(sequence) for sequence in sorted(self.replies)).strip()

    def text(self) -> str:
        return self.session.transcript.text()

    def wait_idle(self) -> None:
        assert self.pool.wait_idle(10)


@pytest.fixture
def rig() -> Iterator[Rig]:
    """A fresh session."""
    model, clock = FakeModel(TALK), Clock()
    with pool_of(model) as pool:
        session = Session("a-session", DecodingOptions(), SETTINGS, pool.submit, clock)
        yield Rig(session, model, pool, clock)
        session.expire()


@pytest.fixture(scope="module")
def clean() -> str:
    """The transcript of the same audio, posted in order."""
    model = FakeModel(TALK)
    with pool_of(model) as pool:
        session = Session("clean", DecodingOptions(), SETTINGS, pool.submit)
        rig = Rig(session, model, pool, Clock())
        rig.post_all()
        return rig.text()


def advance(rig: Rig, seconds: float) -> None:
    assert isinstance(rig.clock, Clock)
    rig.clock.advance(seconds)


# -- the plain way ------------------------------------------------------------------------------


def test_replies_appended_in_order_are_the_transcript(rig: Rig) -> None:
    rig.post_all()
    assert rig.appended() == rig.text()
    words = [int(word.strip(" w.")) for word in rig.text().split()]
    assert words == sorted(set(words))
    assert len(words) > 15


@pytest.mark.parametrize("seconds", [0.1, 0.37, 2.0])
def test_the_transcript_does_not_depend_on_the_length_of_chunks(
    seconds: float, rig: Rig, clean: str
) -> None:
    chunks = pcm_chunks(TALK, seconds)
    for sequence, data in enumerate(chunks):
        rig.post(sequence, data, final=sequence == len(chunks) - 1)
    assert rig.text() == clean


def test_a_reply_shows_the_newest_words_as_partial_text(rig: Rig) -> None:
    rig.post_range(0, 5)
    assert "w3" in rig.replies[4].partial
    assert rig.replies[4].complete
    assert not rig.told(4)


def test_words_that_two_passes_agree_on_are_stable(rig: Rig) -> None:
    rig.post_range(0, 5)
    before, now = rig.replies[3].partial, rig.replies[4]
    assert now.partial[: now.stable_chars] == before


def test_the_revision_grows_with_every_visible_change_and_only_then(rig: Rig) -> None:
    rig.post_all()
    shown = [(reply.partial, reply.end_segment) for reply in rig.replies.values()]
    revisions = [reply.revision for reply in rig.replies.values()]
    assert revisions == sorted(revisions)
    for number in range(1, len(shown) - 1):
        assert (shown[number] != shown[number - 1]) == (revisions[number] != revisions[number - 1])


def test_every_second_is_final_pending_or_silence_at_every_reply(rig: Rig) -> None:
    rig.post_all()
    for sequence, reply in rig.replies.items():
        audio = reply.audio
        assert audio.received == pytest.approx(0.5 * (sequence + 1))
        assert audio.received == pytest.approx(audio.final + audio.pending + audio.silence)
        assert min(audio.final, audio.pending, audio.silence) >= 0


def test_at_the_end_nothing_is_pending(rig: Rig) -> None:
    rig.post_all()
    last = rig.replies[LAST]
    assert last.final
    assert last.audio.pending == 0
    assert not last.partial


def test_silence_costs_no_pass(rig: Rig) -> None:
    hiss = pcm_chunks(TALK[: RATE_HZ // 4] * np.float32(0), 0.25)[0]
    for sequence in range(8):
        rig.post(sequence, hiss, final=sequence == 7)
    assert not rig.model.windows
    assert rig.replies[7].final
    assert rig.replies[7].audio.silence == rig.replies[7].audio.received


def test_several_blobs_of_a_browser_make_one_chunk(rig: Rig) -> None:
    parts = [ChunkPart(blob) for blob in blobs("webm-opus")[:5]]
    reply, _ = rig.session.post(Chunk(0, parts, False, rig.clock()), 0.0)
    assert reply.audio.received == pytest.approx(2.0, abs=0.4)


# -- repetitions --------------------------------------------------------------------------------


def test_the_same_chunk_again_gets_the_same_reply(rig: Rig) -> None:
    rig.post_range(0, 10)
    first, windows = rig.replies[7], len(rig.model.windows)
    assert rig.post(7) is first
    assert rig.repeated
    assert len(rig.model.windows) == windows


def test_other_bytes_under_the_same_sequence_are_refused(rig: Rig) -> None:
    rig.post(0)
    with pytest.raises(SequenceReused):
        rig.post(0, CHUNKS[1])
    with pytest.raises(SequenceReused):
        rig.post(0, final=True)


def test_a_repetition_may_wait_for_a_reply_that_is_on_its_way(rig: Rig) -> None:
    rig.post_range(0, 4)
    rig.model.hold()
    with ThreadPoolExecutor(2) as threads:
        both = [threads.submit(rig.post, 4) for _ in range(2)]
        wait_for(lambda: rig.pool.state().busy, 5)
        rig.model.let_go()
        assert both[0].result() is both[1].result()


def test_the_last_chunk_may_be_repeated_after_the_end(rig: Rig) -> None:
    rig.post_all()
    assert rig.post(LAST, final=True) is rig.replies[LAST]


# -- order --------------------------------------------------------------------------------------


def test_a_chunk_ahead_of_its_turn_is_held_and_tells_what_is_missing(rig: Rig) -> None:
    rig.post(0)
    reply = rig.post(3)
    assert not reply.complete
    assert reply.missing == (1, 2)
    assert reply.next_sequence == 1
    assert reply.audio.received == 0.5


def test_the_chunk_that_closes_a_gap_brings_in_those_that_were_held(rig: Rig) -> None:
    for sequence in (0, 2, 3, 1):
        rig.post(sequence)
    assert rig.replies[1].complete
    assert rig.replies[1].next_sequence == 4
    assert rig.replies[1].audio.received == 2.0


def test_a_chunk_too_far_ahead_is_refused_with_the_next_sequence(rig: Rig) -> None:
    rig.post(0)
    with pytest.raises(SequenceGap) as refused:
        rig.post(10)
    assert refused.value.next_sequence == 1


def test_three_requests_in_flight_give_the_same_transcript(rig: Rig, clean: str) -> None:
    random = np.random.default_rng(0)
    for first in range(0, len(CHUNKS), 3):
        group = random.permutation(range(first, min(first + 3, len(CHUNKS))))
        with ThreadPoolExecutor(3) as threads:
            for sent in [threads.submit(rig.post, int(n), None, n == LAST) for n in group]:
                sent.result()
    wait_for(lambda: rig.session.state == "ended", 10)
    rig.post(LAST, final=True)
    assert rig.text() == clean


@pytest.mark.parametrize("seed", range(20))
def test_a_bad_network_changes_nothing(seed: int, rig: Rig, clean: str) -> None:
    """Chunks come up to three places early or late, some twice; some replies are lost."""
    random = np.random.default_rng(seed)
    order = np.argsort(np.arange(len(CHUNKS)) + random.uniform(0, 3, len(CHUNKS)))
    sent: list[int] = []
    for sequence in order.tolist():
        again = [n for n in sent if random.random() < 0.1][-2:]
        for number in [sequence, *again]:
            wait_s = float(random.choice([0.0, 10.0]))
            reply = rig.post(number, final=number == LAST, wait_s=wait_s)
            audio = reply.audio
            accounted_s = audio.final + audio.pending + audio.silence
            assert audio.received == pytest.approx(accounted_s, abs=0.002)
        sent.append(sequence)
    wait_for(lambda: rig.session.state == "ended", 10)
    assert rig.text() == clean
    assert clean.startswith(rig.appended())


# -- late words ---------------------------------------------------------------------------------


def test_at_the_deadline_the_reply_tells_what_is_known(rig: Rig) -> None:
    rig.model.hold()
    rig.post(0)
    reply = rig.post(1, wait_s=0.0)
    assert not reply.complete
    assert not reply.partial
    assert reply.audio.pending > 0


def test_what_a_reply_left_out_is_told_by_a_later_one_exactly_once(rig: Rig, clean: str) -> None:
    rig.model.hold(Lane.FINAL)
    rig.post_range(0, 12, wait_s=0.0)
    assert not rig.appended()
    rig.model.let_go()
    rig.wait_idle()
    rig.post_range(12, len(CHUNKS))
    assert "w0" in rig.told(12)
    assert rig.appended() == clean


def test_a_held_chunk_never_tells_what_an_earlier_one_should(rig: Rig, clean: str) -> None:
    rig.model.hold(Lane.FINAL)
    rig.post_range(0, 12, wait_s=0.0)
    rig.model.let_go()
    rig.wait_idle()
    rig.post(13)
    rig.post(12)
    assert not rig.told(13)
    assert rig.told(12).startswith(" w0")
    rig.post_range(14, len(CHUNKS))
    assert rig.appended() == clean


def test_past_the_target_a_reply_leaves_final_text_to_the_next() -> None:
    speech = recording("en/long-ls-367.flac").samples()[: 10 * RATE_HZ]  # a short pause at 7 s
    model, chunks = FakeModel(speech), pcm_chunks(speech, 2.0)
    with pool_of(model) as pool:
        settings = Settings(latency_target_ms=100)
        session = Session("hurried", DecodingOptions(), settings, pool.submit)
        rig = Rig(session, model, pool, time.monotonic)
        for sequence in range(3):
            rig.post(sequence, chunks[sequence])
        rig.wait_idle()
        model.hold(Lane.FINAL)
        reply = rig.post(3, chunks[3])
        assert reply.complete
        assert not rig.told(3)
        assert "w12" in reply.partial
        model.let_go()
        rig.wait_idle()
        rig.post(4, chunks[4], final=True)
        assert rig.appended() == rig.text()


def test_the_last_reply_waits_for_everything(rig: Rig, clean: str) -> None:
    rig.post_range(0, LAST)
    rig.model.hold()
    with ThreadPoolExecutor(1) as threads:
        last = threads.submit(rig.post, LAST, None, True)
        wait_for(lambda: rig.pool.state().busy, 5)
        assert not last.done()
        rig.model.let_go()
        assert last.result().final
    assert rig.appended() == clean


# -- gaps ---------------------------------------------------------------------------------------


def give_up(rig: Rig) -> None:
    """Post all but 14 and 15, whose time runs out."""
    rig.post_range(0, 14)
    rig.post(16)
    advance(rig, SETTINGS.gap_timeout_s)
    rig.session.tick()


def test_a_gap_is_waited_for(rig: Rig) -> None:
    rig.post_range(0, 2)
    rig.post(3)
    advance(rig, SETTINGS.gap_timeout_s - 1)
    rig.session.tick()
    assert rig.session.snapshot().missing == (2,)


def test_a_gap_that_stays_open_is_given_up_and_shown(rig: Rig) -> None:
    give_up(rig)
    rig.post_range(17, len(CHUNKS))
    gaps = [segment for segment in rig.session.transcript.segments if segment.gap]
    assert [gap.text for gap in gaps] == [" […]"]
    assert gaps[0].end - gaps[0].start == pytest.approx(1.0, abs=0.2)
    assert " […] " in rig.text()


def test_after_a_gap_words_and_times_are_right_again(rig: Rig, clean: str) -> None:
    give_up(rig)
    rig.post_range(17, len(CHUNKS))
    after = rig.text().split(" […] ")[1]
    assert after in f"{clean} w27."
    for word in rig.session.transcript.segments[-1].words:
        assert word.end == pytest.approx((int(word.word.strip(" w.")) + 1) / 2, abs=0.04)


def test_seconds_that_were_lost_were_never_received(rig: Rig) -> None:
    give_up(rig)
    rig.post_range(17, len(CHUNKS))
    audio = rig.replies[LAST].audio
    assert audio.received == pytest.approx(len(TALK) / RATE_HZ - 1.0)
    assert audio.lost == pytest.approx(1.0, abs=0.2)
    assert audio.received == pytest.approx(audio.final + audio.pending + audio.silence, abs=0.002)


def test_a_chunk_that_was_given_up_comes_too_late(rig: Rig) -> None:
    give_up(rig)
    with pytest.raises(SequenceGivenUp):
        rig.post(14)


# -- refused bytes ------------------------------------------------------------------------------


def test_bytes_that_are_no_audio_are_refused_and_awaited_again(rig: Rig) -> None:
    with pytest.raises(NotAudio):
        rig.session.post(Chunk(0, [ChunkPart(b"these are only words")], False, rig.clock()), 1.0)
    assert rig.session.snapshot().next_sequence == 0
    assert rig.post(0).next_sequence == 1


def damage(rig: Rig, sequence: int) -> None:
    parts = [ChunkPart(b"\x1a\x45\xdf\xa3" + bytes(4000))]
    rig.session.post(Chunk(sequence, parts, False, rig.clock()), 1.0)


def test_damaged_audio_consumes_its_sequence_and_leaves_a_gap(rig: Rig) -> None:
    rig.post_range(0, 10)
    with pytest.raises(Undecodable):
        damage(rig, 10)
    with pytest.raises(Undecodable):
        damage(rig, 10)
    assert rig.session.snapshot().next_sequence == 11
    rig.post_range(11, len(CHUNKS))
    assert rig.text().count("[…]") == 1
    assert rig.appended() == rig.text()


def test_too_long_a_chunk_is_refused_and_the_session_goes_on(rig: Rig) -> None:
    rig.post(0)
    minutes = bytes(2 * RATE_HZ * (int(SETTINGS.max_chunk_s) + 1))
    with pytest.raises(TooLong):
        rig.post(1, minutes)
    assert rig.post(2).next_sequence == 3


def test_a_session_takes_no_more_than_the_longest_audio() -> None:
    model = FakeModel(TALK)
    with pool_of(model) as pool:
        session = Session("short", DecodingOptions(), Settings(max_audio_s=1), pool.submit, Clock())
        rig = Rig(session, model, pool, Clock())
        rig.post_range(0, 2)
        with pytest.raises(SessionTooLong, match="1 s"):
            rig.post(2)
        assert rig.post(1).next_sequence == 2


# -- the end ------------------------------------------------------------------------------------


def test_after_the_final_chunk_the_session_has_ended(rig: Rig) -> None:
    rig.post_all()
    assert rig.session.state == "ended"
    with pytest.raises(SessionEnded):
        rig.post(LAST + 1, CHUNKS[0])


def test_the_final_chunk_may_be_empty(rig: Rig) -> None:
    rig.post_range(0, LAST)
    assert rig.post(LAST, b"", final=True).final


def test_a_final_chunk_that_is_held_ends_the_session_once_the_gap_closes(rig: Rig) -> None:
    rig.post(0)
    rig.post(2, final=True)
    with pytest.raises(SessionEnded):
        rig.post(3)
    assert rig.session.state == "active"
    assert rig.post(1).final


def test_a_session_left_alone_makes_its_words_final_and_expires(rig: Rig) -> None:
    rig.post_range(0, 5)
    advance(rig, SETTINGS.session_ttl_s + 1)
    rig.session.tick()
    wait_for(lambda: rig.session.state == "expired", 10)
    assert "w3" in rig.text()
    with pytest.raises(SessionExpired):
        rig.post(5)


def test_a_chunk_keeps_a_session_alive(rig: Rig) -> None:
    for sequence in range(3):
        rig.post(sequence)
        advance(rig, SETTINGS.session_ttl_s - 1)
        rig.session.tick()
    assert rig.session.state == "active"


def test_who_waits_for_a_reply_learns_that_the_session_is_gone(rig: Rig) -> None:
    rig.post(0)
    rig.model.hold()
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(rig.post, 1)
        wait_for(lambda: rig.pool.state().busy, 5)
        rig.session.expire()
        assert isinstance(waiting.exception(5), SessionExpired)
        rig.model.let_go()


# -- readers ------------------------------------------------------------------------------------


def test_a_reader_waits_for_the_next_change(rig: Rig) -> None:
    rig.post(0)
    revision = rig.session.snapshot().revision
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(rig.session.wait_change, revision, -1, 10.0)
        rig.post_range(1, 4)
        waiting.result(5)
    assert rig.session.snapshot().revision > revision


def test_a_reader_sees_the_segments_after_the_one_it_has(rig: Rig) -> None:
    rig.post_all()
    everything = rig.session.snapshot()
    assert everything.segment_count == len(everything.segments) > 1
    assert rig.session.snapshot(after=0).segments == everything.segments[1:]
    assert rig.session.snapshot(after=99).segments == ()


# -- the model ----------------------------------------------------------------------------------


def test_the_language_is_detected_once_and_kept(rig: Rig) -> None:
    rig.model.language, rig.model.probability = "fr", 0.99
    rig.post_range(0, 10)
    rig.model.language = "de"
    rig.post_range(10, len(CHUNKS))
    assert rig.replies[LAST].language == "fr"
    assert rig.model.windows[-1].language == "fr"


def test_a_given_language_is_never_doubted() -> None:
    model = FakeModel(TALK)
    model.language = "de"
    with pool_of(model) as pool:
        session = Session("given", DecodingOptions("ru"), SETTINGS, pool.submit)
        Rig(session, model, pool, Clock()).post_all()
    assert {window.language for window in model.windows} == {"ru"}
    assert session.snapshot().language == "ru"


def test_a_final_pass_that_raises_is_tried_once_more(rig: Rig, clean: str) -> None:
    rig.model.failures[Lane.FINAL] = 1
    rig.post_all()
    assert rig.text() == clean


def test_a_final_pass_that_raises_twice_leaves_the_partial_text(rig: Rig) -> None:
    rig.model.failures[Lane.FINAL] = 1000
    rig.post_all()
    assert rig.replies[LAST].final
    assert "w0. w1 w2 w3." in rig.text()
    assert "w22 w23" in rig.text()
    assert rig.replies[LAST].audio.pending == 0


def test_a_partial_pass_that_raises_costs_only_itself(rig: Rig, clean: str) -> None:
    rig.model.failures[Lane.PARTIAL] = 3
    rig.post_all()
    assert all(reply.complete for reply in rig.replies.values())
    assert rig.text() == clean


def test_a_bug_in_decoding_costs_one_chunk(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rig.post_range(0, 3)
    with monkeypatch.context() as patch:
        patch.setattr(rig.session._intake, "decode", lambda parts: 1 // 0)
        with pytest.raises(Undecodable, match="ZeroDivisionError"):
            rig.post(3)
    assert rig.post(4).next_sequence == 5
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_no_more_than_one_partial_pass_ever_waits() -> None:
    """However slow the model: newer audio joins the pass that waits."""
    asked: list[Lane] = []
    session = Session(
        "slow", DecodingOptions(), SETTINGS, lambda lane, source: asked.append(lane), Clock()
    )
    for sequence in range(6):
        chunk = Chunk(sequence, [ChunkPart(CHUNKS[sequence], PCM)], False, 1000.0)
        session.post(chunk, 0.0)
    window = session._passes.next_window(Lane.PARTIAL)
    assert window is not None
    assert window.seconds == pytest.approx(3.0, abs=0.3)
    assert session._passes.next_window(Lane.PARTIAL) is None


def test_tickets_of_a_busy_pool_dont_pile_up(rig: Rig) -> None:
    rig.model.hold()
    rig.post_range(0, 20, wait_s=0.0)
    assert rig.pool.state().depth <= 2


def test_final_passes_see_the_pieces_before_as_their_prefix(rig: Rig) -> None:
    rig.post_all()
    finals = [window for window in rig.model.windows if window.lane is Lane.FINAL]
    assert any("w12" in window.prefix for window in finals)
    assert all(window.seconds <= 30 for window in finals)


def test_a_long_session_keeps_little_audio() -> None:
    model = FakeModel(TALK)
    with pool_of(model) as pool:
        session = Session("long", DecodingOptions(), SETTINGS, pool.submit)
        rig = Rig(session, model, pool, Clock())
        for sequence in range(6 * len(CHUNKS)):
            rig.post(sequence, CHUNKS[sequence % len(CHUNKS)])
        held = sum(run.end - run.start for run in session._intake.buffer._runs)
    assert held / RATE_HZ < 45


def test_a_session_leaves_no_thread_behind(rig: Rig) -> None:
    for sequence in range(3):
        parts = [ChunkPart(blobs("webm-opus")[sequence])]
        rig.session.post(Chunk(sequence, parts, False, rig.clock()), 0.0)
    assert any(thread.name == "decode-webm" for thread in threading.enumerate())
    rig.session.expire()
    assert not any(thread.name == "decode-webm" for thread in threading.enumerate())


def test_submit_hands_over_the_session_as_source(rig: Rig) -> None:
    sources: list[Source] = []
    session = Session(
        "one", DecodingOptions(), SETTINGS, lambda lane, source: sources.append(source), Clock()
    )
    session.post(Chunk(0, [ChunkPart(b"".join(CHUNKS[:3]), PCM)], False, 1000.0), 0.0)
    assert [source.next_window(Lane.PARTIAL) is not None for source in sources] == [True]
