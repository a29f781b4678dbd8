"""The command line as a shell runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Protocol

import pytest

from tests.support.server import ROOT, Server

COMMAND = [sys.executable, "-m", "transcriber"]
TIMEOUT_S = 120.0


class Run(Protocol):
    """Runs the command with these words, at the server unless they name another."""

    def __call__(
        self, *words: object, stdin: bytes = b"", at: Sequence[str] | None = None
    ) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture
def run(server: Server) -> Run:
    """Run a command to its end."""

    def run(
        *words: object, stdin: bytes = b"", at: Sequence[str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        servers = [word for url in (at or [server.url]) for word in ("--server", url)]
        done = subprocess.run(
            [*COMMAND, *map(str, words), *servers],
            cwd=ROOT,
            input=stdin,
            capture_output=True,
            timeout=TIMEOUT_S,
            env=os.environ,
        )
        out, err = done.stdout.decode(), done.stderr.decode()
        return subprocess.CompletedProcess(done.args, done.returncode, out, err)

    return run
