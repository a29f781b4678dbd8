"""What became of all sessions and uploads since the start, and of their audio: for the metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import astuple, dataclass, replace
from typing import Literal

from transcriber.live.intake import AudioSeconds
from transcriber.live.readable import Readable
from transcriber.live.snapshot import NO_SEGMENTS, Kind

# `refused`: it was no audio, so there never was a session or an upload.
Outcome = Literal["ended", "failed", "expired", "deleted", "refused"]


@dataclass(frozen=True)
class Totals:
    """Since the start: how many began and ended how, and the seconds of all their audio.

    Attributes:
        audio: pending is only that of those that are kept.
        dropped_s: what was still pending when a session was removed.
    """

    started: dict[Kind, int]
    finished: dict[tuple[Kind, Outcome], int]
    audio: AudioSeconds
    dropped_s: float


class Tally:
    """Counts what a store keeps and has kept. Not thread-safe: the store guards it."""

    def __init__(self) -> None:
        self._started: Counter[Kind] = Counter()
        self._finished: Counter[tuple[Kind, Outcome]] = Counter()
        self._over: set[str] = set()  # kept, and counted as finished
        self._gone, self._dropped_s = AudioSeconds(), 0.0

    def start(self, one: Readable) -> None:
        """One begins."""
        self._started[one.kind] += 1

    def look(self, one: Readable) -> None:
        """Count one as finished if it is, once."""
        if one.state != "active":
            self._finish(one, one.state)

    def remove(self, one: Readable, outcome: Outcome) -> None:
        """One is kept no longer; if it was active until now, that is what became of it."""
        self._finish(one, outcome)
        self._over.discard(one.id)
        self._add(_audio(one))

    def note_recording(self, audio: AudioSeconds, outcome: Outcome) -> None:
        """A recording was taken while its request waited: it was never kept."""
        self._started["upload"] += 1
        self._finished["upload", outcome] += 1
        self._add(audio)

    def totals(self, kept: Iterable[Readable]) -> Totals:
        """Return the sums over these and all that are gone."""
        audio = _sum([self._gone, *(_audio(one) for one in kept)])
        return Totals(dict(self._started), dict(self._finished), audio, self._dropped_s)

    def _add(self, audio: AudioSeconds) -> None:
        self._dropped_s += audio.pending
        self._gone = _sum([self._gone, replace(audio, pending=0.0)])

    def _finish(self, one: Readable, outcome: Outcome) -> None:
        if one.id not in self._over:
            self._over.add(one.id)
            self._finished[one.kind, outcome] += 1


def _audio(one: Readable) -> AudioSeconds:
    return one.snapshot(NO_SEGMENTS).audio


def _sum(parts: Iterable[AudioSeconds]) -> AudioSeconds:
    added = zip(*(astuple(part) for part in parts), strict=True)
    return AudioSeconds(*(sum(seconds) for seconds in added))
