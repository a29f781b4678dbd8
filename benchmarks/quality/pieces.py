"""A recording cut into what a client posts, with the audio's time at the end of each piece."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass

import av

from tests.support.recordings import RATE_HZ, Samples, encode, webm_opus

CONTAINERS = ("wav", "webm")


@dataclass(frozen=True)
class Pieces:
    """Pieces of one recording.

    Attributes:
        ends_s: where each ends in the audio, ascending.
        body: the bytes of the pieces from one index up to before another, as one chunk.
    """

    ends_s: list[float]
    body: Callable[[int, int], bytes]


def cut(samples: Samples, seconds: float, container: str) -> Pieces:
    """Cut 16 kHz samples, float32, shape (n,), into pieces of so many seconds.

    Args:
        samples: the whole recording.
        seconds: length of a piece; the last may be shorter.
        container: `wav`, a file per chunk, or `webm`, one continuing stream cut between packets.
    """
    duration_s = len(samples) / RATE_HZ
    count = max(1, math.ceil(duration_s / seconds - 1e-6))
    ends_s = [min(duration_s, (n + 1) * seconds) for n in range(count)]
    if container == "wav":
        edges = [0, *(round(end_s * RATE_HZ) for end_s in ends_s)]
        return Pieces(ends_s, lambda first, end: encode(samples[edges[first] : edges[end]]))
    data = webm_opus(samples)
    offsets = [0, *_offsets(data, ends_s[:-1]), len(data)]
    return Pieces(ends_s, lambda first, end: data[offsets[first] : offsets[end]])


def _offsets(data: bytes, times_s: list[float]) -> list[int]:
    """Return, for each time, where the first packet lies that has not ended by then."""
    offsets: list[int] = []
    with av.open(io.BytesIO(data), "r", format="matroska") as container:
        for packet in container.demux(audio=0):
            if packet.pts is None or packet.pos is None or packet.time_base is None:
                continue
            end_s = float((packet.pts + (packet.duration or 0)) * packet.time_base)
            while len(offsets) < len(times_s) and end_s > times_s[len(offsets)] + 1e-6:
                offsets.append(packet.pos)
    # The encoder's last packets may end before the audio does.
    return [*offsets, *[len(data)] * (len(times_s) - len(offsets))]
