"""Where pieces end: properties that hold for any audio, whatever the rules are tuned to."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from transcriber.audio.vad import FRAME_SAMPLES
from transcriber.engine.window import SAMPLE_RATE_HZ
from transcriber.live.endpoint import (
    OFFSET_PROB,
    ONSET_PROB,
    CutRules,
    Endpointer,
    Gap,
    Utterance,
)

QUICK = CutRules(
    proposals=((1.0, 0.2),),
    long_pause_s=0.5,
    full_piece_s=2.0,
    full_pause_s=0.15,
    max_piece_s=3.0,
    search_s=1.0,
    lead_s=0.4,
    margin_s=0.25,
    after_s=0.1,
)
FRAME_S = FRAME_SAMPLES / SAMPLE_RATE_HZ
SPEECH, SILENCE = 0.9, 0.05

Event = Utterance | Gap
Verdict = Callable[[Utterance], bool]


def random_frames(seed: int) -> list[float]:
    """Return up to a minute of speech, pauses, clicks and doubtful sounds."""
    random = np.random.default_rng(seed)
    levels = random.choice([0.0, 0.2, 0.4, 0.6, 0.95], random.integers(0, 40))
    return [float(level) for level in levels for _ in range(random.integers(1, 80))]


rules = pytest.mark.parametrize("rules", [CutRules(), QUICK], ids=["real rules", "quick rules"])
any_frames = pytest.mark.parametrize("frames", [*map(random_frames, range(15))], ids=range(15))


def some_verdict(piece: Utterance) -> bool:
    """Accept about half of the proposals, depending on the piece alone."""
    return (piece.start // FRAME_SAMPLES + piece.end // FRAME_SAMPLES) % 2 == 0


def drain(endpointer: Endpointer, verdict: Verdict) -> list[Event]:
    """Return the events there are, judging proposals on the way."""
    events: list[Event] = []
    while (event := endpointer.next_event()) is not None:
        if isinstance(event, Gap) or event.settled:
            events.append(event)
        elif verdict(event):
            endpointer.accept()
            events.append(event)
        else:
            endpointer.reject()
    return events


def cut(
    frames: Sequence[float], rules: CutRules = QUICK, verdict: Verdict = some_verdict
) -> list[Utterance]:
    """Return the pieces of a recording."""
    endpointer = Endpointer(rules)
    endpointer.push(frames)
    endpointer.push_end()
    return [event for event in drain(endpointer, verdict) if isinstance(event, Utterance)]


def in_speech(frames: Sequence[float]) -> list[bool]:
    """Tell for each frame whether it is speech."""
    found: list[bool] = []
    for probability in frames:
        speaking = bool(found) and found[-1]
        found.append(probability >= (OFFSET_PROB if speaking else ONSET_PROB))
    return found


def runs(frames: Sequence[float]) -> list[tuple[bool, int, int]]:
    """Return the runs of speech and of silence: (speech, start, end) in samples."""
    found, at = [], 0
    for speech, group in itertools.groupby(in_speech(frames)):
        length = len(list(group)) * FRAME_SAMPLES
        found.append((speech, at, at + length))
        at += length
    return found


@rules
@any_frames
def test_pieces_are_in_order_and_never_overlap(rules: CutRules, frames: list[float]) -> None:
    borders = [border for piece in cut(frames, rules) for border in (piece.start, piece.end)]
    assert borders == sorted(borders)
    assert all(0 <= border <= len(frames) * FRAME_SAMPLES for border in borders)


@rules
@any_frames
def test_no_piece_is_longer_than_the_maximum(rules: CutRules, frames: list[float]) -> None:
    longest = (rules.max_piece_s + FRAME_S) * SAMPLE_RATE_HZ
    assert all(piece.end - piece.start <= longest for piece in cut(frames, rules))


@rules
@any_frames
def test_nothing_of_speech_is_trimmed_away(rules: CutRules, frames: list[float]) -> None:
    pieces = cut(frames, rules)
    for speech, start, end in runs(frames):
        covered = sum(max(0, min(end, piece.end) - max(start, piece.start)) for piece in pieces)
        if speech and end - start >= 2 * rules.min_speech_s * SAMPLE_RATE_HZ:
            assert end - start - covered < rules.min_speech_s * SAMPLE_RATE_HZ


@rules
@any_frames
def test_silence_is_in_a_piece_only_as_a_margin_or_a_short_pause(
    rules: CutRules, frames: list[float]
) -> None:
    most_s = max(rules.lead_s + rules.margin_s, rules.long_pause_s) + 2 * FRAME_S
    for piece in cut(frames, rules):
        for speech, start, end in runs(frames):
            inside = min(end, piece.end) - max(start, piece.start)
            assert speech or inside <= most_s * SAMPLE_RATE_HZ


@rules
@any_frames
def test_every_piece_has_speech_in_it(rules: CutRules, frames: list[float]) -> None:
    for piece in cut(frames, rules):
        assert piece.speech_s >= rules.min_speech_s
        assert any(
            speech and start < piece.end and end > piece.start
            for speech, start, end in runs(frames)
        )


@rules
@any_frames
def test_what_is_decoded_goes_a_little_beyond_the_piece(
    rules: CutRules, frames: list[float]
) -> None:
    for piece in cut(frames, rules):
        assert 0 <= piece.heard_to - piece.end <= rules.after_s * SAMPLE_RATE_HZ


@rules
@any_frames
@pytest.mark.parametrize("size", [1, 13, 300])
def test_the_pieces_dont_depend_on_the_chunks(
    rules: CutRules, frames: list[float], size: int
) -> None:
    endpointer = Endpointer(rules)
    pieces: list[Event] = []
    for start in range(0, len(frames), size):
        endpointer.push(frames[start : start + size])
        pieces += drain(endpointer, some_verdict)
    endpointer.push_end()
    assert [*pieces, *drain(endpointer, some_verdict)] == cut(frames, rules)


@rules
@any_frames
def test_nor_on_how_late_a_verdict_comes(rules: CutRules, frames: list[float]) -> None:
    endpointer = Endpointer(rules)
    pieces: list[Event] = []
    for number, frame in enumerate(frames):
        endpointer.push([frame])
        if number % 37 == 0:
            pieces += drain(endpointer, some_verdict)
    endpointer.push_end()
    assert [*pieces, *drain(endpointer, some_verdict)] == cut(frames, rules)


# -- single decisions ---------------------------------------------------------------------------


def seconds(count: float, level: float) -> list[float]:
    return [level] * round(count / FRAME_S)


def test_silence_makes_no_piece_and_takes_no_memory() -> None:
    endpointer = Endpointer()
    endpointer.push(seconds(600, SILENCE))
    assert endpointer.next_event() is None
    assert endpointer.open_start is None
    assert len(endpointer._frames) < 100


def test_a_click_is_no_piece() -> None:
    assert cut([*seconds(1, SILENCE), SPEECH, *seconds(2, SILENCE)]) == []


def test_a_long_pause_closes_a_piece_whatever_its_text() -> None:
    frames = [*seconds(1, SPEECH), *seconds(2, SILENCE), *seconds(1, SPEECH)]
    assert len(cut(frames, CutRules(), lambda piece: False)) == 2


def test_a_short_pause_closes_it_only_where_the_text_ends_a_sentence() -> None:
    frames = [*seconds(5, SPEECH), *seconds(0.6, SILENCE), *seconds(5, SPEECH)]
    assert len(cut(frames, CutRules(), lambda piece: True)) == 2
    assert len(cut(frames, CutRules(), lambda piece: False)) == 1


def test_a_proposal_waits_for_its_verdict() -> None:
    endpointer = Endpointer()
    endpointer.push([*seconds(5, SPEECH), *seconds(0.6, SILENCE), *seconds(5, SPEECH)])
    piece = endpointer.next_event()
    assert isinstance(piece, Utterance)
    assert not piece.settled
    assert endpointer.waiting_for_verdict
    assert endpointer.next_event() is None
    endpointer.accept()
    endpointer.next_event()
    assert endpointer.open_start == piece.end


def test_speech_without_a_pause_is_cut_where_it_is_least_likely() -> None:
    frames = [*seconds(23, SPEECH), *seconds(0.2, 0.5), *seconds(6, SPEECH)]
    first, second = cut(frames, CutRules())
    assert first.end / SAMPLE_RATE_HZ == pytest.approx(23.1, abs=0.15)
    assert second.start == first.end


def test_the_end_closes_what_is_open() -> None:
    (piece,) = cut([*seconds(1, SILENCE), *seconds(1, SPEECH)], CutRules())
    assert piece.end == len(seconds(2, SPEECH)) * FRAME_SAMPLES


@any_frames
def test_after_the_end_nothing_is_open(frames: list[float]) -> None:
    endpointer = Endpointer(QUICK)
    endpointer.push(frames)
    endpointer.push_end()
    drain(endpointer, some_verdict)
    assert endpointer.caught_up
    assert endpointer.open_start is None


# -- jumps over lost audio ----------------------------------------------------------------------


def jumped(shown: bool) -> list[Event]:
    endpointer = Endpointer()
    endpointer.push(seconds(2, SPEECH))
    lost_from = endpointer_end = len(seconds(2, SPEECH)) * FRAME_SAMPLES
    endpointer.push_jump(lost_from + SAMPLE_RATE_HZ, shown)
    endpointer.push(seconds(2, SPEECH))
    endpointer.push_end()
    assert endpointer_end == lost_from
    return drain(endpointer, some_verdict)


def test_lost_audio_ends_a_piece_and_starts_another_behind_it() -> None:
    before, gap, after = jumped(shown=True)
    assert isinstance(gap, Gap)
    assert before.end <= gap.start
    assert gap.end - gap.start == SAMPLE_RATE_HZ
    assert after.start == gap.end


def test_lost_audio_that_is_not_shown_separates_just_the_same() -> None:
    before, after = jumped(shown=False)
    assert after.start - before.end >= SAMPLE_RATE_HZ
