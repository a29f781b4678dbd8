"""The decoder process: what it may not do, and when it ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.support.server import ROOT, wait_for
from transcriber.audio.processes.children import Children

LOCKED_IN = """
from transcriber.audio.processes import child
child._import_all()
child._lock_in(1 << 28, 0)
"""

OWNER = """
import sys
from tests.support.server import wait_for
from transcriber.audio.processes.children import Children
children = Children(2)
children.start()
wait_for(lambda: len(children.pids) == 2, 30)
print(*children.pids, children.for_recording().pid, flush=True)
sys.stdin.read()
"""


def after_locking(code: str) -> subprocess.CompletedProcess[str]:
    """Run some code as if a stranger's bytes had taken over the process."""
    command = [sys.executable, "-c", LOCKED_IN + code]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    "code, error",
    [
        ("open('/etc/passwd')", "Too many open files"),
        ("import socket; socket.socket()", "Too many open files"),
        ("import os; os.pipe()", "Too many open files"),
        ("import subprocess, sys; subprocess.run(['true'])", "Too many open files"),
        ("import numpy; numpy.ones(1 << 28)", "Unable to allocate"),
        ("import resource as r; r.setrlimit(r.RLIMIT_NOFILE, (99, 99))", "maximum limit"),
    ],
    ids=["files", "connections", "pipes", "programs", "memory", "more rights"],
)
def test_it_can_open_and_take_nothing(code: str, error: str) -> None:
    done = after_locking(code)
    assert done.returncode != 0
    assert error in done.stderr


def test_what_runs_too_long_is_ended_by_the_system() -> None:
    done = after_locking("child.allow(1)\nwhile True: pass")
    assert done.returncode == -24  # SIGXCPU


def test_it_has_none_of_the_services_secrets(children: Children) -> None:
    for pid in children.pids:
        names = psutil.Process(pid).environ().keys()
        assert names <= {
            "PATH",
            "PYTHONPATH",
            "LANG",
            "LD_LIBRARY_PATH",
            "LC_CTYPE",
            "OPENBLAS_NUM_THREADS",
        }


def test_it_is_not_root(children: Children) -> None:
    for pid in children.pids:
        uids = psutil.Process(pid).uids()
        assert 0 not in (uids.real, uids.effective, uids.saved)


def test_its_limits_are_those_that_were_meant(children: Children) -> None:
    for pid in children.pids:
        text = Path(f"/proc/{pid}/limits").read_text()
        limits = {line[:26].strip(): line[26:].split()[:2] for line in text.splitlines()}
        assert limits["Max open files"] == ["4", "4"]  # the three that all have, and the owner
        assert limits["Max file size"] == ["0", "0"]
        assert int(limits["Max address space"][1]) < 2 << 30


def test_it_ends_with_its_owner() -> None:
    command = [sys.executable, "-c", OWNER]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        pids = [int(pid) for pid in owner.stdout.readline().split()]
        assert len(pids) == 3
        assert all(psutil.pid_exists(pid) for pid in pids)
        owner.kill()
    wait_for(lambda: not any(psutil.pid_exists(pid) for pid in pids), 10, "they go on alone")
