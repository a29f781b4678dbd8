"""Clients that send byte by byte, say nothing, or take nothing of their replies hold up nobody."""

from __future__ import annotations

import contextlib
import resource
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.support.chunks import silence
from tests.support.live import LiveSession
from tests.support.server import Server, running, wait_for

# Who is held up waits until the slow ones are cut off.
MANY, DRIP_S, TIMEOUT_S = 100, 0.2, 6.0
HEAD = (
    "POST /transcribe?session_id=0123456789abcdef&sequence=0 HTTP/1.1\r\nHost: localhost\r\n"
    "Content-Type: audio/wav\r\nContent-Length: 5000\r\n\r\n"
)
LARGE = "/static/live-transcriber.js"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server that gives bodies little time, and reads fewer at once than come."""
    settings = {"MODEL": "tiny.en", "BODY_TIMEOUT_S": TIMEOUT_S, "MOST_BODIES": MANY - 20}
    with running(settings) as started:
        started.wait_until_ready(600)
        yield started


class Drippers:
    """Clients that send what they have at once, then a byte now and then, until answered."""

    def __init__(self, server: Server, at_once: bytes) -> None:
        self._at_once = at_once
        self._port = server.port
        self.replies: list[bytes] = []
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._drip) for _ in range(MANY)]

    def __enter__(self) -> Drippers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _drip(self) -> None:
        with socket.create_connection(("127.0.0.1", self._port)) as connection:
            connection.sendall(self._at_once)
            connection.settimeout(DRIP_S)
            reply, more = b"", True
            while more and not self._stopping.is_set():
                with contextlib.suppress(TimeoutError, ConnectionError):
                    data = connection.recv(65536)
                    reply, more = reply + data, bool(data)
                if not reply:
                    with contextlib.suppress(OSError):
                        connection.sendall(b"x")
            self.replies.append(reply)


def slowest_health_s(server: Server, for_s: float) -> float:
    end_s, worst_s = time.monotonic() + for_s, 0.0
    while time.monotonic() < end_s:
        started_s = time.monotonic()
        server.health()
        worst_s = max(worst_s, time.monotonic() - started_s)
    return worst_s


def test_bodies_that_drip_in_hold_up_nobody_and_are_cut_off(server: Server) -> None:
    with Drippers(server, HEAD.encode()) as drippers:
        assert slowest_health_s(server, TIMEOUT_S) < TIMEOUT_S / 3
        session = LiveSession(server.url)
        wait_for(lambda: len(drippers.replies) == MANY, 20, "some were never answered")
        session.post(0, silence(0.5), final=True).raise_for_status()
    statuses = [reply.split(b" ")[1] for reply in drippers.replies]
    assert set(statuses) == {b"408", b"503"}
    codes = {b"408": b"body-timeout", b"503": b"too-many-bodies"}
    assert all(
        codes[status] in reply for status, reply in zip(statuses, drippers.replies, strict=True)
    )
    assert statuses.count(b"503") >= 20


def test_heads_that_drip_in_hold_up_nobody_and_are_cut_off(server: Server) -> None:
    with Drippers(server, b"GET /health HTTP/1.1\r\nX-Slow: ") as drippers:
        assert slowest_health_s(server, 3) < 1
        wait_for(lambda: len(drippers.replies) == MANY, 20, "some were never cut off")
    assert server.health()["status"] == "ok"


def test_clients_that_say_nothing_get_no_thread_and_make_room_for_others(server: Server) -> None:
    most = 1000  # as many as the worker takes
    with many_files(2 * most), contextlib.ExitStack() as connections:
        for _ in range(most + 20):
            silent = socket.create_connection(("127.0.0.1", server.port), 10)
            connections.enter_context(silent)
        assert slowest_health_s(server, 1) < 1
        assert LiveSession(server.url).post(0, silence(0.5), final=True).ok


@contextlib.contextmanager
def many_files(number: int) -> Iterator[None]:
    """Let this process have so many files open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < number:
        pytest.skip(f"this machine allows a process only {hard} files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, number), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_clients_that_take_nothing_of_their_replies_are_hung_up_on() -> None:
    threads = {"THREADS": 8, "MOST_BODIES": 4}
    settings = {"MODEL": "/nowhere/at-all", "BODY_TIMEOUT_S": 1, **threads}
    with running(settings) as small, contextlib.ExitStack() as connections:
        greedy = [connections.enter_context(socket.socket()) for _ in range(sum(threads.values()))]
        for connection in greedy:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.settimeout(30)
            connection.connect(("127.0.0.1", small.port))
        asked = [threading.Thread(target=ask_for_much, args=(one,)) for one in greedy]
        for thread in asked:
            thread.start()
        for thread in asked:
            thread.join()
        assert small.health()["status"] == "model_failed"


def ask_for_much(connection: socket.socket) -> None:
    """Ask for files again and again, and take none, until the other end hangs up."""
    with contextlib.suppress(ConnectionError):
        while True:
            connection.sendall(f"GET {LARGE} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
