"""A model call that hangs: the process is replaced, and its sessions go on."""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.live import LiveSession
from tests.support.recordings import recording, wav_chunks
from tests.support.scores import errors
from tests.support.server import Server, running, wait_for

JFK = recording("en/short-jfk.flac")
CHUNKS = wav_chunks(JFK.samples(), 2.0)
# The model's own errors in that recording, live.
SLIPS = 3
_PTRACE_ATTACH, _WALL = 16, 0x40000000


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that gives a model call two seconds."""
    with running({"MODEL": "tiny.en", "JOB_TIMEOUT_S": 2}) as started:
        started.wait_until_ready(600)
        yield started


class Frozen:
    """A thread of another process that is stopped for good, as if its code had come to hang.

    Only whoever stopped it can take note of its end, without which its process stays a zombie.
    """

    def __init__(self, thread_id: int) -> None:
        self._id = thread_id
        self._stopped = threading.Event()
        self._refused = False
        threading.Thread(target=self._hold, daemon=True).start()
        assert self._stopped.wait(10)
        if self._refused:
            pytest.skip("this machine lets nobody stop a thread")

    def _hold(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._refused = bool(libc.ptrace(_PTRACE_ATTACH, self._id, 0, 0))
        if not self._refused:
            os.waitpid(self._id, _WALL)
        self._stopped.set()
        if not self._refused:
            os.waitpid(self._id, _WALL)  # its end


def computing_thread(server: Server) -> int:
    """Return the thread that runs the model just now."""
    worker = psutil.Process(server.process.pid).children()[0]
    before = {one.id: one.user_time for one in worker.threads()}
    end_s = time.monotonic() + 10
    while time.monotonic() < end_s:
        for one in worker.threads():
            used_s = one.user_time - before.get(one.id, 0.0)
            state = Path(f"/proc/{worker.pid}/task/{one.id}/stat").read_text().split()[-50]
            if used_s >= 0.08 and state == "R":
                return one.id
    raise AssertionError("no thread computes")


@pytest.mark.soak
def test_the_process_is_replaced_and_the_session_goes_on(server: Server) -> None:
    session = LiveSession(server.url)
    session.post(0, CHUNKS[0]).raise_for_status()
    instance = server.health()["instance_id"]
    session.post(1, CHUNKS[1], headers={"Prefer": "respond-async"}).raise_for_status()
    Frozen(computing_thread(server))
    wait_for(lambda: server.health()["status"] == "stuck", 10, "it was not noticed")
    wait_for(lambda: _replaced(server, instance), 40, "it was not replaced")
    server.wait_until_ready()
    for sequence in range(2, len(CHUNKS)):
        final = sequence == len(CHUNKS) - 1
        session.post(sequence, CHUNKS[sequence], final=final).raise_for_status()
    assert errors(JFK.text, session.wait_ended()["text"]).count <= SLIPS
    assert "The model hangs on" in server.log()


def _replaced(server: Server, instance: object) -> bool:
    try:
        return server.health()["instance_id"] != instance
    except OSError:  # it is on its way
        return False
