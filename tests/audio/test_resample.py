"""Frames of any format become 16 kHz mono, one by one or many at once."""

from __future__ import annotations

from typing import Any

import av
import numpy as np
import pytest

from transcriber.audio.resample import SAMPLE_RATE_HZ, Resampler, Samples

PACKET_S = 0.02


def frames(seconds: float, rate_hz: int, sample_format: str, layout: str) -> list[Any]:
    """Return a tone as a decoder brings it out, in 20 ms frames."""
    made = []
    channels = av.AudioLayout(layout).nb_channels
    size = round(PACKET_S * rate_hz)
    for at in range(round(seconds / PACKET_S)):
        times_s = (at * size + np.arange(size)) / rate_hz
        tone = 0.5 * np.sin(2 * np.pi * 440 * times_s)
        samples = np.stack([tone * (0.5 + 0.5 * n) for n in range(channels)])
        if sample_format.startswith("s16"):
            samples = (samples * 32767).astype(np.int16)
        else:
            samples = samples.astype(np.float32)
        if not sample_format.endswith("p"):
            samples = np.ascontiguousarray(samples.T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format=sample_format, layout=layout)
        frame.sample_rate = rate_hz
        made.append(frame)
    return made


def one_by_one(given: list[Any]) -> Samples:
    resampler = Resampler()
    return np.concatenate([*(resampler.push(frame) for frame in given), resampler.flush()])


def gathered(given: list[Any]) -> tuple[Samples, list[int]]:
    """Return the samples, and how many came with each frame."""
    resampler = Resampler()
    parts = [resampler.gather(frame) for frame in given]
    whole = np.concatenate([*parts, resampler.release(), resampler.flush()])
    return whole, [len(part) for part in parts]


FORMATS = [
    pytest.param(48_000, "fltp", "stereo", id="as Opus comes"),
    pytest.param(48_000, "fltp", "mono", id="one channel"),
    pytest.param(44_100, "s16", "stereo", id="packed"),
    pytest.param(8_000, "s16p", "mono", id="a telephone"),
    pytest.param(48_000, "fltp", "5.1", id="more channels than can be joined"),
]


@pytest.mark.parametrize("rate_hz, sample_format, layout", FORMATS)
def test_gathered_frames_sound_as_each_alone(rate_hz: int, sample_format: str, layout: str) -> None:
    whole, _ = gathered(frames(2.5, rate_hz, sample_format, layout))
    expected = one_by_one(frames(2.5, rate_hz, sample_format, layout))
    assert len(whole) == pytest.approx(2.5 * SAMPLE_RATE_HZ, abs=2)
    np.testing.assert_allclose(whole, expected, atol=1e-6)


def test_they_come_out_a_second_at_a_time() -> None:
    _, sizes = gathered(frames(2.5, 48_000, "fltp", "stereo"))
    assert [at for at, size in enumerate(sizes) if size] == [49, 99]


def test_another_format_in_between_keeps_the_order() -> None:
    formats = [(48_000, "fltp", "stereo"), (16_000, "s16", "mono"), (48_000, "fltp", "stereo")]
    whole, _ = gathered([frame for one in formats for frame in frames(0.3, *one)])
    expected = one_by_one([frame for one in formats for frame in frames(0.3, *one)])
    np.testing.assert_allclose(whole, expected, atol=1e-6)


def test_nothing_gathered_is_nothing() -> None:
    assert len(Resampler().release()) == 0
