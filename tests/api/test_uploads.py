"""Uploads that don't keep their request open: 202, and the words as they come."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import requests

from tests.support.contract import PROBLEM_KEYS, assert_marked, problem
from tests.support.live import TIMEOUT_S, LiveSession, upload
from tests.support.recordings import blobs, encode, recording
from tests.support.server import Server, running

SHORT = recording("en/short-austen-0880.flac")
JFK = recording("en/short-jfk.flac")
LONG = recording("en/long-ls-367.flac")
PROBLEM_IN_STATE = PROBLEM_KEYS - {"request_id"}


@pytest.fixture(scope="module")
def small_server() -> Iterator[Server]:
    """A server with one place, for audio of at most 60 s."""
    settings = {"MODEL": "tiny.en", "MAX_SESSIONS": 1, "MAX_AUDIO_S": 60, "CPU_THREADS": 1}
    with running(settings) as started:
        started.wait_until_ready()
        yield started


def send(
    server: Server, data: bytes, prefer: str = "respond-async", **fields: str
) -> requests.Response:
    """Post a whole recording with a preference."""
    return requests.post(
        f"{server.url}/transcribe",
        data=fields,
        files={"audio": ("upload", data)},
        headers={"Prefer": prefer},
        timeout=TIMEOUT_S,
    )


def accepted(response: requests.Response) -> LiveSession:
    """Return the upload that was accepted, to be read as a session is."""
    assert response.status_code == 202, response.text
    url = response.url.removesuffix("/transcribe")
    return LiveSession(url, session_id=response.json()["session_id"])


def remove(one: LiveSession) -> requests.Response:
    """Delete an upload."""
    return requests.delete(f"{one.url}/sessions/{one.session_id}", timeout=TIMEOUT_S)


# -- accepted ----------------------------------------------------------------------------------


def test_the_reply_comes_at_once_and_says_where_the_words_will_be(server: Server) -> None:
    response = send(server, JFK.data)
    body = response.json()
    assert response.status_code == 202
    assert_marked(response)
    assert re.fullmatch(r"[A-Za-z0-9_-]{32}", body["session_id"])
    assert response.headers["Location"] == f"/sessions/{body['session_id']}"
    assert response.headers["Preference-Applied"] == "respond-async"
    assert (body["state"], body["final"], body["text"]) == ("active", False, "")
    assert body["duration"] == pytest.approx(JFK.duration_s, abs=0.01)
    state = accepted(response).state()
    assert state.keys() == body.keys()
    assert state["watch_id"] == body["watch_id"] != body["session_id"]


@pytest.mark.parametrize("prefer", ["wait=0", "respond-async, wait=60"])
def test_other_ways_to_ask_for_it(server: Server, prefer: str) -> None:
    assert accepted(send(server, SHORT.data, prefer)).wait_ended()["text"]


def test_a_wait_that_is_too_short_ends_with_202(server: Server) -> None:
    response = send(server, LONG.data, "wait=0.2")
    assert response.headers["Preference-Applied"] == "wait=0.2"
    remove(accepted(response))


def test_the_transcript_is_the_one_that_a_waiting_request_gets(server: Server) -> None:
    whole = upload(server.url, JFK.data).json()
    state = accepted(send(server, JFK.data)).wait_ended()
    assert state["state"] == "ended"
    assert state["final"]
    for key in ("text", "segments", "language", "duration", "audio_seconds", "model"):
        assert state[key] == whole[key]
    assert "error" not in state


def test_words_come_before_the_end_and_none_comes_twice(server: Server) -> None:
    one = accepted(send(server, LONG.data))
    segments: list[dict[str, Any]] = []
    shares: list[float] = []
    state: dict[str, Any] = {"state": "active"}
    while state["state"] == "active":
        state = one.state(after=len(segments) - 1, wait=60)
        segments += state["segments"]
        audio = state["audio_seconds"]
        shares.append((audio["final"] + audio["silence"]) / state["duration"])
    assert [segment["id"] for segment in segments] == list(range(len(segments)))
    assert len(shares) > 2, "it was told piece by piece"
    assert shares == sorted(shares)
    assert 0 < shares[0] < 0.8
    assert shares[-1] == pytest.approx(1, abs=0.001)
    assert one.state()["segments"] == segments


def test_a_reader_who_knows_the_revision_waits_for_the_next(server: Server) -> None:
    one = accepted(send(server, JFK.data))
    etag = f'"{one.wait_ended()["revision"]}"'
    response = requests.get(
        f"{one.url}/sessions/{one.session_id}",
        headers={"If-None-Match": etag},
        timeout=TIMEOUT_S,
    )
    assert (response.status_code, response.headers["ETag"]) == (304, etag)


def test_the_length_of_a_recording_that_does_not_tell_it_is_told(server: Server) -> None:
    body = send(server, b"".join(blobs("webm-opus")[:25])).json()
    assert body["duration"] == pytest.approx(10, abs=1)


def test_download_and_watch_work_as_for_sessions(server: Server) -> None:
    response = send(server, JFK.data, word_timestamps="true")
    one, watch_id = accepted(response), response.json()["watch_id"]
    one.wait_ended()
    for path in (f"sessions/{one.session_id}", f"watch/{watch_id}"):
        srt = requests.get(
            f"{one.url}/{path}/transcript", params={"format": "srt"}, timeout=TIMEOUT_S
        )
        assert srt.text.startswith("1\n00:00:0")
    seen = requests.get(f"{one.url}/watch/{watch_id}", timeout=TIMEOUT_S)
    assert one.session_id not in seen.text
    assert seen.json()["segments"][0]["words"]


# -- a wait that is long enough ----------------------------------------------------------------


def test_a_recording_that_is_done_in_time_is_answered_as_ever(small_server: Server) -> None:
    response = send(small_server, SHORT.data, "wait=60")
    assert response.status_code == 200
    assert response.headers["Preference-Applied"] == "wait=60"
    assert "Location" not in response.headers
    whole = upload(small_server.url, SHORT.data).json()
    body = response.json()
    assert body.keys() == whole.keys()
    assert body["text"] == whole["text"]
    assert small_server.health()["sessions"] == {"active": 0, "limit": 1}
    srt = send(small_server, SHORT.data, "wait=60", response_format="srt")
    assert srt.headers["Content-Type"].startswith("application/x-subrip")


def test_without_the_header_nothing_is_different(server: Server) -> None:
    response = upload(server.url, SHORT.data)
    assert response.status_code == 200
    assert "Preference-Applied" not in response.headers


# -- refused, failed, stopped ------------------------------------------------------------------


@pytest.mark.parametrize("prefer", ["respond-async", "wait=30"])
def test_what_is_no_audio_is_refused_at_once(small_server: Server, prefer: str) -> None:
    response = send(small_server, b"Dear sir or madam, " * 100, prefer)
    problem(response, 415, "unsupported-media-type", "audio")
    problem(send(small_server, b"", prefer), 400, "missing-audio", "audio")
    assert small_server.health()["sessions"] == {"active": 0, "limit": 1}


def test_an_upload_takes_a_place_until_it_is_removed(small_server: Server) -> None:
    one = accepted(send(small_server, encode(LONG.samples()[: 50 * 16_000])))
    problem(send(small_server, SHORT.data), 503, "too-many-sessions")
    problem(LiveSession(small_server.url).post(0, SHORT.data), 503, "too-many-sessions")
    assert remove(one).status_code == 204
    assert small_server.health()["sessions"] == {"active": 0, "limit": 1}
    response = requests.get(f"{one.url}/sessions/{one.session_id}", timeout=TIMEOUT_S)
    problem(response, 404, "unknown-session", "session_id")
    assert accepted(send(small_server, SHORT.data)).wait_ended()["state"] == "ended"


def test_an_upload_that_fails_says_why(small_server: Server) -> None:
    too_long = encode(np.concatenate([LONG.samples(), JFK.samples()]))
    state = accepted(send(small_server, too_long)).wait_ended()
    assert (state["state"], state["final"], state["duration"]) == ("failed", True, None)
    error = state["error"]
    assert error.keys() == PROBLEM_IN_STATE | {"field", "limit_s"}
    assert (error["code"], error["status"], error["limit_s"]) == ("audio-too-long", 413, 60)
    response = send(small_server, too_long, "wait=60")
    problem(response, 413, "audio-too-long", "audio")


def test_an_upload_takes_no_chunks(server: Server) -> None:
    one = accepted(send(server, SHORT.data))
    before = one.wait_ended()
    for sequence in (0, 1):
        problem(one.post(sequence, SHORT.data), 409, "not-live", "session_id")
    assert one.state() == before
    remove(one)


# -- the end of the service --------------------------------------------------------------------


def test_sigterm_lets_an_upload_finish_and_its_reader_know() -> None:
    with running({"MODEL": "tiny.en", "CPU_THREADS": 1}) as server:
        server.wait_until_ready()
        one = accepted(send(server, LONG.data))
        server.terminate()
        state = one.wait_ended()
        assert server.process.wait(30) == 0
        assert "Traceback" not in server.log()
    assert state["state"] == "ended"
    assert state["text"]
