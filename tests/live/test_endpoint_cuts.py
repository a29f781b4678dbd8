"""What an owner cuts off the open piece: its words are final, and nothing behind it is lost."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.frames import (
    FRAME_S,
    SILENCE,
    SPEECH,
    any_frames,
    any_rules,
    drain,
    seconds,
    some_cut,
)
from transcriber.engine.window import SAMPLE_RATE_HZ
from transcriber.live.endpoint import CutRules, Endpointer, Utterance


@any_rules
@any_frames
def test_what_lies_behind_a_cut_stays_open_with_all_its_speech(
    rules: CutRules, frames: list[float]
) -> None:
    endpointer, random = Endpointer(rules), np.random.default_rng(1)
    for frame in frames:
        endpointer.push([frame])
        drain(endpointer)
        position = some_cut(endpointer, random)
        start, speech_s = endpointer.open_start, endpointer.open_speech_s
        if position is not None:
            behind = endpointer.speech_behind(position)
            piece = endpointer.cut(position)
            assert (piece.start, piece.end, piece.heard_to) == (start, position, position)
            assert piece.speech_s + endpointer.open_speech_s == pytest.approx(speech_s)
            assert endpointer.needed_from == position
            assert not behind or endpointer.open_start in (position, None)
            assert behind or endpointer.open_start is None


def test_a_cut_in_the_middle_of_speech_loses_none_of_it() -> None:
    endpointer = Endpointer()
    endpointer.push(seconds(4, SPEECH))
    position = 2 * SAMPLE_RATE_HZ + 100
    assert endpointer.speech_behind(position)
    piece = endpointer.cut(position)
    assert endpointer.open_start == piece.end == position
    endpointer.push(seconds(1.2, SILENCE))
    after = endpointer.next_event()
    assert isinstance(after, Utterance)
    assert after.start == position
    assert piece.speech_s + after.speech_s == pytest.approx(4, abs=FRAME_S)


def test_a_cut_in_the_pause_leaves_nothing_open() -> None:
    endpointer = Endpointer()
    endpointer.push([*seconds(2, SPEECH), *seconds(0.4, SILENCE)])
    position = endpointer.pause_cut
    assert position is not None
    assert not endpointer.speech_behind(position)
    endpointer.cut(position)
    assert endpointer.open_start is None
    endpointer.push(seconds(2, SILENCE))
    assert endpointer.next_event() is None, "nothing is left to be closed"


def test_speech_that_has_just_begun_behind_a_cut_is_not_forgotten() -> None:
    endpointer = Endpointer()
    endpointer.push([*seconds(2, SPEECH), *seconds(0.4, SILENCE)])
    position = endpointer.pause_cut
    assert position is not None
    endpointer.push([SPEECH])
    assert endpointer.speech_behind(position), "though one frame alone would be a click"
    endpointer.cut(position)
    endpointer.push(seconds(1, SPEECH))
    assert endpointer.open_start == position
    assert endpointer.open_speech_s == pytest.approx(1.0, abs=2 * FRAME_S)


def test_a_pause_is_told_once_it_is_long_enough_to_end_a_sentence() -> None:
    endpointer, rules = Endpointer(), CutRules()
    endpointer.push(seconds(2, SPEECH))
    assert endpointer.pause_cut is None
    endpointer.push(seconds(rules.pause_s - 2 * FRAME_S, SILENCE))
    assert endpointer.pause_cut is None
    endpointer.push(seconds(3 * FRAME_S, SILENCE))
    assert endpointer.pause_cut is not None
    assert endpointer.last_speech < endpointer.pause_cut < endpointer.position
    endpointer.push([SPEECH])
    assert endpointer.pause_cut is None
