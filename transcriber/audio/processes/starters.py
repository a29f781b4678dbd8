"""Ways to start a decoder process: forked from one that is ready, or from nothing.

To import what decodes takes a process half a second of processor time, each of them anew. So where
it is safe they are forked from a template, which has done it once, has never seen a stranger's
byte and knows nothing of the service. All of them end with it, and it ends with the service.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from transcriber.audio.processes import wire

log = logging.getLogger(__name__)

_ROOT = Path(__file__).parents[3]
START_S = 30.0
# Nothing of the service's own environment, where keys may be.
_ENVIRONMENT = {
    name: os.environ[name]
    for name in ("PATH", "PYTHONPATH", "LANG", "LD_LIBRARY_PATH")
    if name in os.environ
} | {"OPENBLAS_NUM_THREADS": "1"}


class Starter(Protocol):
    """Starts processes and ends them."""

    def start(self, words: Sequence[str], theirs: socket.socket) -> int:
        """Start one that talks over `theirs`, and return its id.

        Raises:
            OSError: it can't be started.
        """

    def end(self, pid: int) -> int:
        """End it, and return its exit status: below 0 the signal that ended it."""

    def stop(self) -> None:
        """End all, and start no more."""


def starter() -> Starter:
    """Return the way that suits this system; elsewhere libraries do not survive a fork."""
    return Template() if sys.platform.startswith("linux") else Spawner()


class Spawner:
    """Starts each from nothing."""

    def __init__(self) -> None:
        self._running: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, words: Sequence[str], theirs: socket.socket) -> int:
        """See `Starter`."""
        process = subprocess.Popen(
            [sys.executable, "-m", "transcriber.audio.processes.child", *words],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            cwd=_ROOT,
            env=_ENVIRONMENT,
            start_new_session=True,  # Ctrl-C is for the service, which ends it in time
        )
        self._running[process.pid] = process
        return process.pid

    def end(self, pid: int) -> int:
        """See `Starter`."""
        process = self._running.pop(pid, None)
        if process is None:
            return -signal.SIGKILL
        process.kill()
        return process.wait()

    def stop(self) -> None:
        """See `Starter`."""
        for pid in list(self._running):
            self.end(pid)


class Template:
    """Has them forked from a process that is started with the first of them."""

    def __init__(self) -> None:
        self._spawner = Spawner()
        self._lock = threading.Lock()
        self._template: tuple[int, socket.socket] | None = None
        self._children: set[int] = set()  # of the present template, which have not been ended
        self._stopped = False

    @property
    def pid(self) -> int | None:
        """The id of the template; None if there is none."""
        return self._template[0] if self._template else None

    def start(self, words: Sequence[str], theirs: socket.socket) -> int:
        """See `Starter`."""
        with self._lock:
            try:
                answer = self._asked({"fork": list(words)}, theirs)
            except OSError:
                # The template itself may have been ended by somebody.
                self._drop()
                answer = self._asked({"fork": list(words)}, theirs)
            if "failed" in answer:
                raise OSError(answer["failed"])
            pid = int(answer["pid"])
            self._children.add(pid)
            return pid

    def end(self, pid: int) -> int:
        """See `Starter`."""
        with self._lock:
            if pid not in self._children or self._template is None:
                return -signal.SIGKILL  # it has ended with its template
            self._children.remove(pid)
            # Its id stays its own until the template has been asked for its status.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            try:
                return int(self._asked({"ended": pid}).get("status", -signal.SIGKILL))
            except OSError:
                self._drop()
                return -signal.SIGKILL

    def stop(self) -> None:
        """See `Starter`."""
        with self._lock:
            self._stopped = True
            self._drop()

    def _asked(self, head: dict[str, Any], handed: socket.socket | None = None) -> dict[str, Any]:
        _, connection = self._template or self._begin()
        files = [handed.fileno()] if handed is not None else []
        socket.send_fds(connection, [b"\0"], files)
        wire.send(connection, head)
        return wire.receive(connection)[0]

    def _begin(self) -> tuple[int, socket.socket]:
        if self._stopped:
            raise OSError("the service is at its end")
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                pid = self._spawner.start(["template"], theirs)
            except OSError:
                ours.close()
                raise
        ours.settimeout(START_S)
        self._template = pid, ours
        return self._template

    def _drop(self) -> None:
        """End the template, and with it all that were forked from it."""
        if self._template is not None:
            pid, connection = self._template
            self._template = None
            self._children.clear()
            connection.close()
            status = self._spawner.end(pid)
            log.debug("The decoders' template ended with status %d", status)
