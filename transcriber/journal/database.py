"""The file that sessions are written down in: one per server, and safe against power cuts."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError

from transcriber.journal.tables import VERSION, metadata

log = logging.getLogger(__name__)

NAME = "sessions.sqlite3"
# For its own user only, whatever the folder allows: an id in there is the key to its session.
_OWN = 0o600
# A server that is being replaced finishes what it has accepted first.
_LOCK_WAIT_S = 40.0
_LOCK_POLL_S = 0.1
# Per connection, in this order: the first two only count before there are tables.
_PRAGMAS = (
    "auto_vacuum = INCREMENTAL",
    "journal_mode = WAL",
    "synchronous = FULL",  # a commit survives a power cut, not only a crash
    "secure_delete = ON",  # what is deleted is not to be found in the file any more
    "foreign_keys = ON",
    "busy_timeout = 5000",
)


class FolderInUse(RuntimeError):
    """Another server writes to this folder."""


def lock_folder(folder: Path, wait_s: float = _LOCK_WAIT_S) -> Any:
    """Make a folder, and take it for this process alone until the returned file is closed.

    Raises:
        FolderInUse: another process does not let go of it.
        OSError: the folder can't be made or written to.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = (folder / "lock").open("a+")
    deadline_s, told = time.monotonic() + wait_s, False
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline_s:
                lock.close()
                raise FolderInUse(f"another server writes its sessions to {folder}") from None
            if not told:
                log.warning("Waiting for another server to let go of %s", folder)
                told = True
            time.sleep(_LOCK_POLL_S)  # a lock on a file can't be awaited with a deadline
            continue
        return lock


def open_database(folder: Path) -> Engine:
    """Open the file in a folder, or make it; one that can't be used is put aside, not deleted."""
    path = folder / NAME
    for old in folder.glob(f"{NAME}*"):
        old.chmod(_OWN)
    engine = _engine(path)
    try:
        if _prepare(engine):
            return engine
        log.warning("%s was written by another version", path)
    except DatabaseError as error:
        if isinstance(error, OperationalError):
            raise
        log.error("%s can't be read: %s", path, error.orig)
    engine.dispose()
    aside = path.with_name(f"{NAME}.{int(time.time())}")
    for suffix in ("", "-wal", "-shm"):  # what is in the log belongs to it
        with contextlib.suppress(FileNotFoundError):
            path.with_name(NAME + suffix).rename(aside.with_name(aside.name + suffix))
    log.warning("It was put aside as %s", aside.name)
    engine = _engine(path)
    _prepare(engine)
    return engine


def _engine(path: Path) -> Engine:
    path.touch(_OWN)  # SQLite gives the log beside it the same mode
    engine = create_engine(f"sqlite:///{path}")

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine


def _prepare(engine: Engine) -> bool:
    """Make the tables where there are none; tell whether the file is of this version."""
    with engine.begin() as connection:
        version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        empty = not connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one()
        if not empty and version != VERSION:
            return False
        metadata.create_all(connection)
        probe(connection)
    return True


def probe(connection: Connection) -> None:
    """Write the version: that the file is of this one, and that it can be written to."""
    connection.exec_driver_sql(f"PRAGMA user_version = {VERSION}")
