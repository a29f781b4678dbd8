"""Ten times the load: who was let in goes on, who was not is told so, and it is over at once.

How long each takes is measured by `benchmarks.overload`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
import requests

from tests.support.contract import problem
from tests.support.live import TIMEOUT_S, LiveSession, upload
from tests.support.recordings import recording, wav_chunks
from tests.support.scores import errors
from tests.support.server import Server, running, wait_for

JFK = recording("en/short-jfk.flac")
CHUNKS = wav_chunks(JFK.samples(), 2.0)
# The model's own errors in that recording.
SLIPS = 3
PLACES, TIMES = 2, 10


@pytest.fixture(scope="module")
def small() -> Iterator[Server]:
    """A server with two places."""
    with running({"MODEL": "tiny.en", "MAX_SESSIONS": PLACES}) as started:
        started.wait_until_ready(600)
        yield started


class Watch:
    """Looks all the time at what ten times the load does to a server.

    Attributes:
        queue: the longest queue there was.
        processes: the most children that the worker had.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._worker = psutil.Process(server.process.pid).children()[0]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.queue, self.limit, self.processes = 0, 0, 0

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        assert 0 <= self.queue <= self.limit

    def _look(self) -> None:
        while not self._over.wait(0.02):
            health = requests.get(f"{self._server.url}/health", timeout=TIMEOUT_S).json()
            self.queue, self.limit = (
                max(self.queue, health["queue"]["depth"]),
                health["queue"]["limit"],
            )
            self.processes = max(self.processes, len(self._worker.children()))


def crowd(number: int, come: Callable[[], requests.Response]) -> list[requests.Response]:
    """Let so many clients come at once."""
    with ThreadPoolExecutor(number) as clients:
        return [one.result() for one in [clients.submit(come) for _ in range(number)]]


def assert_lets_in(server: Server) -> None:
    """Assert that somebody new gets a place and the right words."""
    session = LiveSession(server.url)
    assert errors(JFK.text, session.post_all(CHUNKS)).count <= SLIPS


def test_sessions_that_have_a_place_go_on_while_ten_times_as_many_want_one(small: Server) -> None:
    inside = [LiveSession(small.url) for _ in range(PLACES)]
    for session in inside:
        session.post(0, CHUNKS[0]).raise_for_status()
    with Watch(small):
        for sequence, chunk in enumerate(CHUNKS[1:], start=1):
            come = TIMES * PLACES if sequence < 3 else 1
            for refused in crowd(come, lambda: LiveSession(small.url).post(0, CHUNKS[0])):
                problem(refused, 503, "too-many-sessions")
            for session in inside:
                session.post(sequence, chunk, final=chunk is CHUNKS[-1]).raise_for_status()
    for session in inside:
        assert errors(JFK.text, session.wait_ended()["text"]).count <= SLIPS
    assert_lets_in(small)


def test_recordings_wait_for_their_turn_as_far_as_there_is_room(small: Server) -> None:
    session = LiveSession(small.url)
    with Watch(small) as seen, ThreadPoolExecutor(1) as talker:
        talk = talker.submit(session.post_all, CHUNKS)
        answers = crowd(2 * TIMES * PLACES, lambda: upload(small.url, CHUNKS[0]))
        talk.result()
    assert errors(JFK.text, session.state()["text"]).count <= SLIPS
    accepted = [answer.json()["text"] for answer in answers if answer.ok]
    assert len(accepted) >= 12
    assert len(set(accepted)) == 1, "each hears the same"
    refused = [answer for answer in answers if not answer.ok]
    assert len(refused) >= 12
    for answer in refused:
        problem(answer, 503, "queue-full")
    assert seen.queue >= 5, "nobody ever waited"
    assert seen.processes <= 8, "each that waits has a process"
    wait_for(lambda: small.health()["queue"] == {"depth": 0, "limit": 2 * PLACES + 12}, 10)
    assert_lets_in(small)
