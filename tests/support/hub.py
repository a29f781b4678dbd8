"""A model hub on a loopback port: as much of its protocol as downloading a model takes."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"

Files = Mapping[str, bytes]


class Request(NamedTuple):
    """One request as it came in; `range` is its Range header or empty."""

    method: str
    path: str
    range: str


class Hub:
    """One hub; its faults can be switched while it runs.

    Attributes:
        files: the repositories with their files.
        requests: everything that was asked so far.
        status: answer everything with this status, unless 0.
        silent: take connections but never answer.
        cut: for a file, how many bytes it is cut off after; the connection ends there.
        cut_again: a cut file is cut at every try, not only at the first; a try after that gets 503,
            since the hub's library tries a broken connection six times.
        hold: for a file, how many bytes come before the hub waits for `release`.
        wrong: files whose bytes are others than those announced.
    """

    def __init__(self, files: Mapping[str, Files], port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.files = files
        self.requests: list[Request] = []
        self.status = 0
        self.silent = False
        self.cut: dict[str, int] = {}
        self.cut_again = False
        self.hold: dict[str, int] = {}
        self.holding = threading.Event()
        self.release = threading.Event()
        self.wrong: set[str] = set()

    def downloads(self, file: str) -> list[Request]:
        """Return the requests for a file's bytes."""
        return [one for one in self.requests if one.method == "GET" and one.path.endswith(file)]

    def mend(self) -> None:
        """Switch every fault off."""
        self.status, self.silent, self.cut_again = 0, False, False
        for fault in (self.cut, self.hold, self.wrong):
            fault.clear()
        self.release.set()


@contextmanager
def running_hub(files: Mapping[str, Files]) -> Iterator[Hub]:
    """Run a hub with these repositories."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.hub = Hub(files, server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="hub")
    thread.start()
    try:
        yield server.hub
    finally:
        server.hub.release.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    hub: Hub
    daemon_threads = True


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""

    def _answer(self) -> None:
        hub, path = self.server.hub, urlsplit(self.path).path
        self.close_connection = True
        hub.requests.append(Request(self.command, path, self.headers.get("Range", "")))
        if hub.silent:
            hub.release.wait()
        elif hub.status:
            self._send(hub.status, b"")
        elif path == "/":
            self._send(HTTPStatus.OK, b"a hub")
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/(tree|revision)/([^/]+))?", path):
            self._describe(*found.groups())
        elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._give(*found.groups())
        else:
            self._send(HTTPStatus.NOT_FOUND, b"")

    def _describe(self, repository: str, what: str | None, revision: str | None) -> None:
        """Answer with a model's info, or with the list of its files."""
        files = self._files(repository, revision or "main")
        if files is None:
            return
        body: object
        if what == "tree":
            body = [
                {"type": "file", "path": name, "size": len(data), "oid": _git_blob(data)}
                | ({"lfs": {"oid": _etag(name, data), **_lfs(data)}} if _large(name) else {})
                for name, data in files.items()
            ]
        else:
            siblings = [
                {"rfilename": name, "size": len(data), "blobId": _git_blob(data)}
                | ({"lfs": {"sha256": _etag(name, data), **_lfs(data)}} if _large(name) else {})
                for name, data in files.items()
            ]
            body = {"id": repository, "sha": COMMIT, "siblings": siblings, "tags": []}
        self._send(HTTPStatus.OK, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def _give(self, repository: str, revision: str, name: str) -> None:
        """Answer with a file, or the rest of it."""
        hub, files = self.server.hub, self._files(repository, revision)
        if files is None:
            return
        if name not in files:
            self._send(HTTPStatus.NOT_FOUND, b"", {"X-Error-Code": "EntryNotFound"})
            return
        data = files[name]
        headers = {"ETag": f'"{_etag(name, data)}"', "X-Repo-Commit": COMMIT}
        if name in hub.wrong:
            data = bytes(byte ^ 0xFF for byte in data)
        status, start = HTTPStatus.OK, 0
        if found := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
            status, start = HTTPStatus.PARTIAL_CONTENT, int(found[1])
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        earlier = len(hub.downloads(f"/{name}")) - 1
        if self.command == "GET" and name in hub.cut and hub.cut_again and earlier > 0:
            self._send(HTTPStatus.SERVICE_UNAVAILABLE, b"")
            return
        sent = None
        if self.command == "GET":
            if name in hub.cut and (hub.cut_again or earlier == 0):
                sent = hub.cut[name]
            sent = hub.hold.get(name, sent)
        self._send(status, data[start:], headers, sent)
        if self.command == "GET" and name in hub.hold:
            hub.holding.set()
            hub.release.wait()
            self._write(data[start:][sent:])

    def _files(self, repository: str, revision: str) -> Files | None:
        """Return a repository's files, or answer that there is no such thing."""
        code = ""
        if repository not in self.server.hub.files:
            code = "RepoNotFound"
        elif revision not in (COMMIT, "main"):
            code = "RevisionNotFound"
        if not code:
            return self.server.hub.files[repository]
        self._send(HTTPStatus.NOT_FOUND, b"", {"X-Error-Code": code})
        return None

    def _send(
        self,
        status: int,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        sent: int | None = None,
    ) -> None:
        """Send a reply; only the first `sent` bytes of its body if that is given."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self._write(body[:sent])

    def _write(self, data: bytes) -> None:
        try:
            self.wfile.write(data)
            self.wfile.flush()
        except ConnectionError:  # the client was killed, or has given up
            self.close_connection = True


def _etag(name: str, data: bytes) -> str:
    """Return the real hub's ETag: SHA-256 of a large file, Git's digest of a small one."""
    return hashlib.sha256(data).hexdigest() if _large(name) else _git_blob(data)


def _large(name: str) -> bool:
    """Tell whether the real hub would keep the file outside of Git."""
    return name.endswith(".bin")


def _lfs(data: bytes) -> dict[str, int]:
    return {"size": len(data), "pointerSize": 134}


def _git_blob(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
