"""How long a recording is, told without decoding it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import av

from transcriber.audio.containers import HEAD_BYTES, sniff
from transcriber.audio.decode import Part, open_container
from transcriber.audio.errors import AudioError

_MICROSECONDS = 1_000_000  # FFmpeg's clock of a whole container
_SAMPLE_BYTES = 2
# Five and a half hours of Opus in packets of 20 ms; counting them takes about two seconds.
_MOST_PACKETS = 1_000_000


def duration_s(parts: Sequence[Part], max_s: float) -> float | None:
    """Return how many seconds of audio the parts hold, as far as their containers tell.

    Args:
        parts: seekable files; they are rewound.
        max_s: a longer recording is not believed, since a header costs nothing to forge.

    Returns:
        Seconds, or None where one of the parts does not tell, as when it continues another.
    """
    total_s = 0.0
    for part in parts:
        seconds = _part_s(part)
        part.data.seek(0)
        if seconds is None:
            return None
        total_s += seconds
    return round(total_s, 3) if 0 < total_s <= max_s else None


def _part_s(part: Part) -> float | None:
    if part.pcm is not None:
        return part.data.seek(0, 2) / (_SAMPLE_BYTES * part.pcm.channels * part.pcm.rate_hz)
    container = sniff(part.data.read(HEAD_BYTES))
    part.data.seek(0)
    if container is None:
        return None
    try:
        with open_container(part.data, container) as opened:
            if opened.duration:
                return float(opened.duration / _MICROSECONDS)
            return _last_packet_s(opened)
    except (AudioError, av.error.FFmpegError):
        return None  # decoding will say what is wrong with it


def _last_packet_s(opened: Any) -> float | None:
    """Return where the last packet ends: MediaRecorder's files don't say how long they are."""
    end_s = 0.0
    for number, packet in enumerate(opened.demux(opened.streams.audio[0])):
        if number > _MOST_PACKETS:
            return None
        if packet.pts is not None:
            end_s = max(end_s, float((packet.pts + (packet.duration or 0)) * packet.time_base))
    return end_s or None
