"""Made-up speech for the endpointer: probabilities of 32 ms frames, and what is speech in them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

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
    pause_s=0.15,
    long_pause_s=0.5,
    full_piece_s=2.0,
    max_piece_s=3.0,
    search_s=1.0,
    lead_s=0.4,
    margin_s=0.25,
    after_s=0.1,
)
FRAME_S = FRAME_SAMPLES / SAMPLE_RATE_HZ
SPEECH, SILENCE = 0.9, 0.05

Event = Utterance | Gap


def seconds(count: float, level: float) -> list[float]:
    """Return so many seconds of frames at one level."""
    return [level] * round(count / FRAME_S)


def random_frames(seed: int) -> list[float]:
    """Return up to a minute of speech, pauses, clicks and doubtful sounds."""
    random = np.random.default_rng(seed)
    levels = random.choice([0.0, 0.2, 0.4, 0.6, 0.95], random.integers(0, 40))
    return [float(level) for level in levels for _ in range(random.integers(1, 80))]


any_rules = pytest.mark.parametrize("rules", [CutRules(), QUICK], ids=["real rules", "quick rules"])
any_frames = pytest.mark.parametrize("frames", [*map(random_frames, range(15))], ids=range(15))


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


def drain(endpointer: Endpointer) -> list[Event]:
    """Return the events there are."""
    events: list[Event] = []
    while (event := endpointer.next_event()) is not None:
        events.append(event)
    return events


def some_cut(endpointer: Endpointer, random: np.random.Generator) -> int | None:
    """Return where an owner might cut the open piece: in the present pause, or before speech."""
    start, pause_cut = endpointer.open_start, endpointer.pause_cut
    if start is None or random.random() > 0.05:
        return None
    if pause_cut is not None and random.random() < 0.5:
        return pause_cut
    position = int(random.integers(start + 1, endpointer.position))
    return position if endpointer.speech_behind(position) else None


def pieces_of(
    frames: Sequence[float], rules: CutRules = QUICK, cuts: bool = False
) -> list[Utterance]:
    """Return the pieces of a recording: closed ones and, if wanted, those that its owner cuts."""
    endpointer, random = Endpointer(rules), np.random.default_rng(0)
    pieces: list[Event] = []
    for frame in frames:
        endpointer.push([frame])
        pieces += drain(endpointer)
        position = some_cut(endpointer, random) if cuts else None
        if position is not None:
            pieces.append(endpointer.cut(position))
    endpointer.push_end()
    return [one for one in [*pieces, *drain(endpointer)] if isinstance(one, Utterance)]
