"""A client that goes on with its session whatever becomes of the server, and who kills that."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.support.live import LiveSession
from tests.support.server import Server

_RETRY_S = 0.1
_STARTING = ("starting", "draining")


@dataclass
class PersistentClient:
    """Posts chunks one after the other, each again and again until it is answered.

    Attributes:
        session: with the replies so far.
        seen: every final segment that was ever told, by id, as it was told first.
        changed: final segments that were told otherwise later.
    """

    session: LiveSession
    seen: dict[int, dict[str, Any]] = field(default_factory=dict)
    changed: list[tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=list)

    def post_all(self, chunks: Sequence[bytes | Sequence[bytes]]) -> None:
        """Post all chunks, the last one as final, and wait for the end."""
        for sequence, chunk in enumerate(chunks):
            self._insist(sequence, chunk, sequence == len(chunks) - 1)
        self.note(self.session.wait_ended())

    def note(self, body: dict[str, Any]) -> None:
        """Compare the segments in a reply or a poll with what was told of them before."""
        for segment in body["segments"]:
            before = self.seen.setdefault(segment["id"], segment)
            if before != segment:
                self.changed.append((before, segment))

    def _insist(self, sequence: int, chunk: bytes | Sequence[bytes], final: bool) -> None:
        pause = threading.Event()
        while True:
            try:
                response = self.session.post(sequence, chunk, final=final)
            except requests.ConnectionError:
                pause.wait(_RETRY_S)
                continue
            if response.status_code == 503 and response.json()["code"] in _STARTING:
                pause.wait(_RETRY_S)
                continue
            assert response.ok, response.text
            self.note(response.json())
            return


class Killer:
    """Kills a server at random moments, and starts it again each time.

    Args:
        server: the victim.
        times: how often.
        within_s: the longest that it lives after it was ready.
        seed: of the moments.
    """

    def __init__(self, server: Server, times: int, within_s: float, seed: int = 0) -> None:
        self._server = server
        self._times = times
        self._within_s = within_s
        self._random = random.Random(seed)
        self._stopping = threading.Event()
        self.kills = 0
        self._thread = threading.Thread(target=self._run, name="killer")

    def __enter__(self) -> Killer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while self.kills < self._times:
            if self._stopping.wait(self._random.uniform(0.05, self._within_s)):
                return
            self._server.kill()
            self.kills += 1
            self._server.restart()
            self._server.wait_until_ready()
