"""Whole recordings whose requests wait: a few are taken at once, the others stand in line."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from transcriber.live.errors import QueueFull


class Line:
    """First come, first served.

    Args:
        at_once: how many have their turn at the same time. Each holds a decoder process, and more
            of them than there are workers gain nothing.
    """

    def __init__(self, at_once: int) -> None:
        self.at_once = at_once
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()
        self._busy = 0

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return len(self._waiting)

    @contextmanager
    def turn(self, most: int) -> Iterator[None]:
        """Wait for a turn, and have it within.

        Args:
            most: how many there may be, waiting and having their turn; this one included.

        Raises:
            QueueFull: there are as many.
        """
        me = object()
        with self._changed:
            if self._busy + len(self._waiting) >= most:
                raise QueueFull
            self._waiting.append(me)
            self._changed.wait_for(lambda: self._waiting[0] is me and self._busy < self.at_once)
            self._waiting.popleft()
            self._busy += 1
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()
