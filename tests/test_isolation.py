"""Bytes that end, hang or exhaust what decodes them: one session waits a moment, nothing else."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import psutil
import pytest
import requests

from tests.support.live import TIMEOUT_S, LiveSession, upload
from tests.support.recordings import blobs, encode, grouped, recording
from tests.support.scores import errors
from tests.support.server import Server, running, wait_for

BLOBS = grouped(blobs("webm-opus")[:25], 5)
JFK = recording("en/short-jfk.flac")
# The model's own errors in that recording, as an upload.
SLIPS = 2


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server whose decoder processes are given up soon."""
    with running({"MODEL": "tiny.en", "DECODERS": 2, "DECODE_TIMEOUT_S": 2}) as started:
        started.wait_until_ready(600)
        yield started


def decoders(server: Server) -> list[psutil.Process]:
    """Return its processes that decode streams."""
    return [
        one
        for one in psutil.Process(server.process.pid).children(recursive=True)
        if one.name() == "decode-streams"
    ]


def harm(server: Server, how: signal.Signals) -> None:
    wait_for(lambda: len(decoders(server)) == 2, 20)
    for one in decoders(server):
        os.kill(one.pid, how)


def test_sessions_go_on_when_their_decoders_are_killed(server: Server) -> None:
    clean = LiveSession(server.url).post_all(BLOBS)
    sessions = [LiveSession(server.url) for _ in range(2)]
    for sequence, chunk in enumerate(BLOBS):
        if sequence == 3:
            harm(server, signal.SIGKILL)
        for session in sessions:
            session.post(sequence, chunk, final=chunk is BLOBS[-1]).raise_for_status()
    for session in sessions:
        state = session.wait_ended()
        assert not any(segment.get("gap") for segment in state["segments"])
        assert errors(clean, state["text"]).count <= 1


def test_health_is_quick_while_a_decoder_hangs(server: Server) -> None:
    session = LiveSession(server.url)
    session.post(0, BLOBS[0]).raise_for_status()
    harm(server, signal.SIGSTOP)
    poster = threading.Thread(target=session.post, args=(1, BLOBS[1]))
    poster.start()
    took_s = []
    while poster.is_alive():
        started_s = time.monotonic()
        server.health()
        took_s.append(time.monotonic() - started_s)
    poster.join()
    assert len(took_s) > 5
    assert max(took_s) < 1
    assert session.replies[1]["audio_seconds"]["received"] == pytest.approx(4.0, abs=0.3)


def test_an_upload_is_decoded_apart_from_the_service(server: Server) -> None:
    worker = psutil.Process(server.process.pid).children()[0]
    before = {one.pid for one in worker.children(recursive=True)}
    response = upload(server.url, encode(JFK.samples()))
    assert errors(JFK.text, response.json()["text"]).count <= SLIPS
    wait_for(
        lambda: {one.pid for one in worker.children(recursive=True)} - before,
        20,
        "no process was used",
    )


def test_what_has_ended_is_counted(server: Server) -> None:
    def ended() -> float:
        lines = requests.get(f"{server.url}/metrics", timeout=TIMEOUT_S).text.splitlines()
        found = [one for one in lines if one.startswith("transcriber_decoders_ended_total")]
        return float(found[0].split()[1])

    before = ended()
    session = LiveSession(server.url)
    harm(server, signal.SIGKILL)
    session.post(0, BLOBS[0]).raise_for_status()
    assert ended() == before + 1


def test_sessions_go_on_when_what_decoders_are_forked_from_is_killed(server: Server) -> None:
    session = LiveSession(server.url)
    session.post(0, BLOBS[0]).raise_for_status()
    wait_for(lambda: len(decoders(server)) == 2, 20)
    (template,) = {one.ppid() for one in decoders(server)}
    os.kill(template, signal.SIGKILL)
    for sequence, chunk in enumerate(BLOBS[1:], 1):
        session.post(sequence, chunk, final=chunk is BLOBS[-1]).raise_for_status()
    assert not any(segment.get("gap") for segment in session.wait_ended()["segments"])
    wait_for(lambda: {one.ppid() for one in decoders(server)} - {template}, 20)
