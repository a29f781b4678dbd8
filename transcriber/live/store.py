"""Where sessions and uploads live. The rest of the service knows them only through this store."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from config.settings import Settings
from transcriber.audio.stream import Stream, StreamDecoder
from transcriber.engine.window import DecodingOptions
from transcriber.live.errors import NotLive, SessionExpired, TooManySessions, UnknownSession
from transcriber.live.intake import AudioSeconds
from transcriber.live.ledger import Journal, NoJournal, StoredSession
from transcriber.live.owners import Owner, Owners
from transcriber.live.pace import Pace
from transcriber.live.passes import Submit
from transcriber.live.readable import Readable, log_name
from transcriber.live.returning import Returning
from transcriber.live.session import Session
from transcriber.live.tally import Outcome, Tally, Totals
from transcriber.periodic import Periodic

log = logging.getLogger(__name__)

_TICK_S = 0.5
# Ids of sessions that are gone, so that a late chunk learns "expired" and not "unknown".
_TOMBSTONES = 10_000


@dataclass(frozen=True)
class StoreState:
    """How many sessions and uploads are active, and how many may be."""

    active: int
    limit: int


class SessionStore:
    """The sessions and uploads of this process; each takes one of the places.

    They are in memory, and written down as they go: those of an earlier process come back.

    Args:
        settings: the service's settings.
        submit: asks the engine for a pass.
        limit: how many sessions may be active; called each time, as it depends on the device.
        clock: monotonic seconds.
        journal: where they are written down.
        ready: raises while passes can't be asked for yet, so that no session can go on.
        new_stream: makes what decodes a session's bytes.

    Attributes:
        pace: how often the sessions may have partial passes.
        owners: whose they are.
        restore_upload: takes up an upload of an earlier process, and calls `keep`.
    """

    def __init__(
        self,
        settings: Settings,
        submit: Submit,
        limit: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
        journal: Journal | None = None,
        ready: Callable[[], object] = lambda: None,
        new_stream: Callable[[float], Stream] = StreamDecoder,
    ) -> None:
        self._settings = settings
        self._submit = submit
        self._journal = journal or NoJournal()
        self._ready = ready
        self._new_stream = new_stream
        self._limit = limit
        self._clock = clock
        self.restore_upload: Callable[[StoredSession], None] = lambda stored: None
        self.pace = Pace(settings.latency_target_ms / 1000, clock)
        self._lock = threading.Lock()
        self._kept: dict[str, Readable] = {}
        self._by_watch_id: dict[str, str] = {}
        self._gone: OrderedDict[str, None] = OrderedDict.fromkeys(self._journal.forgotten())
        self._tally = Tally()
        self.owners = Owners()
        self._stopping = threading.Event()
        self._keeper = Periodic("session-keeper", _TICK_S, self._keep)
        self._returning = Returning(self._journal, self._restore)

    def start(self) -> None:
        """Start the thread that looks after sessions: late passes, gaps, forgotten ones."""
        self._keeper.start()

    def stop(self) -> None:
        """Stop that thread; sessions stay as they are."""
        self._stopping.set()
        self._keeper.stop()

    def bring_back(self) -> None:
        """Let all sessions of an earlier process go on; call it once passes can be asked for."""
        self._returning.bring_all(self._stopping.is_set)

    def _restore(self, stored: StoredSession) -> None:
        active = stored.standing.state == "active"
        if active:
            self._ready()
        if stored.kind == "upload":
            self.restore_upload(stored)
        else:
            session = self._session(stored.id, stored.options, stored.watch_id)
            try:
                session.restore(stored)
            except BaseException:  # it is brought back another time, as it is on disk
                session.ledger.close()
                session.expire()
                raise
            self.keep(session)
        if active:
            log.info("%s goes on", stored.kind.title(), extra={"session": log_name(stored.id)})

    def keep(self, one: Readable) -> None:
        """Keep a session or an upload of an earlier process, which has its place already."""
        with self._lock:
            self._add(one)

    def _session(
        self, session_id: str, options: DecodingOptions, watch_id: str | None = None
    ) -> Session:
        return Session(
            session_id,
            options,
            self._settings,
            self._submit,
            self._clock,
            self.pace,
            self._journal.ledger(session_id, options, watch_id),
            self._new_stream,
        )

    def open(
        self, session_id: str, options: DecodingOptions, owners: Sequence[Owner] = ()
    ) -> tuple[Session, bool]:
        """Return the session of that id and whether it is new; if so, it belongs to `owners`.

        Raises:
            SessionExpired: it was there and is gone.
            TooManySessions: it would be one more than the limit.
            TooManyOfOwner: it would be one more than an owner may have.
            NotLive: an upload has this id.
        """
        self._returning.bring(session_id)
        with self._lock:
            found = self._kept.get(session_id)
            if found is not None:
                return _live(found), False
            if session_id in self._gone:
                raise SessionExpired
            self._check_room(owners)
            session = self._session(session_id, options)
            self._add(session, owners)
        log.info("Session started", extra={"session": session.log_name})
        return session, True

    def add(self, upload: Readable, owners: Sequence[Owner] = ()) -> None:
        """Keep an upload that begins, and belongs to `owners`.

        Raises:
            TooManySessions, TooManyOfOwner: as `open`.
        """
        with self._lock:
            self._check_room(owners)
            self._add(upload, owners)
        log.info("Upload started", extra={"session": upload.log_name})

    def _check_room(self, owners: Sequence[Owner]) -> None:
        self.owners.check(owners)
        if self._active() >= self._limit():
            raise TooManySessions

    def _add(self, new: Readable, owners: Sequence[Owner] = ()) -> None:
        self.owners.add(new, owners)
        self._kept[new.id] = new
        self._by_watch_id[new.watch_id] = new.id
        self._tally.start(new)

    def live(self, session_id: str) -> Session:
        """Return a session that takes chunks.

        Raises:
            NotLive: an upload has this id.
            UnknownSession, SessionExpired: as `get`.
        """
        return _live(self.get(session_id))

    def get(self, session_id: str) -> Readable:
        """Return a session or an upload.

        Raises:
            UnknownSession: there never was one of that id.
            SessionExpired: it was there and is gone.
        """
        self._returning.bring(session_id)
        with self._lock:
            found = self._kept.get(session_id)
            if found is not None:
                return found
            if session_id in self._gone:
                raise SessionExpired
            raise UnknownSession

    def watched(self, watch_id: str) -> Readable:
        """Return the session or upload that a watch id may read.

        Raises:
            UnknownSession: no session has this watch id.
        """
        away = self._returning.watched(watch_id)
        if away is not None:
            self._returning.bring(away)
        with self._lock:
            session_id = self._by_watch_id.get(watch_id)
            if session_id is None:
                raise UnknownSession
            return self._kept[session_id]

    def delete(self, session_id: str, outcome: Outcome = "deleted") -> None:
        """Remove everything of a session or upload, before it is archived too.

        Args:
            session_id: its id.
            outcome: what became of it, if it was active until now.

        Raises:
            UnknownSession, SessionExpired: as `get`.
        """
        session = self.get(session_id)
        with self._lock:
            self._remove(session, outcome)
        session.ledger.close()  # or it would be archived as one that has expired
        session.expire()
        session.ledger.delete()

    def _forget(self, session: Readable) -> None:
        """Remove a session that has been over for long: later chunks learn that it expired."""
        with self._lock:
            self._remove(session, "expired")
            self._gone[session.id] = None
            while len(self._gone) > _TOMBSTONES:
                self._gone.popitem(last=False)
        session.ledger.close()
        session.expire()
        session.ledger.forget()

    def _remove(self, session: Readable, outcome: Outcome) -> None:
        if self._kept.pop(session.id, None) is not None:
            self._tally.look(session)
            self._tally.remove(session, outcome)
            self.owners.remove(session)
        self._by_watch_id.pop(session.watch_id, None)

    def release_readers(self) -> None:
        """Let all who wait for news go, because the service stops; unfinished uploads fail."""
        with self._lock:
            kept = list(self._kept.values())
        for one in kept:
            one.release_readers()

    def state(self) -> StoreState:
        """Return how many are active and may be."""
        with self._lock:
            return StoreState(self._active(), self._limit())

    def totals(self) -> Totals:
        """Return what became of all sessions and uploads since the start, and of their audio."""
        with self._lock:
            kept = list(self._kept.values())
            for one in kept:
                self._tally.look(one)
            return self._tally.totals(kept)

    def note_recording(self, audio: AudioSeconds, outcome: Outcome) -> None:
        """Count a recording that was taken while its request waited."""
        with self._lock:
            self._tally.note_recording(audio, outcome)

    def _active(self) -> int:
        kept = sum(one.state == "active" for one in self._kept.values())
        return kept + self._returning.active

    def _keep(self) -> None:
        with self._lock:
            kept = list(self._kept.values())
        for one in kept:
            try:
                self._look_after(one)
            except Exception:  # one bad session must not stop the upkeep of all others
                log.exception("Upkeep failed", extra={"session": one.log_name})
        try:
            self._journal.tidy()
        except Exception:
            log.exception("Old audio could not be deleted")

    def _look_after(self, one: Readable) -> None:
        one.tick()
        self.owners.look(one)
        keep_s = self._settings.keep_transcripts_s
        if one.state != "active" and one.idle_s() > keep_s + self._settings.session_ttl_s:
            self._forget(one)
            log.info("Forgotten", extra={"session": one.log_name})


def _live(found: Readable) -> Session:
    if not isinstance(found, Session):
        raise NotLive
    return found
