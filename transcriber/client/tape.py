"""The recording's audio, kept until its text is final, so that any server can be given it again.

Samples are 16-bit PCM, little-endian, mono, 16 kHz; times are seconds since the recording's start.
"""

from __future__ import annotations

import threading

SAMPLE_RATE_HZ = 16_000
BYTES_PER_SAMPLE = 2
MEDIA_TYPE = f"audio/L16;rate={SAMPLE_RATE_HZ};channels=1;endianness=little-endian"
_BYTES_PER_S = SAMPLE_RATE_HZ * BYTES_PER_SAMPLE


class Tape:
    """See the module. One thread may append while another reads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bytes = bytearray()
        self._start = 0  # byte of the recording that is the first one kept
        self._odd = b""

    @property
    def start_s(self) -> float:
        """Since when audio is kept."""
        return self._start / _BYTES_PER_S

    @property
    def end_s(self) -> float:
        """How long the recording is so far."""
        with self._lock:
            return (self._start + len(self._bytes)) / _BYTES_PER_S

    def append(self, data: bytes) -> None:
        """Add what was recorded; half a sample waits for its other half."""
        with self._lock:
            whole = self._odd + bytes(data)
            even = len(whole) - len(whole) % BYTES_PER_SAMPLE
            self._bytes += whole[:even]
            self._odd = whole[even:]

    def read(self, from_s: float, most_s: float) -> tuple[bytes, float]:
        """Return what follows a time, at most so much, and the time at its end."""
        with self._lock:
            start = max(0, _byte_at(from_s) - self._start)
            data = bytes(self._bytes[start : start + _byte_at(most_s)])
            return data, (self._start + start + len(data)) / _BYTES_PER_S

    def release(self, before_s: float) -> None:
        """Let go of what lies before a time."""
        with self._lock:
            gone = min(max(0, _byte_at(before_s) - self._start), len(self._bytes))
            del self._bytes[:gone]
            self._start += gone


def _byte_at(time_s: float) -> int:
    return round(time_s * SAMPLE_RATE_HZ) * BYTES_PER_SAMPLE
