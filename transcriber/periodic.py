"""Something that is done now and then, in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Periodic:
    """Calls `work` every so many seconds, from `start` to `stop`."""

    def __init__(self, name: str, every_s: float, work: Callable[[], None]) -> None:
        self._every_s = every_s
        self._work = work
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop it, after the present call."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def _run(self) -> None:
        while not self._stopping.wait(self._every_s):
            self._work()
