"""The sessions of one server on disk: written as they go, and read again after a restart."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from sqlalchemy import Connection, Executable, Row, delete, select, update

from transcriber.engine.window import DecodingOptions
from transcriber.journal import codec
from transcriber.journal.database import lock_folder, open_database, probe
from transcriber.journal.session_ledger import SessionLedger, no_room
from transcriber.journal.tables import audio, chunks, segments, sessions, unarchived
from transcriber.journal.unarchived import Unarchived
from transcriber.journal.writer import Writer
from transcriber.live.chunk import Chunk
from transcriber.live.errors import StorageError
from transcriber.live.ledger import StoredChunk, StoredHead, StoredSession
from transcriber.live.snapshot import Kind

_TIDY_EVERY_S = 5.0
_NOTE_S = 2.0


class SqlJournal:
    """See the module; it does what `live.ledger.Journal` says.

    Args:
        folder: of the database, for this process alone.
        keep_audio_s: how long the audio of a session is kept once it has ended.
        clock: seconds since 1970.
        archives: whether sessions are to be archived when they end.

    Attributes:
        unarchived: those that are yet to be.

    Raises:
        FolderInUse: another server writes to this folder.
        OSError, OperationalError: the folder can't be written to.
    """

    def __init__(
        self,
        folder: Path,
        keep_audio_s: float,
        clock: Callable[[], float] = time.time,
        archives: bool = False,
    ) -> None:
        self._folder = folder
        self._keep_audio_s = keep_audio_s
        self._clock = clock
        self._archives = archives
        self._tidied_at = 0.0
        self._lock = lock_folder(folder)
        self._no_room = no_room(folder)
        self._engine = open_database(folder)
        with self._engine.connect() as connection:
            _scrub(connection)  # an earlier process may have ended before it did
        self._writer = Writer(self._engine, _scrub, probe)
        self.unarchived = Unarchived(self._engine, self._writer, clock)

    @property
    def problem(self) -> StorageError | None:
        """Why no chunk can be written at the moment, None if it can."""
        return self._writer.problem or self._no_room

    def stop(self) -> None:
        """Write what waits, and let go of the folder."""
        self._writer.stop()
        self._engine.dispose()
        self._lock.close()

    def ledger(
        self,
        session_id: str,
        options: DecodingOptions,
        watch_id: str | None = None,
        kind: Kind = "session",
    ) -> SessionLedger:
        """Return where a session is written down; with its `watch_id`, one that is there."""
        return SessionLedger(
            self._writer,
            self._folder,
            self._clock,
            session_id,
            options,
            keep_audio=self._keep_audio_s > 0,
            archives=self._archives,
            watch_id=watch_id,
            kind=kind,
        )

    def stored(self) -> list[StoredHead]:
        """Return which sessions are there, those that go on first."""
        gone = select(unarchived.c.session_id).where(unarchived.c.forgotten)
        query = select(sessions.c.id, sessions.c.watch_id, sessions.c.active)
        query = query.where(sessions.c.id.not_in(gone))
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(sessions.c.active.desc()))
            return [StoredHead(*row) for row in rows]

    def forgotten(self) -> Sequence[str]:
        """Return which sessions are there only to be archived."""
        with self._engine.connect() as connection:
            gone = select(unarchived.c.session_id).where(unarchived.c.forgotten)
            return connection.execute(gone).scalars().all()

    def load(self, session_id: str) -> StoredSession | None:
        """Return what was written down of a session, to go on with it."""
        stored = self.read(session_id)
        if stored is not None:
            self._note_tries(session_id, stored.tries + 1)
        return stored

    def read(self, session_id: str) -> StoredSession | None:
        """Return what was written down of a session; its chunks are read as they are wanted."""
        mine = select(sessions).where(sessions.c.id == session_id)
        parts = select(segments.c.segment).where(segments.c.session_id == session_id)
        with self._engine.connect() as connection:
            row = connection.execute(mine).one_or_none()
            texts = connection.execute(parts.order_by(segments.c.number)).scalars().all()
        if row is None:
            return None
        return StoredSession(
            id=session_id,
            watch_id=row.watch_id,
            options=codec.OPTIONS.load(row.options),
            standing=codec.STANDING.load(row.standing),
            age_s=max(0.0, self._clock() - row.touched_at),
            segments=[codec.SEGMENT.load(text) for text in texts],
            chunks=lambda: self._chunks(session_id),
            kind=row.kind,
            skip=codec.SKIP.load(row.skip),
            tries=row.tries,
            hung=row.hung,
        )

    def is_back(self, session_id: str) -> None:
        """A session that was loaded goes on."""
        self._note_tries(session_id, 0)

    def has_hung(self, session_ids: Sequence[str]) -> None:
        """The model hangs on these sessions; returns once that is on disk."""
        hung = update(sessions).where(sessions.c.id.in_(session_ids))
        noted = hung.values(hung=sessions.c.hung + 1)
        self._writer.put(lambda connection: _run(connection, noted)).done.wait(_NOTE_S)

    def _note_tries(self, session_id: str, tries: int) -> None:
        """Have on disk how often a session was tried; a full disk is no reason not to try."""
        noted = update(sessions).where(sessions.c.id == session_id).values(tries=tries)
        self._writer.put(lambda connection: _run(connection, noted)).done.wait(_NOTE_S)

    def _chunks(self, session_id: str) -> Iterator[StoredChunk]:
        numbers = select(chunks.c.sequence).where(chunks.c.session_id == session_id)
        whole = (
            select(chunks, audio.c.data)
            .outerjoin_from(
                chunks,
                audio,
                (audio.c.session_id == chunks.c.session_id)
                & (audio.c.sequence == chunks.c.sequence),
            )
            .where(chunks.c.session_id == session_id)
        )
        with self._engine.connect() as connection:
            sequences: Sequence[int] = (
                connection.execute(numbers.order_by(chunks.c.sequence)).scalars().all()
            )
        for sequence in sequences:  # hours of audio may not be in memory at once
            with self._engine.connect() as connection:
                row = connection.execute(whole.where(chunks.c.sequence == sequence)).one()
            yield _stored_chunk(row)

    def tidy(self) -> None:
        """See how much room there is, and now and then delete audio that was kept long enough."""
        self._no_room = no_room(self._folder)
        if self._clock() - self._tidied_at < _TIDY_EVERY_S:
            return
        self._tidied_at = self._clock()
        before = self._clock() - self._keep_audio_s
        old = select(sessions.c.id).where(
            ~sessions.c.active,
            sessions.c.touched_at < before,
            sessions.c.id.not_in(select(unarchived.c.session_id)),
        )
        gone = delete(audio).where(audio.c.session_id.in_(old))
        with self._engine.connect() as connection:
            found = connection.execute(
                select(audio.c.session_id).where(audio.c.session_id.in_(old)).limit(1)
            ).first()
        if found is not None:
            self._writer.put(lambda connection: _run(connection, gone), deletes=True)


def _run(connection: Connection, statement: Executable) -> None:
    connection.execute(statement)


def _stored_chunk(row: Row[tuple[object, ...]]) -> StoredChunk:
    answer = codec.load_answer(row.answer) if row.answer else None
    if row.fingerprint is None:
        return StoredChunk(row.sequence, None, b"", answer)
    parts = codec.load_parts(row.parts, row.data) if row.data is not None else []
    chunk = Chunk(row.sequence, parts, row.final)
    return StoredChunk(row.sequence, chunk, row.fingerprint, answer)


def _scrub(connection: Connection) -> bool:
    """Leave nothing of what was deleted in the log, and give its room back.

    Returns:
        Whether that is done: while somebody reads from the log, it can't be.
    """
    cursor = connection.connection.cursor()
    cursor.execute("PRAGMA incremental_vacuum")
    cursor.fetchall()  # each row that is asked for frees another page
    busy = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    cursor.close()
    return not busy
