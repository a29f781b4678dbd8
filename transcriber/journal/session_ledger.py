"""Where one session is written down."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy import Connection, Executable, delete, insert, select, update

from transcriber.engine.window import DecodingOptions
from transcriber.journal import codec
from transcriber.journal.tables import audio, chunks, segments, sessions, unarchived
from transcriber.journal.writer import Ticket, Writer, wait
from transcriber.live.chunk import Chunk
from transcriber.live.errors import StorageFull
from transcriber.live.intake import Skip
from transcriber.live.ledger import Standing, new_watch_id
from transcriber.live.replies import Answer
from transcriber.live.snapshot import Kind
from transcriber.live.transcript import Segment

# So much room is left to the text of sessions that run when new audio is refused.
RESERVE_BYTES = 16 << 20
# A disk that takes longer is as good as none: the client is told to come again.
_PATIENCE_S = 5.0


def no_room(folder: Path, wanted_bytes: int = 0) -> StorageFull | None:
    """Return what is wrong if there is no room for so much more audio."""
    if shutil.disk_usage(folder).free < RESERVE_BYTES + wanted_bytes:
        return StorageFull("no room is left where sessions are written down")
    return None


class SessionLedger:
    """See `live.ledger.Ledger`. Its session's lock is held while something is written to it."""

    def __init__(
        self,
        writer: Writer,
        folder: Path,
        clock: Callable[[], float],
        session_id: str,
        options: DecodingOptions,
        keep_audio: bool,
        archives: bool,
        watch_id: str | None,
        kind: Kind,
    ) -> None:
        self.watch_id = watch_id or new_watch_id()
        self._writer = writer
        self._folder = folder
        self._clock = clock
        self._id = session_id
        self._options = options
        self._kind = kind
        self._keep_audio = keep_audio
        self._archives = archives
        self._known = watch_id is not None
        self._closed = False
        self._last: Ticket | None = None

    def chunk(self, chunk: Chunk) -> None:
        """Write a chunk down, and with the first one the session, before it is accepted."""
        data = b"".join(part.data for part in chunk.parts)
        full = no_room(self._folder, len(data))
        if full is not None:
            raise full
        now = self._clock()
        mine = (sessions.c.id == self._id) & sessions.c.active

        def work(connection: Connection) -> None:
            touched = update(sessions).where(mine).values(touched_at=now)
            if not connection.execute(touched).rowcount:
                self._begin(connection, now, chunk.skip)
            _forget(connection, self._id, chunk.sequence)  # of one that took too long before
            row = {"session_id": self._id, "sequence": chunk.sequence}
            about = {"fingerprint": chunk.fingerprint(), "final": chunk.final}
            parts = codec.dump_parts(chunk.parts)
            connection.execute(insert(chunks).values(**row, **about, parts=parts))
            connection.execute(insert(audio).values(**row, data=data))

        wait(self._writer.put(work, may_fail=True), _PATIENCE_S)
        self._known = True

    def _begin(self, connection: Connection, now: float, skip: Skip) -> None:
        values = {
            "id": self._id,
            "watch_id": self.watch_id,
            "kind": self._kind,
            "options": codec.OPTIONS.dump(self._options),
            "skip": codec.SKIP.dump(skip),
            "standing": codec.STANDING.dump(Standing()),
            "active": True,
            "touched_at": now,
        }
        connection.execute(insert(sessions).values(values))

    def refused(self, sequence: int) -> None:
        """Forget a chunk that was no audio."""
        self._put(lambda connection: _forget(connection, self._id, sequence), deletes=True)

    def lost(self, sequences: Sequence[int]) -> None:
        """Note chunks that never came."""
        rows = [
            {"session_id": self._id, "sequence": sequence, "final": False, "parts": "[]"}
            for sequence in sequences
        ]
        self._do(insert(chunks).values(rows))

    def answered(self, sequence: int, answer: Answer) -> None:
        """Note what a chunk was answered."""
        mine = (chunks.c.session_id == self._id) & (chunks.c.sequence == sequence)
        noted = update(chunks).where(mine).values(answer=codec.dump_answer(answer))
        self._do(noted)

    def stands(self, standing: Standing, new: Sequence[Segment]) -> None:
        """Note new segments and how the session stands.

        With its end its audio may go, or both are to be archived first.
        """
        active = standing.state == "active"
        values = {"standing": codec.STANDING.dump(standing), "active": active}
        if not active:
            values["touched_at"] = self._clock()
        rows = [
            {"session_id": self._id, "number": one.id, "segment": codec.SEGMENT.dump(one)}
            for one in new
        ]

        def work(connection: Connection) -> None:
            if rows:
                connection.execute(insert(segments), rows)
            connection.execute(update(sessions).where(sessions.c.id == self._id).values(values))
            if not active and self._archives:
                _await_archive(connection, self._id)
            elif not active and not self._keep_audio:
                connection.execute(delete(audio).where(audio.c.session_id == self._id))

        self._put(work, deletes=not active)

    def wait_written(self) -> None:
        """Wait until all of this is on disk."""
        last = self._last
        if last is not None:
            wait(last, _PATIENCE_S)

    def delete(self) -> None:
        """Remove everything of the session; the rows that belong to it go with it."""
        gone = delete(sessions).where(sessions.c.id == self._id)
        self._put_last(lambda connection: _run(connection, gone))

    def forget(self) -> None:
        """Remove everything of the session, as soon as it is archived if it is to be."""
        mine = sessions.c.id == self._id
        waits = unarchived.c.session_id == self._id

        def work(connection: Connection) -> None:
            found = connection.execute(select(sessions.c.active).where(mine)).scalar_one_or_none()
            if found and self._archives:  # it did not go on, because it ended the process
                connection.execute(update(sessions).where(mine).values(active=False))
                _await_archive(connection, self._id)
            if not connection.execute(
                update(unarchived).where(waits).values(forgotten=True)
            ).rowcount:
                connection.execute(delete(sessions).where(mine))

        self._put_last(work)

    def close(self) -> None:
        """Write nothing more."""
        self._closed = True

    def _do(self, statement: Executable) -> None:
        self._put(lambda connection: _run(connection, statement))

    def _put_last(self, work: Callable[[Connection], None]) -> None:
        """Write one thing more, also after `close`, and then nothing."""
        self.close()
        if self._known:
            self._last = self._writer.put(work, deletes=True)

    def _put(self, work: Callable[[Connection], None], deletes: bool = False) -> None:
        if self._known and not self._closed:
            self._last = self._writer.put(work, deletes=deletes)


def _run(connection: Connection, statement: Executable) -> None:
    connection.execute(statement)


def _await_archive(connection: Connection, session_id: str) -> None:
    """Note that a session is to be archived."""
    connection.execute(delete(unarchived).where(unarchived.c.session_id == session_id))
    connection.execute(insert(unarchived).values(session_id=session_id, forgotten=False))


def _forget(connection: Connection, session_id: str, sequence: int) -> None:
    for table in (audio, chunks):
        mine = (table.c.session_id == session_id) & (table.c.sequence == sequence)
        connection.execute(delete(table).where(mine))
