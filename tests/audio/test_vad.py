"""Voice activity: the state lives on from chunk to chunk, so portions don't matter."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.recordings import RATE_HZ, Samples, recording
from transcriber.audio.vad import FRAME_SAMPLES, VoiceActivity

PAUSE = np.zeros(2 * RATE_HZ, np.float32)
SPEECH = recording("en/short-jfk.flac").samples()[: 4 * RATE_HZ]
AUDIO = np.concatenate([SPEECH, PAUSE, SPEECH[: 2 * RATE_HZ]])


def probabilities(*portions: Samples) -> Samples:
    vad = VoiceActivity()
    return np.concatenate([vad.push(portion) for portion in portions])


def test_there_is_one_probability_a_frame() -> None:
    found = probabilities(AUDIO)
    assert found.shape == (len(AUDIO) // FRAME_SAMPLES,)
    assert ((found >= 0) & (found <= 1)).all()


@pytest.mark.parametrize("seed", range(10))
def test_any_portions_give_the_same_probabilities(seed: int) -> None:
    cuts = np.random.default_rng(seed).integers(0, len(AUDIO), 12)
    portions = np.split(AUDIO, np.sort(cuts))
    assert np.allclose(probabilities(*portions), probabilities(AUDIO), atol=1e-5)


def test_portions_shorter_than_a_frame_do_too() -> None:
    audio = AUDIO[: 2 * RATE_HZ]
    portions = np.split(audio, range(100, len(audio), 100))
    assert np.allclose(probabilities(*portions), probabilities(audio), atol=1e-5)


def test_speech_is_likely_and_a_pause_is_not() -> None:
    found = probabilities(AUDIO)
    speech_end, pause_end = 4 * RATE_HZ // FRAME_SAMPLES, 6 * RATE_HZ // FRAME_SAMPLES
    assert np.median(found[10:speech_end]) > 0.5
    assert found[speech_end + 10 : pause_end].max() < 0.3
    assert np.median(found[pause_end:]) > 0.5


@pytest.mark.parametrize("name", ["ambient-rain", "ambient-waves", "ambient-pink-noise"])
def test_rain_waves_and_noise_are_no_speech(name: str) -> None:
    sound = recording(f"nonspeech/{name}.flac").samples()[: 8 * RATE_HZ]
    assert (probabilities(sound) > 0.5).mean() < 0.02


def test_speech_is_heard_soon_after_a_bump() -> None:
    bump = np.zeros(RATE_HZ, np.float32)
    bump[:1600] = np.hanning(1600)
    found = probabilities(bump, SPEECH)
    assert (found[RATE_HZ // FRAME_SAMPLES :] > 0.5).mean() > 0.4
