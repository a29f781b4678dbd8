"""So much in so much time, for each of many."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

# A window is counted in so many steps; a step is forgotten once all of it lies behind the window.
_STEPS = 24


class Allowance:
    """A sliding window in steps: what was used counts for the window, and up to a step longer.

    So there is never more in any stretch of that length, wherever it begins.

    Args:
        most: how much there may be in one window; 0 is any amount.
        window_s: length of the window in seconds.
        clock: monotonic seconds.
    """

    def __init__(
        self, most: float, window_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.most = most
        self._step_s = window_s / _STEPS
        self._clock = clock
        self._lock = threading.Lock()
        self._used: dict[str, OrderedDict[int, float]] = {}  # by name and step, oldest first
        self._newest = 0

    def __len__(self) -> int:
        """Return how many names are remembered."""
        return len(self._used)

    def note(self, name: str, amount: float) -> None:
        """So much was used."""
        with self._lock:
            self._add(name, amount)

    def take(self, name: str, amount: float) -> float:
        """Use so much if it fits; return the seconds until it would, 0 if it did."""
        with self._lock:
            wait_s = self._wait_s(name, amount)
            if not wait_s:
                self._add(name, amount)
            return wait_s

    def wait_s(self, name: str, amount: float) -> float:
        """Return the seconds until so much fits, 0 if it does now."""
        with self._lock:
            return self._wait_s(name, amount)

    def _add(self, name: str, amount: float) -> None:
        if self.most:
            step = self._step()
            used = self._used.setdefault(name, OrderedDict())
            used[step] = used.get(step, 0.0) + amount

    def _wait_s(self, name: str, amount: float) -> float:
        oldest = self._step() - _STEPS
        over = amount - self.most
        for step, used in self._used.get(name, {}).items():
            over += used if step >= oldest else 0.0
        if not self.most or over <= 0:
            return 0.0
        for step, used in self._used.get(name, {}).items():
            over -= used if step >= oldest else 0.0
            if over <= 0:
                return (step + _STEPS + 1) * self._step_s - self._clock()
        return self._step_s  # it never fits; whoever asks for less is welcome

    def _step(self) -> int:
        """Return the present step; with a new one, what lies behind the window is forgotten."""
        step = int(self._clock() // self._step_s)
        if step != self._newest:
            self._newest = step
            for used in self._used.values():
                while used and next(iter(used)) < step - _STEPS:
                    used.popitem(last=False)
            self._used = {name: used for name, used in self._used.items() if used}
        return step
