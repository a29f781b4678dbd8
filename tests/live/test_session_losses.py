"""Chunks that never come, or bring no audio: gaps are shown, and nothing else is lost."""

from __future__ import annotations

import pytest

from config.settings import Settings
from tests.support.engine import Clock, FakeModel, number, pool_of
from tests.support.recordings import RATE_HZ
from tests.support.rig import CHUNKS, LAST, PCM, SETTINGS, SPOKEN, TALK, Rig, words
from transcriber.audio.errors import NotAudio, TooLong, Undecodable
from transcriber.engine.window import DecodingOptions
from transcriber.live.chunk import Chunk
from transcriber.live.errors import SequenceGivenUp, SessionTooLong
from transcriber.live.intake import ChunkPart
from transcriber.live.session import Session

# -- gaps ---------------------------------------------------------------------------------------


def give_up(rig: Rig) -> None:
    """Post all but 14 and 15, whose time runs out."""
    rig.post_range(0, 14)
    rig.post(16)
    rig.advance(SETTINGS.gap_timeout_s)
    rig.session.tick()


def test_a_gap_is_waited_for(rig: Rig) -> None:
    rig.post_range(0, 2)
    rig.post(3)
    rig.advance(SETTINGS.gap_timeout_s - 1)
    rig.session.tick()
    assert rig.session.snapshot().missing == (2,)


def test_a_gap_that_stays_open_is_given_up_and_shown(rig: Rig) -> None:
    give_up(rig)
    rig.post_range(17, len(CHUNKS))
    gaps = [segment for segment in rig.session.transcript.segments if segment.gap]
    assert [gap.text for gap in gaps] == [" […]"]
    assert gaps[0].end - gaps[0].start == pytest.approx(1.0, abs=0.2)
    assert " […] " in rig.text()


def test_after_a_gap_words_and_times_are_right_again(rig: Rig, clean: list[int]) -> None:
    give_up(rig)
    rig.post_range(17, len(CHUNKS))
    after = words(rig.text().split(" […] ")[1])
    assert len(after) > 3
    assert after == clean[-len(after) :]
    for word in rig.session.transcript.segments[-1].words:
        assert word.end == pytest.approx((number(word.word) + 1) / 2, abs=0.04)


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


def test_what_is_no_audio_behind_audio_shifts_nothing(rig: Rig) -> None:
    """The audio before it is taken already; nothing tells how long it should have been."""
    rig.post_range(0, 10)
    parts = [ChunkPart(CHUNKS[10], PCM), ChunkPart(b"these are only words")]
    rig.session.post(Chunk(10, parts, False, rig.clock()), 10.0)
    rig.post_range(11, len(CHUNKS))
    segments = rig.session.transcript.segments
    (gap,) = (segment for segment in segments if segment.gap)
    assert gap.start == pytest.approx(5.5, abs=0.04)
    assert gap.end == pytest.approx(5.5)
    assert rig.words() == sorted(SPOKEN)
    assert rig.session.snapshot().audio.lost == 0
    assert segments[-1].end <= len(TALK) / RATE_HZ


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
