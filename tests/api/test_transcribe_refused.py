"""POST /transcribe with chunks and uploads that are refused: row by row of the contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import requests

from tests.support.chunks import CHUNKS, SHORT, assert_no_such_session, assert_says, silence
from tests.support.contract import problem
from tests.support.encoders import wav_that_claims
from tests.support.live import TIMEOUT_S, LiveSession, upload
from tests.support.recordings import RATE_HZ, encode, recording
from tests.support.server import Server, wait_for

# -- sessions that can't take a chunk -----------------------------------------------------------


def test_a_session_begins_with_sequence_0(session: LiveSession) -> None:
    response = session.post(1, CHUNKS[1])
    problem(response, 404, "unknown-session", "session_id")
    assert_no_such_session(session)


def test_an_ended_session_takes_no_more(session: LiveSession) -> None:
    session.post(0, silence(0.1), final=True)
    problem(session.post(1, silence(0.1)), 409, "session-ended", "session_id")


def test_nothing_comes_after_the_last_chunk(session: LiveSession) -> None:
    session.post(0, silence(0.1))
    session.post(2, silence(0.1), final=True)
    problem(session.post(3, silence(0.1)), 409, "session-ended", "session_id")
    assert session.post(1, silence(0.1)).json()["final"]


def test_a_session_left_alone_is_flushed_and_expires(hasty_server: Server) -> None:
    session = LiveSession(hasty_server.url)
    session.post(0, SHORT.data)
    wait_for(lambda: session.state()["state"] == "expired", 20)
    assert_says(session.state()["text"], SHORT.text)
    problem(session.post(1, SHORT.data), 410, "session-expired", "session_id")


# -- no room ------------------------------------------------------------------------------------


def test_more_sessions_than_allowed_get_503(small: LiveSession) -> None:
    small.post(0, silence(0.1))
    other = LiveSession(small.url)
    problem(other.post(0, silence(0.1)), 503, "too-many-sessions")
    assert_no_such_session(other)
    small.post(1, [], final=True)
    assert other.post(0, silence(0.1)).status_code == 200, "an ended session frees its place"
    requests.delete(f"{small.url}/sessions/{other.session_id}", timeout=TIMEOUT_S)


def test_the_last_reply_is_given_whole_to_whoever_asks_again(server: Server) -> None:
    session = LiveSession(server.url)
    early = session.post(0, SHORT.data, final=True, headers={"Prefer": "respond-async"})
    assert (early.status_code, early.json()["text"]) == (202, "")
    again = session.post(0, SHORT.data, final=True)
    assert (again.status_code, again.json()["final"]) == (200, True)
    assert session.text().strip() == session.state()["text"].strip() != ""


def test_an_empty_wav_is_silence(server: Server) -> None:
    session = LiveSession(server.url)
    session.post(0, encode(np.zeros(0, np.float32)))
    assert session.post(1, SHORT.data, final=True).status_code == 200
    assert session.state()["audio_seconds"]["lost"] == 0


def test_a_full_queue_gets_503(hasty_server: Server) -> None:
    session = LiveSession(hasty_server.url)
    long = encode(recording("en/long-ls-367.flac").samples()[: 20 * RATE_HZ])

    def work() -> tuple[int, int]:
        health: Any = hasty_server.health()
        return health["workers"]["busy"], health["queue"]["depth"]

    wait_for(lambda: work() == (0, 0), 60)
    with ThreadPoolExecutor(2) as pool:
        uploads = [pool.submit(upload, hasty_server.url, long)]
        wait_for(lambda: work() == (1, 0), 60)
        uploads.append(pool.submit(upload, hasty_server.url, long))
        wait_for(lambda: work() == (1, 1), 60)
        refused = session.post(0, SHORT.data)
        refused_upload = upload(hasty_server.url, SHORT.data)
        assert all(one.result().status_code == 200 for one in uploads)
    problem(refused, 503, "queue-full")
    problem(refused_upload, 503, "queue-full")
    assert_no_such_session(session)
    assert session.post(0, SHORT.data, final=True).status_code == 200


# -- too large, too long, not audio, damaged ----------------------------------------------------


def test_too_large_a_chunk_gets_413_with_the_limit(small: LiveSession) -> None:
    response = small.post(0, bytes((1 << 20) + 1))
    assert problem(response, 413, "body-too-large", "audio")["limit_bytes"] == 1 << 20
    assert_no_such_session(small)


def chunked(data: bytes) -> Iterator[bytes]:
    """Make requests send the data without saying how long it is."""
    yield from (data[at : at + (1 << 16)] for at in range(0, len(data), 1 << 16))


@pytest.mark.parametrize("form", [True, False])
@pytest.mark.parametrize("send", [bytes, chunked])
def test_too_large_an_upload_gets_413_with_the_limit(
    small_server: Server, send: Callable[[bytes], Any], form: bool
) -> None:
    part = b'--xyz\r\nContent-Disposition: form-data; name="audio"; filename="a"\r\n\r\n'
    response = requests.post(
        f"{small_server.url}/transcribe",
        data=send((part if form else b"") + bytes(3 << 20)),
        headers={"Content-Type": f"{'multipart/form-data' if form else 'audio/wav'};boundary=xyz"},
        timeout=TIMEOUT_S,
    )
    assert problem(response, 413, "body-too-large", "audio")["limit_bytes"] == 2 << 20


def test_too_long_a_recording_gets_413_with_the_limit(small_server: Server) -> None:
    response = upload(small_server.url, silence(13))
    assert problem(response, 413, "audio-too-long", "audio")["limit_s"] == 12


def test_too_long_a_chunk_gets_413_and_leaves_a_gap(small: LiveSession) -> None:
    response = small.post(0, encode(np.zeros(9 * RATE_HZ, np.float32), "FLAC"))
    assert problem(response, 413, "audio-too-long", "audio")["limit_s"] == 8
    assert small.post(1, SHORT.data, final=True).json()["text"].startswith("[…]")


def test_too_long_a_session_gets_413_and_keeps_what_it_has(small: LiveSession) -> None:
    small.post(0, silence(7))
    small.post(1, silence(6))
    response = small.post(2, silence(1))
    assert problem(response, 413, "audio-too-long", "audio")["limit_s"] == 12
    assert small.state()["next_sequence"] == 2
    assert small.state()["audio_seconds"]["received"] == pytest.approx(13, abs=0.01)


def test_no_audio_gets_415_with_the_list_and_is_not_stored(session: LiveSession) -> None:
    accepted = problem(
        session.post(0, b"<!doctype html><p>Sign in"), 415, "unsupported-media-type", "audio"
    )["accepted"]
    assert set(accepted) >= {"webm", "ogg", "mp4", "m4a", "wav", "flac", "mp3", "audio/L16"}
    assert_no_such_session(session)
    assert session.post(0, CHUNKS[0]).status_code == 200, "the same sequence, properly"


def test_no_audio_in_the_middle_of_a_session_is_not_stored(session: LiveSession) -> None:
    session.post(0, CHUNKS[0])
    before = session.state()
    response = session.post(1, b"<!doctype html><p>Sign in")
    problem(response, 415, "unsupported-media-type", "audio")
    assert session.state() == before
    assert session.post(1, CHUNKS[1]).status_code == 200, "the same sequence, properly"


def test_a_damaged_chunk_gets_422_and_leaves_a_gap(session: LiveSession) -> None:
    session.post(0, CHUNKS[0])
    damaged = wav_that_claims(rate_hz=1)
    problem(session.post(1, damaged), 422, "undecodable-audio", "audio")
    problem(session.post(1, damaged), 422, "undecodable-audio", "audio")
    assert session.state()["next_sequence"] == 2, "the sequence is consumed"
    session.post(2, CHUNKS[4], final=True)
    assert " […] " in session.text()
    assert session.text() == session.state()["text"]
