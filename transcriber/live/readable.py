"""What the store keeps and readers read: a live session, or an upload."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable

from transcriber.engine.window import DecodingOptions
from transcriber.live.ledger import Ledger, NoLedger
from transcriber.live.sequencer import digest
from transcriber.live.snapshot import Kind, Snapshot, State
from transcriber.live.transcript import Transcript

# A restart makes the revision jump by so much: those of partial text are not written down, and none
# may come to mean something else.
RESTARTED = 1_000_000


def log_name(session_id: str) -> str:
    """Return what a session is called in logs: its id is the key to it, and must not be there."""
    return digest(session_id.encode()).hex()[:8]


class Readable(ABC):
    """A transcript that grows, under an id that owns it and a watch id that only reads it.

    `_changed` guards everything that readers see, and wakes them; `ledger` is where it is written
    down.
    """

    kind: Kind

    def __init__(
        self,
        session_id: str,
        options: DecodingOptions,
        clock: Callable[[], float] = time.monotonic,
        ledger: Ledger | None = None,
    ) -> None:
        self.id = session_id
        self.ledger = ledger or NoLedger()
        self.log_name = log_name(session_id)
        self.watch_id = self.ledger.watch_id
        self.options = options
        self.state: State = "active"
        self.transcript = Transcript()
        self._clock = clock
        self._changed = threading.Condition()
        self._touched_s = clock()
        self._readers_released = False

    @abstractmethod
    def snapshot(self, after: int = -1) -> Snapshot:
        """Return it as it is, with the segments whose id is above `after`."""

    def told(self, after: int = -1) -> Snapshot:
        """Return the same for a client, who must not be told what a crash could take back.

        Raises:
            StorageError: it can't be written down at the moment.
        """
        snapshot = self.snapshot(after)
        self.ledger.wait_written()
        return snapshot

    @abstractmethod
    def tick(self) -> None:
        """Do what time alone makes due."""

    @abstractmethod
    def _stop(self) -> None:
        """Stop what is being done for it; called once, with `_changed` held."""

    def expire(self) -> None:
        """End it for good; readers still see what is final."""
        with self._changed:
            if self.state == "expired":
                return
            self.state = "expired"
            self.transcript.revision += 1
            self._stop()
            self._changed.notify_all()

    def wait_change(self, revision: int | None, after: int, wait_s: float) -> None:
        """Wait until the revision is not `revision`; without one, until a segment after `after`."""

        def changed() -> bool:
            if self.state != "active" or self._readers_released:
                return True
            if revision is not None:
                return self.transcript.revision != revision
            return len(self.transcript.segments) > after + 1

        with self._changed:
            self._changed.wait_for(changed, wait_s)

    def release_readers(self) -> None:
        """Let all who wait for a change go, because the service stops."""
        with self._changed:
            self._readers_released = True
            self._changed.notify_all()

    def idle_s(self) -> float:
        """Return the seconds since audio came last."""
        return self._clock() - self._touched_s
