"""The file on disk: for one server alone, safe, and put aside where it can't be used."""

from __future__ import annotations

import fcntl
import shutil
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import inspect

from transcriber.journal.database import NAME, FolderInUse, lock_folder, open_database, probe
from transcriber.journal.tables import VERSION


def pragma(folder: Path, name: str) -> object:
    engine = open_database(folder)
    with engine.connect() as connection:
        value: object = connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
    engine.dispose()
    return value


@pytest.mark.parametrize(
    "name, value",
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),  # full: a commit is on disk when it returns
        ("secure_delete", 1),
        ("foreign_keys", 1),
        ("auto_vacuum", 2),
        ("user_version", VERSION),
    ],
)
def test_commits_are_durable_and_deleted_things_leave_no_trace(
    name: str, value: object, tmp_path: Path
) -> None:
    assert pragma(tmp_path, name) == value


def test_a_folder_is_for_one_server(tmp_path: Path) -> None:
    with lock_folder(tmp_path, 0.0), pytest.raises(FolderInUse, match=str(tmp_path)):
        lock_folder(tmp_path, 0.0)
    lock_folder(tmp_path, 0.0).close()


def test_a_server_that_is_replaced_is_waited_for(tmp_path: Path) -> None:
    old = lock_folder(tmp_path, 0.0)
    threading.Timer(0.3, old.close).start()
    lock_folder(tmp_path, 10.0).close()


def test_nobody_else_may_look_into_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "sessions"
    with lock_folder(folder, 0.0) as lock:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        fcntl.flock(lock, fcntl.LOCK_UN)


def test_a_file_of_another_version_is_put_aside_and_not_deleted(tmp_path: Path) -> None:
    engine = open_database(tmp_path)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"PRAGMA user_version = {VERSION + 1}")
    engine.dispose()
    with closing(sqlite3.connect(tmp_path / NAME)) as older:  # it crashed: its log is there still
        older.execute("PRAGMA wal_autocheckpoint = 0")
        older.execute("CREATE TABLE in_the_log (text)")
        older.commit()
        shutil.copytree(tmp_path, tmp_path / "crashed")
    engine = open_database(tmp_path / "crashed")
    assert inspect(engine).has_table("sessions")
    engine.dispose()
    with closing(sqlite3.connect(put_aside(tmp_path / "crashed"))) as aside:
        assert aside.execute("PRAGMA user_version").fetchone() == (VERSION + 1,)
        assert aside.execute("SELECT count(*) FROM in_the_log").fetchone() == (0,)


def test_a_file_that_is_no_database_is_put_aside_and_not_deleted(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"This is no database. " * 1000)
    engine = open_database(tmp_path)
    assert inspect(engine).has_table("sessions")
    engine.dispose()
    assert put_aside(tmp_path).read_bytes() == b"This is no database. " * 1000


def put_aside(folder: Path) -> Path:
    names = [path.name for path in folder.iterdir() if path.name.startswith(f"{NAME}.")]
    return folder / min(names, key=len)  # those of its log are longer


@pytest.mark.parametrize("found", [b"", b"this is no database" * 100], ids=["empty", "put aside"])
def test_the_files_are_for_their_own_user_only_whatever_the_folder_allows(
    found: bytes, tmp_path: Path
) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / NAME).write_bytes(found)
    engine = open_database(tmp_path)
    with engine.begin() as connection:
        probe(connection)
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    engine.dispose()
    assert {NAME, f"{NAME}-wal"} <= modes.keys()
    assert len(modes) == (4 if found else 3)
    assert set(modes.values()) == {0o600}
