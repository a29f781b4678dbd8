"""From bytes to pieces, and where every second of them is."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tests.support.engine import pcm_chunks, talk
from tests.support.recordings import RATE_HZ, blobs
from transcriber.audio.pcm import PcmFormat
from transcriber.live.endpoint import Gap, Utterance
from transcriber.live.intake import ChunkPart, Intake

TALK = talk()
PCM = PcmFormat(RATE_HZ, order="little")


@pytest.fixture
def intake() -> Iterator[Intake]:
    """A fresh intake."""
    one = Intake(60.0)
    yield one
    one.close()


def hear(intake: Intake, data: bytes, pcm: PcmFormat | None = PCM) -> None:
    intake.take(intake.decode([ChunkPart(data, pcm)]))


def events(intake: Intake) -> list[Utterance | Gap]:
    """Return the pieces and gaps that are new."""
    found: list[Utterance | Gap] = []
    while (event := intake.endpointer.next_event()) is not None:
        found.append(event)
    return found


def cut(intake: Intake) -> None:
    """Make the first half of what is open final, as its owner does while speech goes on."""
    start = intake.endpointer.open_start
    if start is not None:
        middle = (start + intake.endpointer.position) // 2
        if intake.endpointer.speech_behind(middle):
            intake.made_final(intake.endpointer.cut(middle))


def lose(intake: Intake, chunks: int = 1) -> None:
    intake.take(intake.resume_after_loss(chunks))


def test_the_audio_is_kept_at_its_place(intake: Intake) -> None:
    for chunk in pcm_chunks(TALK, 0.5):
        hear(intake, chunk)
    assert intake.received_s == len(TALK) / RATE_HZ
    assert np.array_equal(intake.buffer.read(0, len(TALK)), TALK)


@pytest.mark.parametrize("seconds", [0.1, 3.0])
def test_the_pieces_dont_depend_on_the_chunks(seconds: float, intake: Intake) -> None:
    whole = Intake(60.0)
    hear(whole, pcm_chunks(TALK, 60)[0])
    found = []
    for chunk in pcm_chunks(TALK, seconds):
        hear(intake, chunk)
        found += events(intake)
    assert found == events(whole)
    assert len(found) >= 2


def test_several_parts_are_one_chunk(intake: Intake) -> None:
    parts = [ChunkPart(blob) for blob in blobs("webm-opus")[:5]]
    intake.take(intake.decode(parts))
    assert intake.received_s == pytest.approx(2.0, abs=0.4)


@pytest.mark.parametrize("cuts", [False, True], ids=["whole", "cut while it is open"])
@pytest.mark.parametrize("seconds", [0.1, 0.5])
def test_received_is_final_pending_and_silence(seconds: float, cuts: bool, intake: Intake) -> None:
    closed, final_s = 0, 0.0
    for chunk in pcm_chunks(TALK, seconds):
        hear(intake, chunk)
        for event in events(intake):
            assert isinstance(event, Utterance)
            closed += event.end - event.start
        if cuts:
            cut(intake)
        audio = intake.seconds(closed)
        accounted_s = audio.final + audio.pending + audio.silence
        assert audio.received == pytest.approx(accounted_s, abs=0.002)
        assert min(audio.final, audio.pending, audio.silence) >= 0
        assert audio.final >= final_s
        final_s = audio.final
    assert (final_s > 0) == cuts


def test_a_piece_that_became_final_is_pending_no_longer(intake: Intake) -> None:
    hear(intake, pcm_chunks(TALK, 60)[0])
    intake.take_end()
    pieces = [event for event in events(intake) if isinstance(event, Utterance)]
    for piece in pieces:
        intake.made_final(piece)
    audio = intake.seconds(0)
    assert audio.pending == 0
    assert audio.final == pytest.approx(sum(one.end - one.start for one in pieces) / RATE_HZ)


def test_a_lost_chunk_without_a_clock_counts_as_long_as_the_others(intake: Intake) -> None:
    chunks = pcm_chunks(TALK, 0.5)
    for chunk in chunks[:4]:
        hear(intake, chunk)
    lose(intake, chunks=2)
    hear(intake, chunks[6])
    (gap,) = [event for event in events(intake) if isinstance(event, Gap)]
    assert gap.start / RATE_HZ == pytest.approx(2.0, abs=0.04)
    assert gap.end / RATE_HZ == 3.0
    assert intake.buffer.end == 3.5 * RATE_HZ
    assert intake.seconds(0).lost == 1.0


@pytest.mark.parametrize("name", ["webm-opus", "mp4-opus"])
def test_a_lost_blob_is_as_long_as_the_container_says(name: str, intake: Intake) -> None:
    complete = Intake(60.0)
    hear(complete, b"".join(blobs(name)[:20]), None)
    hear(intake, b"".join(blobs(name)[:8]), None)
    lose(intake, chunks=3)
    hear(intake, b"".join(blobs(name)[11:20]), None)
    (gap,) = [event for event in events(intake) if isinstance(event, Gap)]
    assert (gap.end - gap.start) / RATE_HZ == pytest.approx(1.2, abs=0.4)
    assert intake.buffer.end == pytest.approx(complete.buffer.end, abs=16)
    complete.close()


def test_a_loss_at_the_very_end_is_shown_without_a_length(intake: Intake) -> None:
    hear(intake, pcm_chunks(TALK, 2.0)[0])
    lose(intake)
    intake.take_end()
    gap = events(intake)[-1]
    assert isinstance(gap, Gap)
    assert gap.end - gap.start < 0.04 * RATE_HZ


def test_losses_before_any_audio_are_shown_too(intake: Intake) -> None:
    lose(intake)
    hear(intake, pcm_chunks(TALK, 2.0)[0])
    assert isinstance(events(intake)[0], Gap)


def test_the_end_brings_out_what_was_held_back(intake: Intake) -> None:
    hear(intake, pcm_chunks(TALK, 2.0)[0], PcmFormat(24_000, order="little"))
    before_s = intake.received_s
    intake.take(intake.end())
    assert before_s < intake.received_s <= before_s + 0.01
