"""Where a MediaRecorder's stream can be entered, as a client that replays it finds out."""

from __future__ import annotations

import re
from dataclasses import dataclass

# A cluster of unknown size, and its timecode in one to four bytes.
_CLUSTER = re.compile(rb"\x1f\x43\xb6\x75\x01\xff{7}\xe7([\x81-\x84])", re.DOTALL)
_MDHD_TIMESCALE, _TFDT_TIME = 16, 8


@dataclass(frozen=True)
class AccessPoint:
    """A cluster (WebM) or fragment (MP4): its place in the bytes, and seconds since the first."""

    offset: int
    start_s: float


def access_points(data: bytes) -> list[AccessPoint]:
    """Return the access points of a whole stream; the bytes before the first are its header."""
    points = _fragments(data) if data[4:8] == b"ftyp" else _clusters(data)
    first_s = points[0].start_s
    return [AccessPoint(point.offset, point.start_s - first_s) for point in points]


def _clusters(data: bytes) -> list[AccessPoint]:
    return [
        AccessPoint(found.start(), _number(data, found.end(), found[1][0] & 0x0F) / 1000)
        for found in _CLUSTER.finditer(data)
    ]


def _fragments(data: bytes) -> list[AccessPoint]:
    timescale_hz = _number(data, data.index(b"mdhd") + _MDHD_TIMESCALE, 4)
    if data[data.index(b"mdhd") + 4]:  # version 1 has times of eight bytes before it
        timescale_hz = _number(data, data.index(b"mdhd") + _MDHD_TIMESCALE + 8, 4)
    points = []
    for found in re.finditer(b"moof", data):
        at = data.index(b"tfdt", found.start()) + _TFDT_TIME
        size = 8 if data[at - 4] else 4
        points.append(AccessPoint(found.start() - 4, _number(data, at, size) / timescale_hz))
    return points


def _number(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "big")
