"""What the worker process of a server holds at a moment."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from dataclasses import dataclass

import psutil

from tests.support.server import Server, wait_for
from transcriber.journal.database import NAME as DATABASE


@dataclass(frozen=True)
class Holdings:
    """Memory (RSS, MiB), threads, file handles and child processes of gunicorn's worker.

    Without the handles of the database, which has a pool of connections.
    """

    rss_mb: float
    threads: int
    handles: int
    children: int

    @classmethod
    def of(cls, server: Server) -> Holdings:
        """Look at the child of gunicorn's master."""
        (worker,) = psutil.Process(server.process.pid).children()
        with worker.oneshot():
            return cls(
                round(worker.memory_info().rss / 2**20, 1),
                worker.num_threads(),
                worker.num_fds() - sum(DATABASE in file.path for file in worker.open_files()),
                len(worker.children(recursive=True)),
            )


def start_request_threads(server: Server, number: int) -> None:
    """Let gunicorn start all its request threads, which it keeps, by so many half requests."""
    before = Holdings.of(server).threads
    with ExitStack() as half_sent:
        for _ in range(number):
            connection = socket.create_connection(("127.0.0.1", server.port))
            half_sent.enter_context(connection).sendall(b"GET /health/live HTTP/1.1\r\n")
        wait_for(lambda: _is_steady(server, before), 20, "no threads were started")
    wait_for(lambda: bool(server.health()), 20)


def _is_steady(server: Server, before: int) -> bool:
    seen = {Holdings.of(server).threads for _ in range(20)}
    return len(seen) == 1 and seen.pop() > before
