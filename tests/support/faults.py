"""A proxy on a loopback port in front of a real server, whose faults are switched at run time.

It stands for what lies between browser and service: routers that lose requests, hosting services
that put a Space to sleep, servers that accept but never answer.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import socket
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import urlsplit

ASLEEP_PAGE = b"<!doctype html><title>Space</title><h1>This Space is sleeping</h1>"
_UPSTREAM_S = 120.0
# They are about one connection, and the proxy has two.
_HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}


class Seen(NamedTuple):
    """A request as it came in; `target` is path and query."""

    method: str
    target: str
    body: bytes


@dataclass(frozen=True, eq=False)
class Fault:
    """What happens to a request; the default is to hand it on.

    Attributes:
        path: only requests whose path begins so are hit.
        delay_s: seconds before anything else happens.
        hang: read the request, then never answer.
        status: answer this oneself, unless 0, with `headers` and `body`.
        lose_every: close the connection instead of answering the n-th, 2n-th … request; 0 is none.
        after_forwarding: the server has had a lost request, and only its reply is lost.
    """

    path: str = "/"
    delay_s: float = 0.0
    hang: bool = False
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    lose_every: int = 0
    after_forwarding: bool = False


NONE = Fault()


def hanging(path: str = "/") -> Fault:
    """Read requests, but never answer."""
    return Fault(path, hang=True)


def unavailable(retry_after_s: int | None = None, path: str = "/", cors: bool = False) -> Fault:
    """Answer 503; with `cors` pages of other origins may read it, unlike most routers' own."""
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    if cors:
        headers |= {"Access-Control-Allow-Origin": "*"}
        headers |= {"Access-Control-Expose-Headers": "Retry-After"}
    return Fault(path, status=HTTPStatus.SERVICE_UNAVAILABLE, headers=headers)


def asleep(path: str = "/") -> Fault:
    """Answer 200 with a page of the hosting service."""
    headers = {"Content-Type": "text/html; charset=utf-8"}
    return Fault(path, status=HTTPStatus.OK, headers=headers, body=ASLEEP_PAGE)


def losing(every: int, after_forwarding: bool, path: str = "/") -> Fault:
    """Lose every n-th request, or with `after_forwarding` the reply to it."""
    return Fault(path, lose_every=every, after_forwarding=after_forwarding)


def slow(delay_s: float, path: str = "/") -> Fault:
    """Hand requests on late."""
    return Fault(path, delay_s=delay_s)


class Proxy:
    """One proxy. What it has hung stays hung until it stops, whatever is switched meanwhile.

    Attributes:
        url: where it listens.
        fault: what happens to requests that come from now on.
        seen: the requests so far.
    """

    def __init__(self, upstream_url: str, port: int = 0) -> None:
        """Listen on a port (0 takes a free one) for the server at `upstream_url`."""
        self.fault = NONE
        self.seen: list[Seen] = []
        self._server = _Server(("127.0.0.1", port), self, urlsplit(upstream_url).netloc)
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name=f"proxy-{self.port}"
        )
        self._thread.start()

    def stop(self) -> None:
        """End every connection, and return when no thread is left."""
        self._server.shutdown()
        self._thread.join()
        self._server.end_connections()
        self._server.server_close()


@contextlib.contextmanager
def proxy(upstream_url: str, port: int = 0) -> Iterator[Proxy]:
    """Run a proxy in front of the server at this URL."""
    started = Proxy(upstream_url, port)
    try:
        yield started
    finally:
        started.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that closing joins them

    def __init__(self, address: tuple[str, int], owner: Proxy, upstream: str) -> None:
        super().__init__(address, _Handler)
        self.owner, self.upstream = owner, upstream
        self.stopping = threading.Event()
        self._numbers = itertools.count(1)
        self._hits: dict[Fault, int] = {}
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()

    def process_request_thread(self, request: object, client_address: object) -> None:
        name = f"proxy-{self.server_address[1]}-{next(self._numbers)}"
        threading.current_thread().name = name
        super().process_request_thread(request, client_address)  # type: ignore[arg-type]

    def handle_error(self, request: object, client_address: object) -> None:
        """Be silent about browsers that go away in the middle, and about nothing else."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    def is_hit(self, fault: Fault) -> bool:
        """Count a request, and tell whether it is one to be lost."""
        with self._lock:
            number = self._hits[fault] = self._hits.get(fault, 0) + 1
        return fault.lose_every > 0 and number % fault.lose_every == 0

    @contextlib.contextmanager
    def watched(self, connection: socket.socket) -> Iterator[None]:
        """Let `end_connections` end this one while it is in use."""
        with self._lock:
            self._open.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(connection)

    def end_connections(self) -> None:
        """Wake whatever waits for a client, for the server, or for ever."""
        self.stopping.set()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        # One request a connection: a browser repeats by itself what is lost on a used one.
        with self.server.watched(self.connection):
            self.handle_one_request()

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        self._take()

    def do_HEAD(self) -> None:
        self._take()

    def do_POST(self) -> None:
        self._take()

    def do_DELETE(self) -> None:
        self._take()

    def do_OPTIONS(self) -> None:
        self._take()

    def _take(self) -> None:
        server, owner = self.server, self.server.owner
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        owner.seen.append(Seen(self.command, self.path, body))
        fault = owner.fault if self.path.startswith(owner.fault.path) else NONE
        is_lost = server.is_hit(fault)
        if fault.delay_s:
            server.stopping.wait(fault.delay_s)
        if fault.hang:
            server.stopping.wait()
        elif is_lost:
            if fault.after_forwarding:
                self._ask_upstream(body)
        elif fault.status:
            self._answer(fault.status, dict(fault.headers), fault.body)
        else:
            self._answer(*self._ask_upstream(body))

    def _ask_upstream(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Hand the request on; without a server behind it, answer as routers do."""
        headers = _end_to_end(self.headers.items())
        upstream = http.client.HTTPConnection(self.server.upstream, timeout=_UPSTREAM_S)
        with contextlib.closing(upstream):
            try:
                upstream.connect()
                with self.server.watched(upstream.sock):
                    upstream.request(self.command, self.path, body or None, headers)
                    reply = upstream.getresponse()
                    content = reply.read()
            except (OSError, http.client.HTTPException):
                return HTTPStatus.BAD_GATEWAY, {"Content-Type": "text/plain"}, b"no server"
        return reply.status, _end_to_end(reply.getheaders()), content

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        has_length = any(name.lower() == "content-length" for name in headers)
        if not has_length and status not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _end_to_end(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name: value for name, value in headers if name.lower() not in _HOP_BY_HOP}
