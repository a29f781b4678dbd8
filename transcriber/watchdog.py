"""Model calls that never come back: the process is replaced, as nothing else stops native code."""

from __future__ import annotations

import logging
from collections.abc import Callable

from transcriber.engine.pool import WorkerPool
from transcriber.live.ledger import Journal
from transcriber.periodic import Periodic

log = logging.getLogger(__name__)

# So long `/health` says `stuck` first, for clients to go elsewhere and calls to come back late.
GRACE_S = 10.0
_EVERY_S = 0.5


class Watchdog(Periodic):
    """Looks for calls that hang.

    Args:
        pool: where they would.
        journal: told of the sessions that they are for, which are tried once more.

    Attributes:
        end: ends the process; without it nothing happens.
    """

    def __init__(self, pool: WorkerPool, journal: Journal) -> None:
        super().__init__("watchdog", _EVERY_S, self._look)
        self.end: Callable[[], None] | None = None
        self._pool = pool
        self._journal = journal

    def _look(self) -> None:
        hanging = self._pool.hanging(GRACE_S)
        if hanging and self.end is not None:
            names = ", ".join(source.log_name for source in hanging)
            log.critical("The model hangs on %s; the process is replaced", names)
            self._journal.has_hung([one.session_id for one in hanging if one.session_id])
            end, self.end = self.end, None
            end()
