"""What a session asks of the model, and what becomes of it when the model fails."""

from __future__ import annotations

import logging
import threading

import pytest

from tests.support.engine import Clock, FakeModel, pool_of
from tests.support.recordings import RATE_HZ, blobs
from tests.support.rig import CHUNKS, LAST, PCM, SETTINGS, TALK, Rig
from transcriber.audio.errors import Undecodable
from transcriber.engine.source import Source
from transcriber.engine.window import DecodingOptions, Lane
from transcriber.live.chunk import Chunk
from transcriber.live.intake import ChunkPart
from transcriber.live.session import Session


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


def test_a_final_pass_that_raises_is_tried_once_more(rig: Rig, clean: list[int]) -> None:
    rig.model.failures[Lane.FINAL] = 1
    rig.post_all()
    assert rig.words() == clean


def test_a_final_pass_that_raises_twice_leaves_the_partial_text(rig: Rig) -> None:
    rig.model.failures[Lane.FINAL] = 1000
    rig.post_all()
    assert rig.replies[LAST].final
    assert "w0. w1 w2 w3." in rig.text()
    assert "w22 w23" in rig.text()
    assert rig.replies[LAST].audio.pending == 0


def test_a_partial_pass_that_raises_costs_only_itself(rig: Rig, clean: list[int]) -> None:
    rig.model.failures[Lane.PARTIAL] = 3
    rig.post_all()
    assert all(reply.complete for reply in rig.replies.values())
    assert rig.words() == clean


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
