"""One live session, with a model that hears numbered words: every word once, in order."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from config.settings import Settings
from tests.support.engine import FakeModel, pcm_chunks, pool_of
from tests.support.recordings import RATE_HZ, blobs
from tests.support.rig import CHUNKS, LAST, SPOKEN, TALK, Rig
from tests.support.server import wait_for
from transcriber.engine.window import DecodingOptions, Lane
from transcriber.live.chunk import Chunk
from transcriber.live.intake import ChunkPart
from transcriber.live.session import Session

# -- the plain way ------------------------------------------------------------------------------


def test_replies_appended_in_order_are_the_transcript(rig: Rig) -> None:
    rig.post_all()
    assert rig.appended() == rig.text()
    assert rig.words() == sorted(SPOKEN)


@pytest.mark.parametrize("seconds", [0.1, 0.37, 2.0])
def test_the_transcript_does_not_depend_on_the_length_of_chunks(
    seconds: float, rig: Rig, clean: list[int]
) -> None:
    chunks = pcm_chunks(TALK, seconds)
    for sequence, data in enumerate(chunks):
        rig.post(sequence, data, final=sequence == len(chunks) - 1)
    assert rig.words() == clean


def test_a_reply_shows_the_newest_words_as_partial_text(rig: Rig) -> None:
    rig.post_range(0, 5)
    assert "w3" in rig.replies[4].partial
    assert rig.replies[4].complete
    assert not rig.told(4)


def test_words_that_two_passes_agree_on_are_stable(rig: Rig) -> None:
    rig.post_range(0, 5)
    before, now = rig.replies[3].partial, rig.replies[4]
    assert now.stable_chars
    assert before.startswith(now.partial[: now.stable_chars])


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


# -- late words ---------------------------------------------------------------------------------


def test_at_the_deadline_the_reply_tells_what_is_known(rig: Rig) -> None:
    rig.model.hold()
    rig.post(0)
    reply = rig.post(1, wait_s=0.0)
    assert not reply.complete
    assert not reply.partial
    assert reply.audio.pending > 0


def test_what_a_reply_left_out_is_told_by_a_later_one_exactly_once(
    rig: Rig, clean: list[int]
) -> None:
    rig.model.hold(Lane.FINAL)
    rig.post_range(0, 12, wait_s=0.0)
    assert not rig.appended()
    rig.model.let_go()
    rig.wait_idle()
    rig.post_range(12, len(CHUNKS))
    assert "w0" in rig.told(12)
    assert rig.appended_words() == clean


def test_a_held_chunk_never_tells_what_an_earlier_one_should(rig: Rig, clean: list[int]) -> None:
    rig.model.hold(Lane.FINAL)
    rig.post_range(0, 12, wait_s=0.0)
    rig.model.let_go()
    rig.wait_idle()
    rig.post(13)
    rig.post(12)
    assert not rig.told(13)
    assert rig.told(12).startswith(" w0")
    rig.post_range(14, len(CHUNKS))
    assert rig.appended_words() == clean


def test_past_the_target_a_reply_leaves_final_text_to_the_next() -> None:
    """In the second chunk a pause closes the first piece, and the next one has just begun."""
    first, second, third = (
        TALK[int(start_s * RATE_HZ) : int(end_s * RATE_HZ)]
        for start_s, end_s in ((0, 2.9), (2.9, 7.2), (7.2, 14))
    )
    model = FakeModel(TALK)
    with pool_of(model) as pool:
        settings = Settings(latency_target_ms=100)
        session = Session("hurried", DecodingOptions(), settings, pool.submit)
        rig = Rig(session, model, pool, time.monotonic)
        rig.post(0, pcm_chunks(first, 5)[0])
        rig.wait_idle()
        model.hold(Lane.FINAL)
        reply = rig.post(1, pcm_chunks(second, 5)[0])
        assert reply.complete
        assert not rig.told(1)
        assert "w4 w5" in reply.partial, "of the piece that is not final yet"
        assert "w13" in reply.partial, "of the one behind it"
        model.let_go()
        rig.wait_idle()
        rig.post(2, pcm_chunks(third, 7)[0], final=True)
        assert rig.appended() == rig.text()
        assert rig.words() == sorted(SPOKEN)


def test_the_last_reply_waits_for_everything(rig: Rig, clean: list[int]) -> None:
    rig.post_range(0, LAST)
    rig.model.hold()
    with ThreadPoolExecutor(1) as threads:
        last = threads.submit(rig.post, LAST, None, True)
        wait_for(lambda: rig.pool.state().busy, 5)
        assert not last.done()
        rig.model.let_go()
        assert last.result().final
    assert rig.appended_words() == clean


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
