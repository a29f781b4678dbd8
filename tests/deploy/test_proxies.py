"""Behind nginx and Caddy everything works as without: nothing is held back, cut off or made up."""

from __future__ import annotations

import http.client
import ipaddress
import json
import time
from urllib.parse import urlsplit

import numpy as np
import pytest
import requests

from tests.deploy.conftest import REQUESTS_PER_MINUTE
from tests.support.chunks import CHUNKS, JFK, assert_says
from tests.support.contract import problem
from tests.support.live import TIMEOUT_S, LiveSession, upload
from tests.support.recordings import RATE_HZ, encode, recording

pytestmark = pytest.mark.soak

LONG = recording("en/long-ls-367.flac")
POLL_S = 60


def test_a_live_session_gives_its_text(url: str) -> None:
    assert_says(LiveSession(url).post_all(CHUNKS), JFK.text)


def test_a_poll_may_wait_as_long_as_it_likes(url: str) -> None:
    session = LiveSession(url)
    session.post(0, CHUNKS[0])
    path = f"{url}/sessions/{session.session_id}"
    told = requests.get(path, timeout=TIMEOUT_S)
    while told.status_code == 200:  # until there is no more news
        revision = {"If-None-Match": told.headers["ETag"]}
        told = requests.get(path, params={"wait": POLL_S}, headers=revision, timeout=TIMEOUT_S)
    assert told.status_code == 304, told.text
    assert told.elapsed.total_seconds() > POLL_S - 1
    requests.delete(path, timeout=TIMEOUT_S)


def test_words_are_told_while_the_rest_is_heard(url: str) -> None:
    response = requests.post(
        f"{url}/v1/audio/transcriptions",
        data={"model": "whisper-1", "stream": "true"},
        files={"file": ("long.flac", LONG.data)},
        stream=True,
        timeout=TIMEOUT_S,
    )
    arrived_s: dict[str, list[float]] = {}
    for line in response.iter_lines(chunk_size=1):
        if line.startswith(b"data: {"):
            event = json.loads(line[6:])
            arrived_s.setdefault(event["type"], []).append(time.monotonic())
    deltas, (done,) = arrived_s["transcript.text.delta"], arrived_s["transcript.text.done"]
    assert len(deltas) > 1
    assert done - deltas[0] > 0.2, "the first words came when all was over"


def test_a_recording_of_some_mib_goes_through(url: str) -> None:
    data = encode(np.tile(LONG.samples(), 3)[: 300 * RATE_HZ])
    assert len(data) > 4 << 20
    reply = requests.post(
        f"{url}/transcribe", files={"audio": data}, headers={"Prefer": "respond-async"}, timeout=60
    )
    assert reply.status_code == 202, reply.text
    requests.delete(f"{url}/sessions/{reply.json()['session_id']}", timeout=TIMEOUT_S)


def test_what_is_too_large_is_refused_by_the_service_itself(url: str) -> None:
    problem(upload(url, bytes(17 << 20)), 413, "body-too-large", "audio")


def test_what_is_loaded_once_is_sent_small_and_what_is_polled_as_it_is(url: str) -> None:
    wishes = {"Accept-Encoding": "gzip"}
    script = f"{url}/static/swagger-ui/swagger-ui-bundle.js"
    assert requests.get(script, headers=wishes, timeout=30).headers["Content-Encoding"] == "gzip"
    health = requests.get(f"{url}/health", headers=wishes, timeout=30)
    assert "Content-Encoding" not in health.headers


def test_nobody_talks_his_address_away(url: str) -> None:
    def ask(source: str, claimed: str) -> int:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(
            parts.hostname or "", parts.port, timeout=30, source_address=(source, 0)
        )
        connection.request("GET", "/config.json", headers={"X-Forwarded-For": claimed})
        reply = connection.getresponse()
        reply.read()
        connection.close()
        return reply.status

    # Of its own for each proxy, in front of the same server.
    one = str(ipaddress.ip_address("127.1.0.0") + (urlsplit(url).port or 0))
    tried = [ask(one, f"192.0.2.{number}") for number in range(REQUESTS_PER_MINUTE + 1)]
    assert tried == [200] * REQUESTS_PER_MINUTE + [429]
    assert ask("127.0.0.2", "192.0.2.1") == 200
