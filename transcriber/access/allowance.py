"""So much in so much time, for each of many."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class _Count:
    """What was used in a window, and in the one before it."""

    window: int
    used: float = 0.0
    before: float = 0.0

    def turn_to(self, window: int) -> None:
        """Go on to a later window."""
        if window != self.window:
            self.before = self.used if window == self.window + 1 else 0.0
            self.window, self.used = window, 0.0


class Allowance:
    """A sliding window, told by two counts: the last whole window's fades out as the next fills.

    It takes two numbers for each name, and is off by little:
    https://blog.cloudflare.com/counting-things-a-lot-of-different-things/

    Args:
        most: how much there may be in one window; 0 is any amount.
        window_s: length of the window in seconds.
        clock: monotonic seconds.
    """

    def __init__(
        self, most: float, window_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.most = most
        self._window_s = window_s
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: dict[str, _Count] = {}
        self._newest = 0

    def __len__(self) -> int:
        """Return how many names are remembered."""
        return len(self._counts)

    def note(self, name: str, amount: float) -> None:
        """So much was used."""
        with self._lock:
            self._count(name)[0].used += amount

    def take(self, name: str, amount: float) -> float:
        """Use so much if it fits; return the seconds until it would, 0 if it did."""
        with self._lock:
            count, share = self._count(name)
            wait_s = self._wait_s(count, share, amount)
            if not wait_s:
                count.used += amount
            return wait_s

    def wait_s(self, name: str, amount: float) -> float:
        """Return the seconds until so much fits, 0 if it does now."""
        with self._lock:
            count, share = self._count(name)
            return self._wait_s(count, share, amount)

    def _wait_s(self, count: _Count, share: float, amount: float) -> float:
        """Solve `before * (1 - share) + used + amount <= most` for the share of the window."""
        room = self.most - amount - count.used
        if not self.most or count.before * (1 - share) <= room:
            return 0.0
        if room >= 0:
            return (1 - room / count.before - share) * self._window_s
        # Not in this window; in the next one, what is used in this one fades.
        faded = 1 - (self.most - amount) / count.used
        return (1 - share + min(1.0, max(0.0, faded))) * self._window_s

    def _count(self, name: str) -> tuple[_Count, float]:
        """Return what a name has used, and the share of the window that is over."""
        window, over_s = divmod(self._clock(), self._window_s)
        now = int(window)
        if now != self._newest:  # whoever did not come for two windows is forgotten
            self._newest = now
            self._counts = {key: one for key, one in self._counts.items() if one.window >= now - 1}
        count = self._counts.setdefault(name, _Count(now))
        count.turn_to(now)
        return count, over_s / self._window_s
