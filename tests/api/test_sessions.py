"""Reading live sessions: state, long poll, transcripts, watching, and removing them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import requests

from tests.support.contract import assert_marked, problem
from tests.support.live import TIMEOUT_S, LiveSession, new_session_id
from tests.support.recordings import RATE_HZ, encode, recording, wav_chunks
from tests.support.server import Server

JFK = recording("en/short-jfk.flac")
SHORT = recording("en/short-austen-0880.flac")
SILENCE = encode(np.zeros(RATE_HZ, np.float32))


@pytest.fixture
def session(server: Server) -> Iterator[LiveSession]:
    """A session with one chunk of speech, still active."""
    session = LiveSession(server.url)
    session.post(0, SHORT.data)
    yield session
    requests.delete(f"{server.url}/sessions/{session.session_id}", timeout=TIMEOUT_S)


@pytest.fixture(scope="module")
def ended(server: Server) -> LiveSession:
    """A session that has ended, for all who only read."""
    session = LiveSession(server.url)
    session.post_all(wav_chunks(JFK.samples(), 4))
    return session


def get(session: LiveSession, path: str = "", *, etag: str = "", **query: Any) -> requests.Response:
    """Read the session, or a path below it."""
    return requests.get(
        f"{session.url}/sessions/{session.session_id}{path}",
        params=query,
        headers={"If-None-Match": etag} if etag else None,
        timeout=TIMEOUT_S,
    )


# -- state -------------------------------------------------------------------------------------


def test_the_state_of_an_active_session(session: LiveSession) -> None:
    response = get(session)
    body = response.json()
    assert_marked(response)
    assert body.keys() == {
        *("session_id", "watch_id", "instance_id", "state", "revision", "next_sequence"),
        *("missing", "text", "partial", "stable_chars", "segments", "audio_seconds"),
        *("settled", "duration", "language", "model", "final"),
    }
    assert body["duration"] is None, "nobody knows how long it will go on"
    assert (body["state"], body["final"], body["next_sequence"]) == ("active", False, 1)
    assert body["partial"] == session.replies[0]["partial"]
    assert body["instance_id"] == session.replies[0]["instance_id"]
    assert response.headers["ETag"] == f'"{body["revision"]}"'


def test_the_state_of_an_ended_session(ended: LiveSession) -> None:
    body = get(ended).json()
    assert (body["state"], body["final"], body["partial"]) == ("ended", True, "")
    assert body["duration"] == pytest.approx(JFK.duration_s, abs=0.1)
    assert body["text"] == ended.text()
    assert [segment["id"] for segment in body["segments"]] == list(range(len(body["segments"])))


def test_only_the_segments_after_one_are_sent(ended: LiveSession) -> None:
    whole = get(ended).json()
    rest = get(ended, after=0).json()
    assert rest["segments"] == whole["segments"][1:]
    assert whole["text"] == whole["segments"][0]["text"] + rest["text"]
    assert get(ended, after=10_000).json()["segments"] == []


def test_a_session_that_never_was(server: Server) -> None:
    response = get(LiveSession(server.url))
    problem(response, 404, "unknown-session", "session_id")


@pytest.mark.parametrize("path", ["", "/transcript"])
def test_a_session_id_that_none_can_have(server: Server, path: str) -> None:
    response = get(LiveSession(server.url, session_id="short"), path)
    problem(response, 400, "bad-field", "session_id")


@pytest.mark.parametrize(
    "query", [{"after": "first"}, {"after": "-2"}, {"wait": "long"}, {"wait": "-1"}]
)
def test_bad_queries_name_their_field(ended: LiveSession, query: dict[str, str]) -> None:
    problem(get(ended, **query), 400, "bad-field", *query)


# -- long poll ---------------------------------------------------------------------------------


def test_a_reader_who_knows_the_revision_gets_304(ended: LiveSession) -> None:
    etag = get(ended).headers["ETag"]
    response = get(ended, etag=etag)
    assert (response.status_code, response.content) == (304, b"")
    assert response.headers["ETag"] == etag
    assert_marked(response)
    assert get(ended, etag=f"W/{etag}").status_code == 304
    assert get(ended, etag='"0"').status_code == 200


def test_a_long_poll_ends_with_304_if_nothing_happens(session: LiveSession) -> None:
    etag = get(session).headers["ETag"]
    start_s = time.monotonic()
    assert get(session, etag=etag, wait=0.5).status_code == 304
    assert time.monotonic() - start_s >= 0.5


def test_a_long_poll_is_woken_by_the_next_change(session: LiveSession) -> None:
    known = get(session)
    with ThreadPoolExecutor(1) as pool:
        poll = pool.submit(get, session, etag=known.headers["ETag"], wait=60)
        session.post(1, SHORT.data)
        news = poll.result()
    assert news.status_code == 200
    assert news.json()["revision"] > known.json()["revision"]
    assert news.elapsed.total_seconds() < 30


def test_a_long_poll_without_a_revision_waits_for_new_segments(session: LiveSession) -> None:
    with ThreadPoolExecutor(1) as pool:
        poll = pool.submit(get, session, after=-1, wait=60)
        session.post(1, [], final=True)
        news = poll.result().json()
    assert [segment["id"] for segment in news["segments"]] == [0]


def test_a_long_poll_of_an_ended_session_does_not_wait(ended: LiveSession) -> None:
    response = get(ended, after=10_000, wait=60)
    assert response.status_code == 200
    assert response.elapsed.total_seconds() < 10


# -- transcript --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "chosen, media_type, start",
    [
        ("text", "text/plain", "And so"),
        ("srt", "application/x-subrip", "1\n00:00:00,"),
        ("vtt", "text/vtt", "WEBVTT\n\n00:00:00."),
        ("tsv", "text/tab-separated-values", "start\tend\ttext\n"),
    ],
)
def test_transcript_formats(ended: LiveSession, chosen: str, media_type: str, start: str) -> None:
    response = get(ended, "/transcript", format=chosen)
    assert response.headers["Content-Type"] == f"{media_type}; charset=utf-8"
    assert response.text.startswith(start)
    assert "what you can do for your country." in " ".join(response.text.split())
    assert_marked(response)


def test_webvtt_may_tell_the_time_of_each_word(ended: LiveSession) -> None:
    plain = get(ended, "/transcript", format="vtt").text
    timed = get(ended, "/transcript", format="vtt", word_timestamps="true").text
    assert re.sub(r"<[0-9:.]+>", "", timed) == plain
    words, cues = len(ended.text().split()), plain.count(" --> ")
    assert timed.count("<") == words - cues


def test_the_transcript_is_text_by_default_and_has_a_json_form(ended: LiveSession) -> None:
    assert get(ended, "/transcript").text == ended.text() + "\n"
    assert get(ended, "/transcript", format="json").json()["text"] == ended.text()


def test_the_transcript_holds_only_what_is_final(session: LiveSession) -> None:
    assert get(session).json()["partial"]
    assert get(session, "/transcript").text == ""


def test_an_unknown_transcript_format_is_refused(ended: LiveSession) -> None:
    detail = problem(get(ended, "/transcript", format="docx"), 400, "bad-field", "format")["detail"]
    assert "srt" in detail


# -- watching ----------------------------------------------------------------------------------


def test_a_watcher_reads_the_same_but_never_learns_the_key(ended: LiveSession) -> None:
    watch_id = ended.replies[0]["watch_id"]
    url = f"{ended.url}/watch/{watch_id}"
    seen = requests.get(url, timeout=TIMEOUT_S)
    assert ended.session_id not in seen.text
    assert seen.json() == {
        key: value for key, value in get(ended).json().items() if key != "session_id"
    }
    etag = {"If-None-Match": seen.headers["ETag"]}
    assert requests.get(url, headers=etag, timeout=TIMEOUT_S).status_code == 304
    transcript = requests.get(f"{url}/transcript", params={"format": "srt"}, timeout=TIMEOUT_S)
    assert transcript.text == get(ended, "/transcript", format="srt").text
    shown = requests.get(f"{url}/transcript", params={"format": "json"}, timeout=TIMEOUT_S)
    assert ended.session_id not in shown.text


def test_a_watch_id_gives_no_right_to_write_or_remove(ended: LiveSession) -> None:
    watch_id = ended.replies[0]["watch_id"]
    response = requests.delete(f"{ended.url}/watch/{watch_id}", timeout=TIMEOUT_S)
    problem(response, 405, "method-not-allowed")
    response = requests.delete(f"{ended.url}/sessions/{watch_id}", timeout=TIMEOUT_S)
    problem(response, 404, "unknown-session", "session_id")
    response = LiveSession(ended.url, session_id=watch_id).post(1, SILENCE)
    problem(response, 404, "unknown-session", "session_id")


def test_a_watch_id_that_never_was(server: Server) -> None:
    response = requests.get(f"{server.url}/watch/{new_session_id()}", timeout=TIMEOUT_S)
    problem(response, 404, "unknown-session", "watch_id")


# -- removing ----------------------------------------------------------------------------------


def test_delete_removes_everything(session: LiveSession) -> None:
    url = f"{session.url}/sessions/{session.session_id}"
    response = requests.delete(url, timeout=TIMEOUT_S)
    assert (response.status_code, response.content) == (204, b"")
    assert_marked(response)
    problem(get(session), 404, "unknown-session", "session_id")
    problem(get(session, "/transcript"), 404, "unknown-session", "session_id")
    problem(session.post(1, SILENCE), 404, "unknown-session", "session_id")
    problem(requests.delete(url, timeout=TIMEOUT_S), 404, "unknown-session", "session_id")
    watch = f"{session.url}/watch/{session.replies[0]['watch_id']}"
    problem(requests.get(watch, timeout=TIMEOUT_S), 404, "unknown-session", "watch_id")


def test_delete_wakes_who_waits_for_news(session: LiveSession) -> None:
    etag = get(session).headers["ETag"]
    with ThreadPoolExecutor(1) as pool:
        poll = pool.submit(get, session, etag=etag, wait=60)
        requests.delete(f"{session.url}/sessions/{session.session_id}", timeout=TIMEOUT_S)
        news = poll.result()
    assert news.elapsed.total_seconds() < 30
    problem(news, 404, "unknown-session", "session_id")
