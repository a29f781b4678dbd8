"""One thread that writes for all sessions, so that one commit serves several of them.

Whoever needs to know that something is on disk waits for its ticket. What fails for want of room
or because the disk is read-only is tried again until it succeeds, in order; only what somebody
waits for to be able to refuse it is given up at once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, OperationalError

from transcriber.live.errors import StorageError, StorageFull

log = logging.getLogger(__name__)

_RETRY_S = 0.5
_MOST_AT_ONCE = 500

Work = Callable[[Connection], None]


@dataclass(eq=False)
class Ticket:
    """Something to be written.

    Attributes:
        work: does it, within a transaction.
        may_fail: whether it is given up if it can't be done now.
        error: why it was not done, once `done` is set.
    """

    work: Work
    may_fail: bool = False
    error: StorageError | None = None
    done: threading.Event = field(default_factory=threading.Event)


class Writer:
    """See the module.

    Args:
        engine: the database.
        scrub: called after something was deleted, to remove its traces; tells whether it has.
        probe: writes what changes nothing, to find out whether the disk takes something again.

    Attributes:
        problem: why nothing can be written at the moment, None if it can.
    """

    def __init__(self, engine: Engine, scrub: Callable[[Connection], bool], probe: Work) -> None:
        self.problem: StorageError | None = None
        self._engine = engine
        self._scrub = scrub
        self._probe = probe
        self._changed = threading.Condition()
        self._waiting: deque[Ticket] = deque()
        self._deleted = self._stopping = False
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)
        self._thread.start()

    def put(self, work: Work, may_fail: bool = False, deletes: bool = False) -> Ticket:
        """Have something written behind all that was put before."""
        ticket = Ticket(work, may_fail)
        with self._changed:
            self._waiting.append(ticket)
            self._deleted = self._deleted or deletes
            self._changed.notify_all()
        return ticket

    def stop(self) -> None:
        """Write what waits, as far as that is possible, and end the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join(10)

    def _run(self) -> None:
        while (batch := self._take()) is not None:
            left = self._write(batch)
            if left:
                if not self._put_back(left):
                    return
            elif self._deleted and not self._waiting:
                # Before: what is deleted while traces are being removed leaves some behind them.
                self._deleted = False
                if not self._clean():
                    self._deleted = True

    def _take(self) -> list[Ticket] | None:
        """Wait for something to write, or to remove; None if the thread shall end."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._waiting or self._stopping, _RETRY_S if self._deleted else None
            )
            if self._stopping and not self._waiting:
                return None
            count = min(len(self._waiting), _MOST_AT_ONCE)
            return [self._waiting.popleft() for _ in range(count)]

    def _put_back(self, left: Sequence[Ticket]) -> bool:
        """Have what may not fail written later; tell whether there is a later.

        Where there is no such thing a probe stands for it: nobody might come to find out that the
        disk is well again, since everybody is told that it is not.
        """
        firm = [ticket for ticket in left if not ticket.may_fail]
        with self._changed:
            self._waiting.extendleft(reversed(firm or [Ticket(self._probe)]))
            if self._stopping:
                return False
            if len(firm) == len(left):  # else it may be the others that have no room
                self._wait_before_retry()
            return True

    def _wait_before_retry(self) -> None:
        """Wait a little, or until somebody waits who is to be told soon."""
        known = len(self._waiting)
        self._changed.wait_for(
            lambda: self._stopping or any(one.may_fail for one in list(self._waiting)[known:]),
            _RETRY_S,
        )

    def _write(self, batch: Sequence[Ticket]) -> Sequence[Ticket]:
        """Commit a batch, and return what of it the disk refused; those who wait are told."""
        if not batch:
            return ()
        try:
            with self._engine.begin() as connection:
                for ticket in batch:
                    ticket.work(connection)
        except OperationalError as error:
            self._refused(batch, error)
            return batch
        except Exception:  # a bug in one must not stop all others
            if len(batch) > 1:
                return [left for ticket in batch for left in self._write([ticket])]
            log.exception("Something could not be written down, and is left out")
            batch[0].error = StorageError("it could not be written down")
        if self.problem is not None:
            log.warning("Sessions are being written down again")
            self.problem = None
        for ticket in batch:
            ticket.done.set()
        return ()

    def _refused(self, batch: Sequence[Ticket], error: DBAPIError) -> None:
        full = "disk is full" in str(error.orig)
        problem = StorageFull(str(error.orig)) if full else StorageError(str(error.orig))
        if self.problem is None:
            log.error("Sessions can't be written down: %s", error.orig)
        self.problem = problem
        for ticket in batch:
            if ticket.may_fail:
                ticket.error = problem
                ticket.done.set()

    def _clean(self) -> bool:
        try:
            with self._engine.connect() as connection:
                return self._scrub(connection)
        except DBAPIError as error:
            log.warning("Deleted audio may still be in the file: %s", error.orig)
            return False


def wait(ticket: Ticket, timeout_s: float) -> None:
    """Wait until something is written.

    Raises:
        StorageError: it was given up, or takes too long and is tried further.
    """
    started_s = time.monotonic()
    if not ticket.done.wait(timeout_s):
        raise StorageError(f"nothing could be written for {time.monotonic() - started_s:.0f} s")
    if ticket.error is not None:
        raise ticket.error
