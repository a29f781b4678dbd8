"""The writer: what comes at once is one commit, and what may not fail is never given up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, create_engine, event

from tests.support.server import wait_for
from transcriber.journal.writer import Work, Writer, wait
from transcriber.live.errors import StorageError, StorageFull

WAIT_S = 10.0


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{tmp_path / 'a.sqlite3'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE lines (line TEXT)")
    yield engine
    engine.dispose()


class Scrub:
    """Removes traces, but not at the first try where somebody is in the way."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.in_the_way = 0

    def __call__(self, connection: Connection) -> bool:
        self.in_the_way -= 1
        if self.in_the_way < 0:
            self.done.set()
        return self.done.is_set()


@pytest.fixture
def scrub() -> Scrub:
    return Scrub()


@pytest.fixture
def writer(engine: Engine, scrub: Scrub) -> Iterator[Writer]:
    writer = Writer(engine, scrub, leave_no_line)
    yield writer
    writer.stop()


def leave_no_line(connection: Connection) -> None:
    connection.exec_driver_sql("INSERT INTO lines VALUES (?)", ("x" * 10_000,))
    connection.exec_driver_sql("DELETE FROM lines WHERE length(line) = 10000")


def add(line: str) -> Work:
    def work(connection: Connection) -> None:
        connection.exec_driver_sql("INSERT INTO lines VALUES (?)", (line,))

    return work


def lines(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.exec_driver_sql("SELECT line FROM lines").scalars())


class Disk:
    """Lets the database run out of room: SQLite itself then says that the disk is full."""

    def __init__(self, engine: Engine) -> None:
        self.full = False
        event.listen(engine, "begin", self._begin)

    def _begin(self, connection: Connection) -> None:
        pages = 1 if self.full else 1 << 30
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}").close()


def big(connection: Connection) -> None:
    connection.exec_driver_sql("INSERT INTO lines VALUES (?)", ("x" * 100_000,))


def test_what_was_waited_for_is_there(writer: Writer, engine: Engine) -> None:
    wait(writer.put(add("one")), WAIT_S)
    assert lines(engine) == ["one"]


def test_everything_is_written_in_order(writer: Writer, engine: Engine) -> None:
    tickets = [writer.put(add(str(number))) for number in range(1200)]
    wait(tickets[-1], WAIT_S)
    assert lines(engine) == [str(number) for number in range(1200)]


def test_what_comes_while_a_commit_is_under_way_is_one_commit(
    writer: Writer, engine: Engine
) -> None:
    commits: list[object] = []
    event.listen(engine, "commit", commits.append)
    held, go_on = threading.Event(), threading.Event()

    def hold(connection: Connection) -> None:
        held.set()
        assert go_on.wait(WAIT_S)

    writer.put(hold)
    assert held.wait(WAIT_S)
    tickets = [writer.put(add(str(number))) for number in range(100)]
    go_on.set()
    wait(tickets[-1], WAIT_S)
    assert len(commits) == 2


def test_a_full_disk_refuses_what_may_fail_at_once(writer: Writer, engine: Engine) -> None:
    disk = Disk(engine)
    disk.full = True
    with pytest.raises(StorageFull):
        wait(writer.put(big, may_fail=True), WAIT_S)
    assert isinstance(writer.problem, StorageFull)
    disk.full = False
    wait(writer.put(add("after")), WAIT_S)
    assert writer.problem is None
    assert lines(engine) == ["after"]


def test_that_the_disk_is_well_again_is_found_out_though_nobody_writes(
    writer: Writer, engine: Engine
) -> None:
    disk = Disk(engine)
    disk.full = True
    with pytest.raises(StorageFull):
        wait(writer.put(big, may_fail=True), WAIT_S)
    assert writer.problem is not None
    disk.full = False
    wait_for(lambda: writer.problem is None, WAIT_S, "it is still in trouble")
    assert lines(engine) == []


def test_what_may_not_fail_is_written_in_order_once_there_is_room(
    writer: Writer, engine: Engine
) -> None:
    disk = Disk(engine)
    disk.full = True
    first, second = writer.put(big), writer.put(add("second"))
    wait_for(lambda: writer.problem is not None, WAIT_S)
    with pytest.raises(StorageError, match="nothing could be written"):
        wait(second, 0.05)
    disk.full = False
    wait(first, WAIT_S)
    wait(second, WAIT_S)
    assert [len(line) for line in lines(engine)] == [100_000, len("second")]


def test_what_is_refused_takes_nothing_else_with_it(writer: Writer, engine: Engine) -> None:
    disk = Disk(engine)
    held, go_on = threading.Event(), threading.Event()

    def hold(connection: Connection) -> None:
        held.set()
        assert go_on.wait(WAIT_S)

    writer.put(hold)
    assert held.wait(WAIT_S)
    disk.full = True
    refused, kept = writer.put(big, may_fail=True), writer.put(add("kept"))
    go_on.set()
    with pytest.raises(StorageFull):
        wait(refused, WAIT_S)
    disk.full = False
    wait(kept, WAIT_S)
    assert lines(engine) == ["kept"]


def test_a_bug_in_one_write_costs_that_one_only(writer: Writer, engine: Engine) -> None:
    held, go_on = threading.Event(), threading.Event()

    def hold(connection: Connection) -> None:
        held.set()
        assert go_on.wait(WAIT_S)

    def wrong(connection: Connection) -> None:
        raise KeyError("a bug")

    writer.put(hold)
    assert held.wait(WAIT_S)
    before, bug, after = writer.put(add("before")), writer.put(wrong), writer.put(add("after"))
    go_on.set()
    wait(before, WAIT_S)
    wait(after, WAIT_S)
    with pytest.raises(StorageError):
        wait(bug, WAIT_S)
    assert lines(engine) == ["before", "after"]


def test_what_is_deleted_while_traces_are_removed_leaves_none_either(engine: Engine) -> None:
    removing, go_on = threading.Event(), threading.Event()
    begun: list[list[str]] = []

    def scrub(connection: Connection) -> bool:
        begun.append(lines(engine))
        removing.set()
        return go_on.wait(WAIT_S)

    def delete(connection: Connection) -> None:
        connection.exec_driver_sql("DELETE FROM lines")

    writer = Writer(engine, scrub, leave_no_line)
    try:
        writer.put(add("kept"), deletes=True)
        assert removing.wait(WAIT_S)
        deleted = writer.put(delete, deletes=True)
        go_on.set()
        wait(deleted, WAIT_S)
        wait_for(lambda: [] in begun, WAIT_S, "what was deleted is in the file still")
    finally:
        writer.stop()
    assert begun == [["kept"], []]


def test_traces_are_removed_after_something_was_deleted(writer: Writer, scrub: Scrub) -> None:
    wait(writer.put(add("kept")), WAIT_S)
    assert not scrub.done.is_set()
    wait(writer.put(add("said to be deleted"), deletes=True), WAIT_S)
    assert scrub.done.wait(WAIT_S)


def test_where_somebody_is_in_the_way_traces_are_removed_later(
    writer: Writer, scrub: Scrub
) -> None:
    scrub.in_the_way = 2
    wait(writer.put(add("said to be deleted"), deletes=True), WAIT_S)
    assert scrub.done.wait(WAIT_S)


def test_what_waits_is_written_before_it_stops(engine: Engine) -> None:
    writer = Writer(engine, Scrub(), leave_no_line)
    for number in range(50):
        writer.put(add(str(number)))
    writer.stop()
    assert len(lines(engine)) == 50
