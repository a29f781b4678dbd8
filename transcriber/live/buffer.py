"""A session's audio, addressed by its place in the recording."""

from __future__ import annotations

import numpy as np

from transcriber.audio.resample import NO_SAMPLES, Samples


class _Run:
    """Audio without a hole in it, from sample `start` on."""

    def __init__(self, start: int) -> None:
        self.start = self.end = start
        self._parts: list[Samples] = []

    def append(self, samples: Samples) -> None:
        self._parts.append(samples)
        self.end += len(samples)

    def read(self, start: int, end: int) -> Samples:
        return self._whole()[max(0, start - self.start) : max(0, end - self.start)]

    def forget_before(self, position: int) -> None:
        if position > self.start:
            # A copy, so that the long array behind the slice is freed.
            self._parts = [self._whole()[position - self.start :].copy()]
            self.start = position

    def _whole(self) -> Samples:
        if len(self._parts) != 1:
            self._parts = [np.concatenate(self._parts) if self._parts else NO_SAMPLES]
        return self._parts[0]


class AudioBuffer:
    """The newest stretch of a recording; positions are samples (16 kHz) since its start.

    Memory is bounded by what the owner keeps: `forget_before` drops what is final, and a hole
    left by lost audio takes none.
    """

    def __init__(self) -> None:
        self._runs = [_Run(0)]

    @property
    def end(self) -> int:
        """The position after the newest sample."""
        return self._runs[-1].end

    def append(self, samples: Samples) -> None:
        """Add the next audio, float32, shape (n,)."""
        if len(samples):
            self._runs[-1].append(samples)

    def skip(self, samples: int) -> None:
        """Leave `samples` out: that stretch was lost, and what comes next lies after it."""
        if samples > 0:
            self._runs.append(_Run(self.end + samples))

    def read(self, start: int, end: int) -> Samples:
        """Return the audio from `start` to `end`, as far as it is held; a hole in it is silence.

        What was recorded before a short hole is context for what comes after it, and must keep
        its distance. Nothing is returned if the beginning is held no more.
        """
        if start < self._runs[0].start:
            return NO_SAMPLES
        parts: list[Samples] = []
        for run in self._runs:
            if start < run.end and run.start < end:
                parts.append(np.zeros(max(0, run.start - start), np.float32))
                parts.append(run.read(max(start, run.start), end))
                start = run.end
        parts = [part for part in parts if len(part)]
        return parts[0] if len(parts) == 1 else np.concatenate([NO_SAMPLES, *parts])

    def forget_before(self, position: int) -> None:
        """Drop the audio before `position`."""
        while len(self._runs) > 1 and self._runs[0].end <= position:
            self._runs.pop(0)
        self._runs[0].forget_before(min(position, self._runs[0].end))
