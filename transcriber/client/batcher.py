"""How long chunks are: short while the server is quick, longer when it is slow or says so."""

from __future__ import annotations

import math

# Chunks are a multiple of this, at most two seconds.
STEP_S = 0.4
_MOST_STEPS = 5
_FIRST_STEPS = 2
# A reply that takes longer than its chunk by this factor asks for longer ones.
_SLOW = 2.0
# Replies within so many of the next shorter chunk allow it: three requests may be in flight.
_QUICK = 1.2
# So many replies in a row must agree: one is chance.
_SLOW_REPLIES = 2
_QUICK_REPLIES = 4
# Weight of the newest reply in the smoothed round trip.
_NEWEST = 0.4
# Audio comes a little early or late.
_SLACK_S = 0.05


class Batcher:
    """See the module. The rules are those of `static/client/batcher.js`."""

    def __init__(self) -> None:
        self._steps = _FIRST_STEPS
        self._least_steps = 1
        self._smoothed_s: float | None = None
        self._slow = self._quick = 0

    @property
    def chunk_s(self) -> float:
        """The length that a chunk should have just now, in seconds."""
        return max(self._steps, self._least_steps) * STEP_S

    def is_due(self, waiting_s: float) -> bool:
        """Tell whether so much audio is worth a request."""
        return waiting_s >= self.chunk_s - _SLACK_S

    def note(self, round_trip_s: float) -> None:
        """Learn how long a reply took.

        Both ways need several replies in a row that agree, and the bounds lie apart, so that the
        length does not swing to and fro.
        """
        before = round_trip_s if self._smoothed_s is None else self._smoothed_s
        self._smoothed_s = before + _NEWEST * (round_trip_s - before)
        is_slow = round_trip_s > _SLOW * self.chunk_s
        is_quick = self._smoothed_s < _QUICK * (self._steps - 1) * STEP_S
        self._slow = self._slow + 1 if is_slow else 0
        self._quick = self._quick + 1 if is_quick else 0
        if self._slow >= _SLOW_REPLIES:
            self._set(self._steps + 1)
        elif self._quick >= _QUICK_REPLIES:
            self._set(self._steps - 1)

    def suggest(self, chunk_s: float) -> None:
        """Make chunks no shorter than the server suggests; 0: it suggests nothing."""
        self._least_steps = _in_bounds(math.ceil(round(chunk_s / STEP_S, 6)))

    def _set(self, steps: int) -> None:
        self._steps = _in_bounds(steps)
        self._slow = self._quick = 0


def _in_bounds(steps: int) -> int:
    return min(max(steps, 1), _MOST_STEPS)
