"""A session at one moment, as readers see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from transcriber.live.intake import AudioSeconds
from transcriber.live.transcript import Partial, Segment, Settled

Kind = Literal["session", "upload"]
State = Literal["active", "ended", "failed", "expired"]

# After the id of any segment: for who wants to know of a session all but its text.
NO_SEGMENTS = 1 << 62


@dataclass(frozen=True)
class Snapshot:
    """A session as a reader sees it, with the segments that were asked for.

    Attributes:
        duration_s: seconds of the whole recording, None while that is not known.
        error: why it failed.
    """

    state: State
    revision: int
    next_sequence: int
    missing: tuple[int, ...]
    segments: tuple[Segment, ...]
    segment_count: int
    partial: Partial
    audio: AudioSeconds
    settled: Settled
    language: str | None
    duration_s: float | None = None
    error: Exception | None = None
