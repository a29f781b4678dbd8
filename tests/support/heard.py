"""What is in files of audio, as FFmpeg reads them."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import av


@dataclass(frozen=True)
class Heard:
    """A file: its codec, its rate, how many samples come out of it, and how long it says it is."""

    codec: str
    rate_hz: int
    samples: int
    duration_s: float | None

    @property
    def seconds(self) -> float:
        """How long what comes out of it is."""
        return self.samples / self.rate_hz


def heard(data: bytes) -> Heard:
    """Decode a file."""
    opened: Any = av.open(io.BytesIO(data))
    with opened as file:
        stream = file.streams.audio[0]
        samples = sum(frame.samples for frame in file.decode(stream))
        told_s = file.duration / 1_000_000 if file.duration else None
        return Heard(stream.codec_context.name, stream.rate, samples, told_s)
