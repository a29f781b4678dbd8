"""Any sound to what the model wants: 16 kHz, mono, float32 in -1…1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import av
import numpy as np
import numpy.typing as npt

SAMPLE_RATE_HZ = 16_000
Samples = npt.NDArray[np.float32]
NO_SAMPLES: Samples = np.zeros(0, dtype=np.float32)

# What frames become numpy arrays of, and numpy arrays frames, as they are.
_LAYOUTS = frozenset({"mono", "stereo"})
_FORMATS = frozenset({"u8", "s16", "s32", "flt", "dbl", "u8p", "s16p", "s32p", "fltp", "dblp"})


class Resampler:
    """Any rate and layout to 16 kHz mono float32, with the filter's state kept between calls.

    As long as the input format stays the same, pieces of a recording join without an edge, even
    when each piece came in a container of its own.
    """

    def __init__(self) -> None:
        self._format: tuple[int, str, str] | None = None
        self._resampler: Any = None
        self._gathered: list[Any] = []
        self._gathered_samples = 0  # of the frames' own rate

    def gather(self, frame: Any) -> Samples:
        """Keep a frame until there is a second of them, and return what is complete then.

        To resample each of the 20 ms that a packet holds takes twice as long.
        """
        first = self._gathered[0] if self._gathered else frame
        before = self.release() if _format(first) != _format(frame) else NO_SAMPLES
        self._gathered.append(frame)
        self._gathered_samples += frame.samples
        if self._gathered_samples < frame.sample_rate:
            return before
        return _join([before, self.release()])

    def release(self) -> Samples:
        """Return the samples, shape (n,), of the frames that were kept."""
        frames, self._gathered, self._gathered_samples = self._gathered, [], 0
        if len(frames) > 1 and _can_be_joined(frames[0]):
            frames = [_joined(frames)]
        return _join([self.push(frame) for frame in frames])

    def push(self, frame: Any) -> Samples:
        """Return the samples, shape (n,), that this frame completes."""
        fmt = _format(frame)
        tail = NO_SAMPLES
        if fmt != self._format:
            tail = self.flush()
            self._resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE_HZ)
            self._format = fmt
        frame.pts = None  # times are counted by us; gaps would confuse the resampler
        return _join([tail, *(_mono(out) for out in self._resampler.resample(frame))])

    def flush(self) -> Samples:
        """Return what the filter still holds (under a millisecond), and forget the format."""
        if self._resampler is None:
            return NO_SAMPLES
        out = [_mono(frame) for frame in self._resampler.resample(None)]
        self._resampler = self._format = None
        return _join(out)


def _format(frame: Any) -> tuple[int, str, str]:
    return frame.sample_rate, frame.layout.name, frame.format.name


def _can_be_joined(frame: Any) -> bool:
    return frame.layout.name in _LAYOUTS and frame.format.name in _FORMATS


def _joined(frames: Sequence[Any]) -> Any:
    """Return frames of one format as one."""
    rate_hz, layout, sample_format = _format(frames[0])
    arrays = [frame.to_ndarray() for frame in frames]
    joined = av.AudioFrame.from_ndarray(
        np.concatenate(arrays, axis=1), format=sample_format, layout=layout
    )
    joined.sample_rate = rate_hz
    return joined


def _mono(frame: Any) -> Samples:
    samples: Samples = frame.to_ndarray().reshape(-1)
    return samples


def _join(parts: Sequence[Samples]) -> Samples:
    parts = [part for part in parts if len(part)]
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else NO_SAMPLES


def float_frame(samples: Samples, rate_hz: int) -> Any:
    """Wrap float32 samples, shape (frames, channels), as a mono PyAV frame at `rate_hz`."""
    mono = samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1)
    frame = av.AudioFrame.from_ndarray(
        np.ascontiguousarray(mono, dtype=np.float32).reshape(1, -1), format="flt", layout="mono"
    )
    frame.sample_rate = rate_hz
    return frame


def pcm_frame(samples: npt.NDArray[np.int16], rate_hz: int) -> Any:
    """Wrap int16 samples, shape (frames, channels), as a mono PyAV frame at `rate_hz`."""
    scaled = np.divide(samples, 32768, dtype=np.float32)
    return float_frame(scaled, rate_hz)
