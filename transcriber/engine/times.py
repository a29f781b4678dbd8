"""How long things took lately: kept for `/health`, by lane."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

from transcriber.engine.window import Lane

_KEPT = 256


@dataclass(frozen=True)
class SpreadMs:
    """Median and 95th percentile in milliseconds; None before anything was measured."""

    p50: int | None = None
    p95: int | None = None


class Times:
    """The newest of one kind of times, and how many there ever were. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest_ms: deque[int] = deque(maxlen=_KEPT)
        self._count = 0

    def note(self, seconds: float) -> None:
        """Remember one, given in seconds."""
        with self._lock:
            self._newest_ms.append(round(1000 * seconds))
            self._count += 1

    @property
    def count(self) -> int:
        """How many were noted since the start."""
        return self._count

    def spread(self) -> SpreadMs:
        """Return the percentiles of the newest."""
        with self._lock:
            ordered = sorted(self._newest_ms)
        if not ordered:
            return SpreadMs()
        return SpreadMs(ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.95)])


@dataclass(frozen=True)
class LaneFigures:
    """Passes of one lane since the start, and the spread of the newest ones' times."""

    passes: int
    queue_ms: SpreadMs
    model_ms: SpreadMs


class LaneTimes:
    """The times of all passes, by lane. Thread-safe."""

    def __init__(self) -> None:
        self._queue = {lane: Times() for lane in Lane}
        self._model = {lane: Times() for lane in Lane}

    def note(self, lane: Lane, queue_s: float, model_s: float) -> None:
        """Remember how long a pass waited and how long the model took."""
        self._queue[lane].note(queue_s)
        self._model[lane].note(model_s)

    def figures(self) -> dict[Lane, LaneFigures]:
        """Return the figures of every lane, also of those without a pass yet."""
        return {
            lane: LaneFigures(
                self._model[lane].count, self._queue[lane].spread(), self._model[lane].spread()
            )
            for lane in Lane
        }
