"""The servers that may be used: which of them live, and which is the best just now.

The rules are those of `static/client/servers.js`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from transcriber.client.errors import ClientError
from transcriber.client.loop import Loop
from transcriber.client.server import Server

PROBE_EVERY_S = 5.0
PROBE_TIMEOUT_S = 2.0


class Servers:
    """See the module. All of it runs on the loop's thread.

    Args:
        servers: preferred first.
        loop: where it runs.
        on_change: called when something about a server is new.
    """

    def __init__(
        self, servers: Sequence[Server], loop: Loop, on_change: Callable[[], None]
    ) -> None:
        self.list = list(servers)
        self._loop = loop
        self._on_change = on_change

    def tick(self) -> None:
        """Probe what is due. Servers behind one that is well are let alone."""
        for server in self.list:
            if time.monotonic() - server.probed_s >= PROBE_EVERY_S:
                self._probe(server)
            if server.is_beyond_doubt:
                break

    def doubt(self, server: Server) -> None:
        """Look at a server that failed just now, and at those behind it."""
        self._probe(server)
        self.tick()

    def best(self) -> Server | None:
        """Return the best server for a new session; None while none is, or a better is unknown.

        One that is shunned is better than none.
        """
        for server in self.list:
            if server.is_usable and not server.is_shunned:
                return server
            if not server.known:
                return None
        return next((server for server in self.list if server.is_usable), None)

    def better(self, current: Server) -> Server | None:
        """Return a server before this one that has been well for a while."""
        before = self.list[: self.list.index(current)]
        return next((server for server in before if server.is_steady), None)

    def _probe(self, server: Server) -> None:
        if server.probing:
            return
        server.probing = True
        server.probed_s = time.monotonic()
        self._loop.work(lambda: probe(server), lambda result: self._judge(server, result))

    def _judge(self, server: Server, result: dict[str, Any] | Exception) -> None:
        server.probing = False
        if isinstance(result, Exception):
            server.badly_probed(str(result))
        elif result.get("status") in ("ok", "degraded"):
            latency_s = time.monotonic() - server.probed_s
            server.well_probed(latency_s, bool(result.get("accepting", True)))
        else:
            server.badly_probed(said_of(result))
        self._on_change()


def probe(server: Server) -> dict[str, Any]:
    """Return what a server says of its health.

    Raises:
        RequestError: it does not answer in two seconds, or with something else.
    """
    _, body = server.wire.json("GET", "/health", PROBE_TIMEOUT_S, accept=(503,))
    return body or {}


def said_of(health: dict[str, Any]) -> str:
    """Return in a few words what a server says of itself when it is not well."""
    status = str(health.get("status", "")).replace("_", " ")
    return ": ".join(part for part in (status, str(health.get("detail", ""))) if part)


def chosen(addresses: str | Sequence[str], key: str) -> list[Server]:
    """Return the servers with these addresses, each once; a single one may stand for itself.

    Raises:
        ClientError: there is none, or one is no address.
    """
    if isinstance(addresses, str):
        addresses = [addresses]
    servers = {server.url: server for server in (Server(url, key) for url in addresses)}
    if not servers:
        raise ClientError("No server is given.", "no-server")
    return list(servers.values())
