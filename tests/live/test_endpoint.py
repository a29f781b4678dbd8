"""Where pieces end: properties that hold for any audio, whatever the rules are tuned to."""

from __future__ import annotations

import pytest

from tests.support.frames import (
    FRAME_S,
    QUICK,
    SILENCE,
    SPEECH,
    Event,
    any_frames,
    any_rules,
    drain,
    pieces_of,
    runs,
    seconds,
)
from transcriber.audio.vad import FRAME_SAMPLES
from transcriber.engine.window import SAMPLE_RATE_HZ
from transcriber.live.endpoint import CutRules, Endpointer, Gap

owners = pytest.mark.parametrize("cuts", [False, True], ids=["whole", "cut by its owner"])


@any_rules
@any_frames
@owners
def test_pieces_are_in_order_and_never_overlap(
    rules: CutRules, frames: list[float], cuts: bool
) -> None:
    pieces = pieces_of(frames, rules, cuts)
    borders = [border for piece in pieces for border in (piece.start, piece.end)]
    assert borders == sorted(borders)
    assert all(0 <= border <= len(frames) * FRAME_SAMPLES for border in borders)


@any_rules
@any_frames
@owners
def test_no_piece_is_longer_than_the_maximum(
    rules: CutRules, frames: list[float], cuts: bool
) -> None:
    """But for a part of the pause that it is closed by."""
    longest = (rules.max_piece_s + rules.pause_s + FRAME_S) * SAMPLE_RATE_HZ
    assert all(piece.heard_to - piece.start <= longest for piece in pieces_of(frames, rules, cuts))


@any_rules
@any_frames
@owners
def test_nothing_of_speech_is_trimmed_away(
    rules: CutRules, frames: list[float], cuts: bool
) -> None:
    pieces = pieces_of(frames, rules, cuts)
    for speech, start, end in runs(frames):
        covered = sum(max(0, min(end, piece.end) - max(start, piece.start)) for piece in pieces)
        if speech and end - start >= 2 * rules.min_speech_s * SAMPLE_RATE_HZ:
            assert end - start - covered < rules.min_speech_s * SAMPLE_RATE_HZ


@any_rules
@any_frames
@owners
def test_silence_is_in_a_piece_only_as_a_margin_or_a_short_pause(
    rules: CutRules, frames: list[float], cuts: bool
) -> None:
    most_s = max(rules.lead_s + rules.margin_s, rules.long_pause_s) + 2 * FRAME_S
    for piece in pieces_of(frames, rules, cuts):
        for speech, start, end in runs(frames):
            inside = min(end, piece.end) - max(start, piece.start)
            assert speech or inside <= most_s * SAMPLE_RATE_HZ


@any_rules
@any_frames
def test_every_piece_that_is_closed_has_speech_in_it(rules: CutRules, frames: list[float]) -> None:
    for piece in pieces_of(frames, rules):
        assert piece.speech_s >= rules.min_speech_s
        assert any(
            speech and start < piece.speech_end <= end and piece.start < piece.speech_end
            for speech, start, end in runs(frames)
        )
        assert piece.speech_end <= piece.end


@any_rules
@any_frames
@owners
def test_what_is_decoded_goes_a_little_beyond_the_piece(
    rules: CutRules, frames: list[float], cuts: bool
) -> None:
    for piece in pieces_of(frames, rules, cuts):
        assert 0 <= piece.heard_to - piece.end <= rules.after_s * SAMPLE_RATE_HZ


@any_rules
@any_frames
@pytest.mark.parametrize("size", [13, 300])
def test_what_nobody_cuts_doesnt_depend_on_the_chunks(
    rules: CutRules, frames: list[float], size: int
) -> None:
    endpointer = Endpointer(rules)
    pieces: list[Event] = []
    for start in range(0, len(frames), size):
        endpointer.push(frames[start : start + size])
        pieces += drain(endpointer)
    endpointer.push_end()
    assert [*pieces, *drain(endpointer)] == pieces_of(frames, rules)


# -- single decisions ---------------------------------------------------------------------------


def test_silence_makes_no_piece_and_takes_no_memory() -> None:
    endpointer = Endpointer()
    endpointer.push(seconds(600, SILENCE))
    assert endpointer.next_event() is None
    assert endpointer.open_start is None
    assert len(endpointer._frames) < 100


def test_a_click_is_no_piece() -> None:
    assert pieces_of([*seconds(1, SILENCE), SPEECH, *seconds(2, SILENCE)]) == []


def test_a_long_pause_closes_a_piece() -> None:
    frames = [*seconds(1, SPEECH), *seconds(2, SILENCE), *seconds(1, SPEECH)]
    assert len(pieces_of(frames, CutRules())) == 2


@pytest.mark.parametrize("length_s, pieces", [(5, 1), (22, 2)])
def test_a_short_pause_closes_it_only_where_it_is_full(length_s: float, pieces: int) -> None:
    frames = [*seconds(length_s, SPEECH), *seconds(0.6, SILENCE), *seconds(3, SPEECH)]
    assert len(pieces_of(frames, CutRules())) == pieces


def test_speech_without_a_pause_is_cut_where_it_is_least_likely() -> None:
    frames = [*seconds(23, SPEECH), *seconds(0.2, 0.5), *seconds(6, SPEECH)]
    first, second = pieces_of(frames, CutRules())
    assert first.end / SAMPLE_RATE_HZ == pytest.approx(23.1, abs=0.15)
    assert second.start == first.end


def test_the_end_closes_what_is_open() -> None:
    (piece,) = pieces_of([*seconds(1, SILENCE), *seconds(1, SPEECH)], CutRules())
    assert piece.end == len(seconds(2, SPEECH)) * FRAME_SAMPLES


@any_frames
def test_after_the_end_nothing_is_open(frames: list[float]) -> None:
    endpointer = Endpointer(QUICK)
    endpointer.push(frames)
    endpointer.push_end()
    drain(endpointer)
    assert endpointer.open_start is None
    assert endpointer.needed_from <= endpointer.position


# -- jumps over lost audio ----------------------------------------------------------------------


def jumped(shown: bool) -> list[Event]:
    endpointer = Endpointer()
    endpointer.push(seconds(2, SPEECH))
    lost_from = len(seconds(2, SPEECH)) * FRAME_SAMPLES
    endpointer.push_jump(lost_from + SAMPLE_RATE_HZ, shown)
    endpointer.push(seconds(2, SPEECH))
    endpointer.push_end()
    return drain(endpointer)


def test_lost_audio_ends_a_piece_and_starts_another_behind_it() -> None:
    before, gap, after = jumped(shown=True)
    assert isinstance(gap, Gap)
    assert before.end <= gap.start
    assert gap.end - gap.start == SAMPLE_RATE_HZ
    assert after.start == gap.end


def test_lost_audio_that_is_not_shown_separates_just_the_same() -> None:
    before, after = jumped(shown=False)
    assert after.start - before.end >= SAMPLE_RATE_HZ
