"""One thread on which everything is decided, and others that only wait for answers."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import TypeVar

log = logging.getLogger(__name__)

TICK_S = 0.1
# A callback that takes longer may be waiting for whoever stops the loop.
_PATIENCE_S = 5.0
Result = TypeVar("Result")


class Loop:
    """Calls what it is given on a thread of its own, one after the other, and ticks in between.

    Args:
        tick: called after whatever was called, and every `TICK_S` at least.
    """

    def __init__(self, tick: Callable[[], None]) -> None:
        self._tick = tick
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="live-client", daemon=True)

    def start(self) -> None:
        """Begin to call."""
        self._thread.start()

    @property
    def is_here(self) -> bool:
        """Whether this is the loop's thread."""
        return threading.current_thread() is self._thread

    def stop(self) -> None:
        """Call nothing any more once what is being called has returned; wait a while for that."""
        self._calls.put(None)
        if not self.is_here:
            self._thread.join(_PATIENCE_S)

    def call(self, function: Callable[[], None]) -> None:
        """Have a function called on the loop's thread."""
        self._calls.put(function)

    def work(self, work: Callable[[], Result], then: Callable[[Result | Exception], None]) -> None:
        """Do what takes long on another thread, and tell on this one what came of it."""

        def run() -> None:
            result: Result | Exception
            try:
                result = work()
            except Exception as error:  # noqa: BLE001 - whoever asked is told
                result = error
            self.call(lambda: then(result))

        # A daemon: a request that is not wanted any more must not keep a program from its end.
        threading.Thread(target=run, name="live-client-request", daemon=True).start()

    def _run(self) -> None:
        due_s = time.monotonic()
        while True:
            try:
                call = self._calls.get(timeout=max(0.0, due_s - time.monotonic()))
            except queue.Empty:
                call = _nothing
            if call is None:
                return
            try:
                call()
                self._tick()
            except Exception:  # a callback's mistake must not cost the words to come
                log.exception("A callback or the client itself failed")
            due_s = time.monotonic() + TICK_S


def _nothing() -> None:
    pass
