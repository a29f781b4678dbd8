"""Clients of all kinds that come and go: they finish, they delete, they vanish in the middle."""

from __future__ import annotations

import itertools
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import requests

from tests.support.live import TIMEOUT_S, LiveSession, upload
from tests.support.recordings import blobs, encode, grouped, recording, wav_chunks
from tests.support.server import Server

_SPEECH = recording("en/short-jfk.flac").samples()[: 4 * 16_000]
_WAVS = [[chunk] for chunk in wav_chunks(_SPEECH, 2.0)]
_WEBM, _MP4 = (grouped(blobs(kind)[:10], 5) for kind in ("webm-opus", "mp4-opus"))
_ASYNC = {"Prefer": "respond-async"}
_MAY_ANSWER = {200, 202, 304, 404, 409, 410, 415, 422, 503}


class Visitors:
    """Several clients at once, each of whose visits is chosen by a seed.

    Args:
        server: where they go.
        at_once: how many there are.
        seed: of what they do.
        only_rubbish: they cost the server no pass of the model.

    Attributes:
        visits: how many visits of each kind were paid.
        errors: what should not have happened.
    """

    def __init__(
        self, server: Server, at_once: int, seed: int = 0, only_rubbish: bool = False
    ) -> None:
        self.server = server
        self._at_once = at_once
        self._seed = seed
        self._lock = threading.Lock()
        self._started_s = time.monotonic()
        self.visits: Counter[str] = Counter()
        self.errors: list[str] = []
        self._kinds: list[Callable[[random.Random], None]] = [
            self._finish,
            self._delete,
            self._leave,
            self._cut_off,
            self._give_up_waiting,
            self._upload,
            self._upload_and_leave,
            self._send_rubbish,
        ]
        if only_rubbish:
            self._kinds = [self._send_rubbish]

    def run(self, is_enough: Callable[[], bool], pause_s: float = 0.0) -> None:
        """Pay visits until it is enough; each client waits `pause_s` after each visit."""
        threads = [
            threading.Thread(target=self._visit, args=(is_enough, pause_s, self._seed + number))
            for number in range(self._at_once)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def number(self) -> int:
        """Return how many visits were paid."""
        return self.visits.total()

    def seconds(self) -> float:
        """Return for how long they have been coming."""
        return time.monotonic() - self._started_s

    def _visit(self, is_enough: Callable[[], bool], pause_s: float, seed: int) -> None:
        chance, pause = random.Random(seed), threading.Event()
        while not is_enough():
            kind = chance.choice(self._kinds)
            try:
                kind(chance)
            except (OSError, AssertionError, KeyError) as error:
                with self._lock:
                    self.errors.append(f"{kind.__name__}: {error!r}")
            with self._lock:
                self.visits[kind.__name__] += 1
            pause.wait(pause_s)

    def _begin(self, chance: random.Random, chunks: int) -> LiveSession:
        """Post so many chunks of a new session."""
        session, kind = LiveSession(self.server.url), chance.choice([_WAVS, _WEBM, _MP4])
        for sequence, chunk in enumerate(kind[:chunks]):
            self._check(session.post(sequence, chunk, final=sequence == len(kind) - 1))
        return session

    def _finish(self, chance: random.Random) -> None:
        """A session from its first chunk to its last, and its download."""
        session = self._begin(chance, 2)
        self._get(f"/sessions/{session.session_id}/transcript", format="srt")

    def _delete(self, chance: random.Random) -> None:
        """A session that is deleted, in its middle or at its end."""
        session = self._begin(chance, chance.choice([1, 2]))
        url = f"{self.server.url}/sessions/{session.session_id}"
        response = requests.delete(url, timeout=TIMEOUT_S)
        # 404: there was no place for it. 410: it expired meanwhile.
        assert response.status_code in (204, 404, 410), response.text

    def _leave(self, chance: random.Random) -> None:
        """A session whose client never comes back."""
        self._begin(chance, 1)

    def _cut_off(self, chance: random.Random) -> None:
        """A client that vanishes in the middle of a body."""
        head = (
            f"POST /transcribe?session_id={chance.getrandbits(96):024x}&sequence=0 HTTP/1.1\r\n"
            "Host: localhost\r\nContent-Type: audio/wav\r\nContent-Length: 64044\r\n\r\n"
        )
        with self._connect() as connection:
            connection.sendall(head.encode() + _WAVS[0][0][: chance.randrange(60_000)])

    def _give_up_waiting(self, chance: random.Random) -> None:
        """A reader that does not wait for the news it asked for."""
        session = self._begin(chance, 1)
        target = f"/sessions/{session.session_id}?wait=3"
        with self._connect() as connection:
            connection.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())

    def _upload(self, chance: random.Random) -> None:
        """A whole recording."""
        self._check(upload(self.server.url, encode(_SPEECH)))

    def _upload_and_leave(self, chance: random.Random) -> None:
        """A whole recording whose text nobody comes for."""
        url = f"{self.server.url}/transcribe"
        data = encode(_SPEECH)
        self._check(requests.post(url, data, headers=_ASYNC, timeout=TIMEOUT_S))

    def _send_rubbish(self, chance: random.Random) -> None:
        """Bytes that are no audio, or only begin as if they were."""
        data = bytearray(itertools.chain.from_iterable(_WEBM[0]))
        for _ in range(chance.choice([50, 5000])):
            data[chance.randrange(len(data))] = chance.randrange(256)
        self._check(LiveSession(self.server.url).post(0, bytes(data)))

    def _get(self, path: str, **query: Any) -> None:
        self._check(requests.get(self.server.url + path, params=query, timeout=TIMEOUT_S))

    def _connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.server.port), TIMEOUT_S)

    def _check(self, response: requests.Response) -> None:
        assert response.status_code in _MAY_ANSWER, f"{response.status_code} {response.text}"
