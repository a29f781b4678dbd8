"""How decoder processes come and go: forked from a template, or each from nothing."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.server import wait_for
from transcriber.audio.processes import child, wire
from transcriber.audio.processes.children import Children
from transcriber.audio.processes.starters import START_S, Spawner, Starter, Template

WORDS = ["streams", "5", str(1 << 28)]


@pytest.fixture(params=[Spawner, Template])
def starter(request: pytest.FixtureRequest) -> Iterator[Starter]:
    one: Starter = request.param()
    yield one
    one.stop()


@pytest.fixture
def template() -> Iterator[Template]:
    one = Template()
    yield one
    one.stop()


def started(starter: Starter) -> tuple[int, socket.socket]:
    """Start a process; it says when it is ready."""
    ours, theirs = socket.socketpair()
    with theirs:
        pid = starter.start(WORDS, theirs)
    ours.settimeout(START_S)
    assert wire.receive(ours)[0]["ready"] == pid
    return pid, ours


def test_it_serves_until_it_is_ended(starter: Starter) -> None:
    pid, connection = started(starter)
    with connection:
        wire.send(connection, {"do": "open", "stream": 1, "over": [], "max_s": 1.0})
        assert wire.receive(connection)[0] == {}
    assert starter.end(pid) in (0, -signal.SIGKILL)
    assert not psutil.pid_exists(pid)


def test_its_end_is_told_as_it_was(starter: Starter) -> None:
    pid, connection = started(starter)
    with connection:
        os.kill(pid, signal.SIGXCPU)
        with pytest.raises(wire.Broken):
            wire.receive(connection)
    assert starter.end(pid) == -signal.SIGXCPU


def test_all_are_forked_from_one_that_runs_a_single_thread(template: Template) -> None:
    processes = [started(template) for _ in range(3)]
    parents = {psutil.Process(pid).ppid() for pid, _ in processes}
    assert parents == {template.pid}
    assert psutil.Process(template.pid).num_threads() == 1
    for pid, connection in processes:
        connection.close()
        template.end(pid)


def test_no_fork_can_speak_for_the_template(template: Template) -> None:
    """Its sockets are the one to its owner alone; what it is told stays its own."""
    (first, one), (second, other) = started(template), started(template)
    with one, other:
        for pid in (first, second):
            open_files = [str(one.readlink()) for one in Path(f"/proc/{pid}/fd").iterdir()]
            assert sum(one.startswith("socket:") for one in open_files) == 1
    template.end(first), template.end(second)


def test_with_the_template_all_of_them_end(template: Template) -> None:
    pid, connection = started(template)
    assert template.pid is not None
    os.kill(template.pid, signal.SIGKILL)
    with connection, pytest.raises(wire.Broken):
        wire.receive(connection)
    wait_for(lambda: not psutil.pid_exists(pid), 10)
    assert template.end(pid) == -signal.SIGKILL


def test_another_template_is_started_where_one_has_ended(template: Template) -> None:
    _, connection = started(template)
    connection.close()
    before = template.pid
    assert before is not None
    os.kill(before, signal.SIGKILL)
    pid, connection = started(template)
    connection.close()
    assert template.pid not in (None, before)
    template.end(pid)


def test_where_there_is_no_room_for_another_those_that_run_go_on(
    template: Template, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid, connection = started(template)
    before = template.pid
    with monkeypatch.context() as full:
        full.setattr(template, "_asked", lambda head, handed: {"failed": "Resource unavailable"})
        ours, theirs = socket.socketpair()
        with ours, theirs, pytest.raises(OSError, match="Resource unavailable"):
            template.start(WORDS, theirs)
    assert (template.pid, psutil.pid_exists(pid)) == (before, True)
    connection.close()
    template.end(pid)


def test_a_template_that_can_not_fork_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> int:
        raise BlockingIOError("Resource unavailable")

    monkeypatch.setattr(os, "fork", full)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        handed = os.dup(theirs.fileno())
        one = child.Template(theirs)
        assert one._answer({"fork": WORDS}, [handed]) == {"failed": "Resource unavailable"}
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(handed)
        assert "failed" in one._answer({"ended": os.getppid()}, [])  # none of its own


def test_stopping_ends_them_all(children: Children) -> None:
    pids = children.pids
    assert pids
    children.stop()
    wait_for(lambda: not any(psutil.pid_exists(pid) for pid in pids), 10)
