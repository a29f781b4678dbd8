"""Sessions that an earlier process has left on disk: they come back when somebody asks for them.

And without being asked for too, one after the other, so that what was not final becomes so.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace

from transcriber.audio.errors import NoDecoder
from transcriber.live.ledger import Journal, StoredSession
from transcriber.live.readable import log_name

log = logging.getLogger(__name__)


# What ends the process, or hangs in the model, is tried once more, and not at every start.
_MOST_TRIES = 2


class Returning:
    """See the module. Thread-safe.

    Args:
        journal: where they were written down.
        restore: makes a session of what was written down, and keeps it.
    """

    def __init__(self, journal: Journal, restore: Callable[[StoredSession], None]) -> None:
        self._journal = journal
        self._restore = restore
        self._lock = threading.Lock()
        self._away: dict[str, threading.Lock] = {}
        self._by_watch_id: dict[str, str] = {}
        self._active: set[str] = set()
        for head in journal.stored():
            self._away[head.id] = threading.Lock()
            self._by_watch_id[head.watch_id] = head.id
            if head.active:
                self._active.add(head.id)

    @property
    def active(self) -> int:
        """How many of them go on, and take up a place."""
        with self._lock:
            return len(self._active)

    def watched(self, watch_id: str) -> str | None:
        """Return which of them a watch id belongs to."""
        with self._lock:
            return self._by_watch_id.get(watch_id)

    def bring(self, session_id: str) -> None:
        """Bring a session back if it is away; returns when it is there.

        Raises:
            Exception: what `restore` raises; it stays away.
        """
        with self._lock:
            mine = self._away.get(session_id)
        if mine is None:
            return
        with mine:  # others that ask for the same one wait
            if session_id not in self._away:
                return
            stored = self._journal.load(session_id)
            if stored is not None:
                try:
                    self._restore(_harmless(stored))
                finally:  # whatever was wrong, the process has survived it
                    self._journal.is_back(session_id)
            self._forget(session_id)

    def bring_all(self, is_stopping: Callable[[], bool]) -> None:
        """Bring all of them back, those that go on first."""
        with self._lock:
            ids = list(self._away)
        for session_id in ids:
            if is_stopping():
                return
            try:
                self.bring(session_id)
            except NoDecoder:  # it waits for whoever asks for it
                log.warning(
                    "A session waits for a decoder", extra={"session": log_name(session_id)}
                )
            except Exception:  # one that can't be read must not keep the others away
                log.exception("A session that was written down can't go on")
                self._forget(session_id)

    def _forget(self, session_id: str) -> None:
        with self._lock:
            self._away.pop(session_id, None)
            self._active.discard(session_id)
            for watch_id in [key for key, one in self._by_watch_id.items() if one == session_id]:
                del self._by_watch_id[watch_id]


def _harmless(stored: StoredSession) -> StoredSession:
    """Return a session that is only to be read, if it ends the process whenever it goes on."""
    if max(stored.tries, stored.hung) < _MOST_TRIES or stored.standing.state != "active":
        return stored
    log.error(
        "A session does not go on: the service ended %d times by it",
        max(stored.tries, stored.hung),
        extra={"session": log_name(stored.id)},
    )
    return replace(stored, standing=replace(stored.standing, state="expired"))
