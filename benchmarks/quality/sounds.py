"""Sounds without speech, made here: the same each time."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.support.recordings import RATE_HZ, Recording, Samples, encode


def generated(folder: Path, seconds: float) -> list[Recording]:
    """Write silence, noise, hum, tones and clicks as wav files of so many seconds."""
    count = round(seconds * RATE_HZ)
    time_s = np.arange(count) / RATE_HZ
    random = np.random.default_rng(0)
    sounds = {
        "silence": np.zeros(count),
        "white-noise": random.normal(0, 0.01, count),
        "white-noise-loud": random.normal(0, 0.1, count),
        "hum-50-hz": _hum(time_s, 50),
        "hum-60-hz": _hum(time_s, 60),
        "tones": _tones(time_s),
        "clicks": _clicks(count, random),
    }
    return [_written(folder, name, samples.astype(np.float32)) for name, samples in sounds.items()]


def _hum(time_s: np.typing.NDArray[np.float64], hz: float) -> np.typing.NDArray[np.float64]:
    """Mains hum with ten harmonics, each weaker than the one before."""
    waves = [np.sin(2 * np.pi * hz * n * time_s + n) / n for n in range(1, 11)]
    hum: np.typing.NDArray[np.float64] = 0.05 * np.sum(waves, axis=0)
    return hum


def _tones(time_s: np.typing.NDArray[np.float64]) -> np.typing.NDArray[np.float64]:
    """A second of tone and a second of rest, each tone of another pitch between 200 and 2,000."""
    pitch_hz = 200 * 10 ** ((time_s // 2 * 0.37) % 1)
    tones: np.typing.NDArray[np.float64] = 0.2 * np.sin(2 * np.pi * pitch_hz * (time_s % 2))
    tones[time_s % 2 >= 1] = 0
    return tones


def _clicks(count: int, random: np.random.Generator) -> np.typing.NDArray[np.float64]:
    """Some three clicks a second, each of 5 ms, at any moment."""
    clicks = np.zeros(count)
    size = RATE_HZ // 200
    shape = np.exp(-np.arange(size) / (size / 5))
    for start in random.integers(0, count - size, round(3 * count / RATE_HZ)):
        clicks[start : start + size] += random.normal(0, 0.3, size) * shape
    return np.clip(clicks, -1, 1)


def _written(folder: Path, name: str, samples: Samples) -> Recording:
    path = folder / f"{name}.wav"
    path.write_bytes(encode(samples))
    return Recording(path, text="", language="", duration_s=len(samples) / RATE_HZ)
