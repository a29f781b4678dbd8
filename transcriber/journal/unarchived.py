"""Sessions that have ended and are yet to be archived: which they are, and that one of them is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, func, select

from transcriber.journal.tables import audio, sessions, unarchived
from transcriber.journal.writer import Writer, wait

# A disk that takes longer is as good as none.
_PATIENCE_S = 5.0


@dataclass(frozen=True)
class Waiting:
    """A session that waits; `ended_at` in seconds since 1970."""

    session_id: str
    ended_at: float


class Unarchived:
    """See the module. Thread-safe.

    Args:
        engine: the database.
        writer: writes to it.
        clock: seconds since 1970.
    """

    def __init__(self, engine: Engine, writer: Writer, clock: Callable[[], float]) -> None:
        self._engine = engine
        self._writer = writer
        self._clock = clock

    def waiting(self, ended_s: float = 0.0) -> list[Waiting]:
        """Return those that ended so many seconds ago or earlier, the oldest first."""
        query = (
            select(sessions.c.id, sessions.c.touched_at)
            .join_from(sessions, unarchived, sessions.c.id == unarchived.c.session_id)
            .where(sessions.c.touched_at <= self._clock() - ended_s)
            .order_by(sessions.c.touched_at)
        )
        with self._engine.connect() as connection:
            return [Waiting(*row) for row in connection.execute(query)]

    def count(self) -> int:
        """Return how many there are."""
        with self._engine.connect() as connection:
            query = select(func.count()).select_from(unarchived)
            return int(connection.execute(query).scalar_one())

    def waits(self, session_id: str) -> bool:
        """Tell whether one is still to be archived: it may have been deleted."""
        mine = select(unarchived.c.session_id).where(unarchived.c.session_id == session_id)
        with self._engine.connect() as connection:
            return connection.execute(mine).first() is not None

    def size(self, session_id: str) -> int:
        """Return how many bytes of audio one has."""
        mine = audio.c.session_id == session_id
        query = select(func.sum(func.length(audio.c.data))).where(mine)
        with self._engine.connect() as connection:
            return connection.execute(query).scalar_one() or 0

    def done(self, session_id: str) -> None:
        """One is archived: its audio may be deleted, and all of it if nobody may read it.

        Raises:
            StorageError: that can't be written down at the moment.
        """

        def work(connection: Connection) -> None:
            waits = unarchived.c.session_id == session_id
            forgotten = connection.execute(select(unarchived.c.forgotten).where(waits)).scalar()
            connection.execute(delete(unarchived).where(waits))
            if forgotten:
                connection.execute(delete(sessions).where(sessions.c.id == session_id))

        wait(self._writer.put(work, deletes=True), _PATIENCE_S)
