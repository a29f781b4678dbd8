"""What a pass over the open piece knows: the pause at its end, and whether it heard all."""

from __future__ import annotations

import numpy as np
import pytest

from transcriber.engine.window import SAMPLE_RATE_HZ, Lane, Window
from transcriber.live.endpoint import Utterance
from transcriber.live.hearing import Hearing

START_S = 100.0  # where the open piece begins in the recording


def samples(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE_HZ)


def hearing(seconds: float, speech_s: float, pause: bool) -> Hearing:
    window = Window(np.zeros(samples(seconds), np.float32), Lane.FINAL, open=True)
    start, speech = samples(START_S), samples(START_S + speech_s)
    cut = speech + samples(0.2) if pause else None
    return Hearing(window, start, start + samples(seconds), speech, cut)


def test_a_pause_that_may_end_a_sentence_has_a_length() -> None:
    assert hearing(2.4, 2.0, pause=True).pause_s == pytest.approx(0.4)
    assert hearing(2.2, 2.0, pause=False).pause_s == 0.0


def test_audio_that_ends_in_speech_is_cut_off() -> None:
    assert hearing(2.0, 2.0, pause=False).cut_off
    assert hearing(2.1, 2.0, pause=False).cut_off
    assert not hearing(2.2, 2.0, pause=False).cut_off


@pytest.mark.parametrize(
    "start_s, speech_s, pause, covers",
    [
        pytest.param(0.0, 2.0, True, True, id="all of it, and the pause"),
        pytest.param(0.0, 2.0, False, False, id="too little of the pause"),
        pytest.param(0.0, 2.5, True, False, id="more was said"),
        pytest.param(0.5, 2.0, True, False, id="its beginning is final"),
    ],
)
def test_a_pass_covers_a_piece_that_holds_nothing_new(
    start_s: float, speech_s: float, pause: bool, covers: bool
) -> None:
    start, speech = samples(START_S + start_s), samples(START_S + speech_s)
    piece = Utterance(start, speech + samples(0.5), speech + samples(0.8), speech, 2.0)
    assert hearing(2.4, 2.0, pause).covers(piece) == covers
