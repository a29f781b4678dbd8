"""What is written down of each session. SQLAlchemy Core, so that PostgreSQL can take its place."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

# Grows with every change of these tables: a file of another version is put aside.
VERSION = 1

metadata = MetaData()

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("watch_id", String(64), nullable=False, unique=True),
    # A live session, or an upload.
    Column("kind", String(16), nullable=False),
    Column("options", Text, nullable=False),
    Column("skip", Text, nullable=False),
    Column("standing", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    # Seconds since 1970: the clock that survives a restart.
    Column("touched_at", Float, nullable=False),
    # How often a process has begun to decode its chunks again and not come to the end.
    Column("tries", Integer, nullable=False, server_default="0"),
    # How often the model has hung on it.
    Column("hung", Integer, nullable=False, server_default="0"),
)


def _of_session(name: str, number: str, *columns: Column[Any]) -> Table:
    """Return a table of numbered things that a session has, which go with it."""
    return Table(
        name,
        metadata,
        Column("session_id", String(64), primary_key=True),
        Column(number, Integer, primary_key=True, autoincrement=False),
        *columns,
        ForeignKeyConstraint(["session_id"], ["sessions.id"], ondelete="CASCADE"),
    )


chunks = _of_session(
    "chunks",
    "sequence",
    # None for a chunk that was given up and never came.
    Column("fingerprint", LargeBinary),
    Column("final", Boolean, nullable=False),
    # The formats of its parts, and their lengths; the bytes are in `audio`.
    Column("parts", Text, nullable=False),
    Column("answer", Text),
)
audio = _of_session("audio", "sequence", Column("data", LargeBinary, nullable=False))
segments = _of_session("segments", "number", Column("segment", Text, nullable=False))
# Those that have ended and the archive does not have yet. A table of its own, so that a file in
# which it is missing needs no other version: it is made there when the file is opened.
unarchived = Table(
    "unarchived",
    metadata,
    Column("session_id", String(64), primary_key=True),
    # Nobody may read it any more: it goes as soon as the archive has it.
    Column("forgotten", Boolean, nullable=False),
    ForeignKeyConstraint(["session_id"], ["sessions.id"], ondelete="CASCADE"),
)
