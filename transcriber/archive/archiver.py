"""Takes one ended session after the other to the archive, in a thread of its own.

What is still to be archived stands in the journal, with its audio and text, so that nothing is lost
while the archive can't be reached, or when the process ends.
"""

from __future__ import annotations

import contextlib
import logging
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, Protocol

from sqlalchemy.exc import DBAPIError

from transcriber.archive.spool import Remux, Spool, audio_files
from transcriber.archive.storage import StorageProblem
from transcriber.archive.transcript import Describe, transcripts
from transcriber.audio.errors import NoDecoder
from transcriber.journal.journal import SqlJournal
from transcriber.journal.session_ledger import no_room
from transcriber.journal.unarchived import Waiting
from transcriber.live.errors import StorageError
from transcriber.live.readable import log_name
from transcriber.periodic import Periodic

log = logging.getLogger(__name__)

# How often the journal is asked for sessions that have ended.
_LOOK_S = 1.0
# So long after its end a session may still be deleted at once: by a client, or because its
# transcript was the answer to a request that waited.
_GRACE_S = 2.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 2.0, 300.0


class Puts(Protocol):
    """Where it goes; see `storage.Storage`."""

    def put(self, name: str, data: IO[bytes] | bytes) -> None:
        """Store something under a name."""


@dataclass(frozen=True)
class ArchiveState:
    """How it is: what waits, why the last attempt failed if it did, and what was done so far."""

    waiting: int = 0
    problem: str | None = None
    archived: int = 0
    failures: int = 0


class Archiver:
    """See the module.

    Args:
        journal: where the sessions are.
        storage: where they go.
        remux: makes of their bytes files that play.
        describe: says what the HTTP layer tells of one.
        folder: for temporary files.
        first_pause_s: how long to wait after a failure; twice as long after each that follows.
    """

    def __init__(
        self,
        journal: SqlJournal,
        storage: Puts,
        remux: Remux,
        describe: Describe,
        folder: Path,
        first_pause_s: float = _FIRST_PAUSE_S,
    ) -> None:
        self._journal = journal
        self._storage = storage
        self._remux = remux
        self._describe = describe
        self._folder = folder
        self._first_pause_s = first_pause_s
        self._failed: Counter[str] = Counter()  # those that wait, by their failures
        self._pause_s, self._not_before_s = first_pause_s, 0.0
        self._stopping = threading.Event()
        self._periodic = Periodic("archiver", _LOOK_S, self._look)
        self._state = ArchiveState()  # changed by the thread only
        self._waiting = journal.unarchived.count()

    @property
    def state(self) -> ArchiveState:
        """How it is at the moment, also while something is on its way for long."""
        with contextlib.suppress(DBAPIError):  # then what was known last has to do
            self._waiting = self._journal.unarchived.count()
        return replace(self._state, waiting=self._waiting)

    def start(self) -> None:
        """Start the thread."""
        self._periodic.start()

    def stop(self) -> None:
        """Stop it; what is not archived by then is when the next process runs."""
        self._stopping.set()
        self._periodic.stop()

    def _look(self) -> None:
        try:
            self._work()
        except Exception:  # nothing may end this thread
            log.exception("The archive can't be looked after")

    def _work(self) -> None:
        """Archive what waits, one after the other, until something goes wrong."""
        unarchived = self._journal.unarchived
        if not self.state.waiting:  # the last that failed may have been deleted
            self._state = replace(self._state, problem=None)
        while not self._stopping.is_set() and time.monotonic() >= self._not_before_s:
            waiting = unarchived.waiting(_GRACE_S)
            if not waiting:
                return
            # What fails for reasons of its own must not keep the others waiting.
            self._try(min(waiting, key=lambda one: self._failed[one.session_id]))

    def _try(self, one: Waiting) -> None:
        about = {"session": log_name(one.session_id)}
        try:
            is_there = self._archive(one)
            if is_there:
                self._journal.unarchived.done(one.session_id)
        except (StorageProblem, StorageError, NoDecoder, OSError) as error:
            # The name of what could not be stored holds the key to the session.
            reason = str(error).replace(one.session_id, about["session"])
            log.warning("A session is not archived yet: %s", reason, extra=about)
            self._note_failure(one, error)
        except Exception as error:  # one that can't be archived must not stop the others
            log.exception("A session can't be archived", extra=about)
            self._note_failure(one, error)
        else:
            self._failed.pop(one.session_id, None)
            self._pause_s = self._first_pause_s
            archived = self._state.archived + is_there
            self._state = replace(self._state, problem=None, archived=archived)
            if is_there:
                log.info("Archived", extra=about)

    def _note_failure(self, one: Waiting, error: Exception) -> None:
        if not self._journal.unarchived.waits(one.session_id):  # it was deleted meanwhile
            return
        self._failed[one.session_id] += 1
        self._not_before_s = time.monotonic() + self._pause_s
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
        kind = error.kind if isinstance(error, StorageProblem) else type(error).__name__
        self._state = replace(self._state, problem=kind, failures=self._state.failures + 1)

    def _archive(self, one: Waiting) -> bool:
        """Store all files of a session, its transcript last; tell whether it was still there."""
        unarchived = self._journal.unarchived
        stored = self._journal.read(one.session_id)
        if stored is None:
            return False
        full = no_room(self._folder, 2 * unarchived.size(one.session_id))
        if full is not None:
            raise full
        day = datetime.fromtimestamp(one.ended_at, timezone.utc).date().isoformat()
        with contextlib.ExitStack() as files:

            def new_file() -> IO[bytes]:
                return files.enter_context(tempfile.TemporaryFile(dir=self._folder))

            spool = Spool(new_file(), stored.kind)
            spool.add(stored.chunks())
            texts = transcripts(stored, spool.next_sequence, self._describe)
            audio = audio_files(spool, self._remux, new_file)
            contents: list[tuple[str, IO[bytes] | bytes]] = [*audio, *texts]
            for name, data in contents:
                if self._stopping.is_set() or not unarchived.waits(one.session_id):
                    return False
                self._storage.put(f"{day}/{one.session_id}/{name}", data)
        return True
