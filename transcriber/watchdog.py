"""Model calls that never come back: the process is replaced, as nothing else stops native code."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from transcriber.engine.pool import WorkerPool
from transcriber.live.ledger import Journal

log = logging.getLogger(__name__)

# So long `/health` says `stuck` first, for clients to go elsewhere and calls to come back late.
GRACE_S = 10.0
_EVERY_S = 0.5


class Watchdog:
    """A thread that looks for calls that hang.

    Args:
        pool: where they would.
        journal: told of the sessions that they are for, which are tried once more.

    Attributes:
        end: ends the process; without it nothing happens.
    """

    def __init__(self, pool: WorkerPool, journal: Journal, grace_s: float = GRACE_S) -> None:
        self.end: Callable[[], None] | None = None
        self._pool = pool
        self._journal = journal
        self._grace_s = grace_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop it."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def _run(self) -> None:
        while not self._stopping.wait(_EVERY_S):
            hanging = self._pool.hanging(self._grace_s)
            if hanging and self.end is not None:
                names = ", ".join(source.log_name for source in hanging)
                log.critical("The model hangs on %s; the process is replaced", names)
                self._journal.has_hung([one.session_id for one in hanging if one.session_id])
                self.end()
                return
