"""POST /transcribe with chunks of a live session: the contract's table, row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import requests

from tests.support.contract import assert_marked, problem
from tests.support.encoders import pcm, wav_that_claims
from tests.support.live import TIMEOUT_S, LiveSession, upload
from tests.support.recordings import (
    RATE_HZ,
    blobs,
    encode,
    grouped,
    recording,
    wav_chunks,
    webm_opus,
)
from tests.support.scores import errors, normalised
from tests.support.server import Server, running, wait_for

JFK = recording("en/short-jfk.flac")
SHORT = recording("en/short-austen-0880.flac")
CHUNKS = wav_chunks(JFK.samples(), 2)
LAST = len(CHUNKS) - 1
ASYNC = {"Prefer": "respond-async"}


def silence(seconds: float) -> bytes:
    """Return a wav file in which nothing is said."""
    return encode(np.zeros(int(seconds * RATE_HZ), np.float32))


def assert_says(text: str, reference: str, errors_allowed: int = 2) -> None:
    """Assert that the text is the reference but for a few words."""
    assert errors(reference, text).count <= errors_allowed, text


def assert_no_such_session(session: LiveSession) -> None:
    """Assert that nothing at all was stored of the session."""
    url = f"{session.url}/sessions/{session.session_id}"
    problem(requests.get(url, timeout=TIMEOUT_S), 404, "unknown-session", "session_id")


@pytest.fixture
def session(server: Server) -> Iterator[LiveSession]:
    """A session of its own for each test, removed at the end."""
    session = LiveSession(server.url)
    yield session
    requests.delete(f"{server.url}/sessions/{session.session_id}", timeout=TIMEOUT_S)


@pytest.fixture(scope="module")
def jfk_text(server: Server) -> str:
    """The text of the recording posted in order: what any other order must give as well."""
    text = LiveSession(server.url).post_all(CHUNKS)
    assert_says(text, JFK.text)
    return text


@pytest.fixture(scope="module")
def small_server() -> Iterator[Server]:
    """A server with little room and little patience for gaps."""
    settings = {
        "MODEL": "tiny.en",
        "MAX_SESSIONS": 1,
        "GAP_TIMEOUT_S": 1,
        "MAX_UPLOAD_MB": 2,
        "MAX_CHUNK_MB": 1,
        "MAX_CHUNK_S": 8,
        "MAX_AUDIO_S": 12,
    }
    with running(settings) as started:
        started.wait_until_ready()
        yield started


@pytest.fixture
def small(small_server: Server) -> Iterator[LiveSession]:
    """The one session that the small server has room for."""
    session = LiveSession(small_server.url)
    yield session
    requests.delete(f"{small_server.url}/sessions/{session.session_id}", timeout=TIMEOUT_S)


@pytest.fixture(scope="module")
def hasty_server() -> Iterator[Server]:
    """A server with one worker, room for one waiting job, and no patience with idle sessions."""
    settings = {
        "MODEL": "tiny.en",
        "WORKERS": 1,
        "QUEUE_LIMIT": 1,
        "CPU_THREADS": 1,
        "SESSION_TTL_S": 1,
    }
    with running(settings) as started:
        started.wait_until_ready()
        yield started


# -- replies -----------------------------------------------------------------------------------


def test_a_chunk_is_answered_with_all_that_the_contract_names(session: LiveSession) -> None:
    response = session.post(0, CHUNKS[0])
    body = response.json()
    assert response.status_code == 200
    assert_marked(response)
    assert body.keys() == {
        *("session_id", "watch_id", "sequence", "instance_id", "revision", "next_sequence"),
        *("missing", "text", "partial", "stable_chars", "segments", "audio_seconds"),
        *("settled", "timing_ms", "language", "model", "final"),
    }
    assert body["session_id"] == session.session_id
    assert (body["sequence"], body["next_sequence"], body["missing"]) == (0, 1, [])
    assert normalised(body["partial"]).startswith("and so")
    assert body["audio_seconds"]["received"] == pytest.approx(2, abs=0.01)
    assert body["timing_ms"].keys() == {"queue", "audio", "model", "total"}
    assert body["timing_ms"]["model"] > 0
    assert (body["model"], body["final"]) == ("tiny.en", False)
    assert "watch_id" not in session.post(1, CHUNKS[1]).json()


def test_appending_every_text_gives_the_transcript(session: LiveSession) -> None:
    text = session.post_all(CHUNKS)
    state = session.state()
    assert text == state["text"]
    assert_says(text, JFK.text)
    last = session.replies[LAST]
    assert last["final"]
    assert last["partial"] == ""
    seconds = last["audio_seconds"]
    assert seconds["received"] == pytest.approx(JFK.duration_s, abs=0.01)
    assert seconds["received"] == pytest.approx(seconds["final"] + seconds["silence"], abs=0.01)
    assert seconds["pending"] == 0
    told = [segment["id"] for reply in session.replies.values() for segment in reply["segments"]]
    assert told == list(range(len(state["segments"])))
    assert all(segment["words"] for segment in state["segments"])


def test_revisions_and_the_stable_prefix_only_grow(session: LiveSession) -> None:
    session.post_all(CHUNKS)
    replies = [session.replies[sequence] for sequence in range(len(CHUNKS))]
    revisions = [reply["revision"] for reply in replies]
    assert revisions == sorted(revisions)
    assert all(0 <= reply["stable_chars"] <= len(reply["partial"]) for reply in replies)
    assert any(reply["stable_chars"] for reply in replies)


def test_silence_is_success_with_empty_text(session: LiveSession) -> None:
    body = session.post(0, silence(2), final=True).json()
    assert body["text"] == body["partial"] == ""
    assert body["audio_seconds"]["silence"] == body["audio_seconds"]["received"] == 2
    assert body["timing_ms"]["model"] == 0


def test_the_last_chunk_may_bring_no_audio(session: LiveSession) -> None:
    session.post(0, SHORT.data)
    body = session.post(1, [], final=True).json()
    assert body["final"]
    assert_says(session.text(), SHORT.text)


def test_a_text_format_gives_the_new_segments(session: LiveSession) -> None:
    fields = {"session_id": session.session_id, "sequence": "0", "final": "true"}
    response = upload(session.url, SHORT.data, response_format="vtt", **fields)
    assert response.headers["Content-Type"] == "text/vtt; charset=utf-8"
    assert response.text.startswith("WEBVTT\n\n00:00:00.")
    assert_marked(response)


# -- what a chunk may be -----------------------------------------------------------------------


@pytest.mark.parametrize("stream", ["webm-opus", "mp4-opus"])
def test_blobs_of_a_real_browser_several_in_one_post(session: LiveSession, stream: str) -> None:
    first = blobs(stream)[:40]
    live = session.post_all(grouped(first, 5))
    whole = upload(session.url, b"".join(first)).json()
    assert_says(live, whole["text"], errors_allowed=3)
    received = session.state()["audio_seconds"]["received"]
    assert received == pytest.approx(whole["duration"], abs=0.1)


def test_blobs_of_a_real_browser_one_in_a_post(session: LiveSession) -> None:
    text = session.post_all(blobs("webm-opus")[:12])
    assert normalised(text).startswith("lobsters and lobsters")


@pytest.mark.parametrize("file_format", ["WAV", "FLAC", "OGG"])
def test_chunks_that_are_files_of_their_own(session: LiveSession, file_format: str) -> None:
    samples = JFK.samples()
    pieces = [samples[at : at + RATE_HZ] for at in range(0, len(samples), RATE_HZ)]
    text = session.post_all([encode(piece, file_format) for piece in pieces], headers=ASYNC)
    assert_says(text + rest_of(session), JFK.text)


def rest_of(session: LiveSession) -> str:
    """Return what no reply has told yet: it is there to be polled."""
    told = [segment["id"] for reply in session.replies.values() for segment in reply["segments"]]
    text: str = session.state(after=max(told, default=-1))["text"]
    return text


def test_raw_pcm_at_24_khz_in_pieces_of_100_ms(session: LiveSession) -> None:
    data, size = pcm(SHORT.samples(), 24_000), 2 * 2_400
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    text = session.post_all(pieces, content_type="audio/L16;rate=24000;channels=1")
    assert_says(text, SHORT.text)
    assert session.state()["audio_seconds"]["received"] == pytest.approx(SHORT.duration_s, abs=0.01)


def test_a_raw_body_with_the_fields_in_the_query(session: LiveSession) -> None:
    fields = {"session_id": session.session_id, "sequence": "0", "final": "true"}
    response = requests.post(
        f"{session.url}/transcribe", params=fields, data=SHORT.data, timeout=TIMEOUT_S
    )
    assert_says(response.json()["text"], SHORT.text)


def test_a_new_container_in_the_middle_of_a_session(session: LiveSession) -> None:
    opus = webm_opus(SHORT.samples())
    mp4 = grouped(blobs("mp4-opus")[:10], 5)
    chunks: list[bytes | Sequence[bytes]] = [opus[:5_000], opus[5_000:], SHORT.data, *mp4]
    words = normalised(session.post_all(chunks)).split()
    assert words.count("man") == 2
    assert "lobsters" in words
    assert words.index("lobsters") > words.index("man")


def test_two_sessions_at_once_each_in_its_own_language(base_server: Server) -> None:
    russian = recording("ru/ru-deepspeech-sample.flac")
    one = LiveSession(base_server.url, {"language": "ru"})
    other = LiveSession(base_server.url, {"language": "en"})
    pieces = wav_chunks(russian.samples(), 3), wav_chunks(SHORT.samples(), 2)
    for sequence, (left, right) in enumerate(zip(*pieces, strict=True)):
        one.post(sequence, left, final=sequence == 1)
        other.post(sequence, right, final=sequence == 1)
    assert (one.state()["language"], other.state()["language"]) == ("ru", "en")
    assert errors(russian.text, one.text(), "ru").wer < 60
    assert_says(other.text(), SHORT.text)


def test_options_are_fixed_by_the_first_chunk(session: LiveSession) -> None:
    session.options = {"word_timestamps": "false"}
    session.post(0, CHUNKS[0])
    session.options = {"word_timestamps": "true"}
    session.post(1, CHUNKS[1], final=True)
    assert session.text()
    assert all("words" not in segment for segment in session.state()["segments"])


# -- the same sequence again -------------------------------------------------------------------


def test_same_bytes_again_get_the_stored_reply(session: LiveSession) -> None:
    first = session.post(0, SHORT.data)
    session.post(1, SHORT.data)
    before = session.state()
    again = session.post(0, SHORT.data)
    assert again.status_code == first.status_code == 200
    assert again.headers["Idempotent-Replay"] == "true"
    assert "Idempotent-Replay" not in first.headers
    assert again.json() == first.json()
    assert session.state() == before, "transcribed once"


def test_the_last_chunk_again_gets_its_reply_after_the_end(session: LiveSession) -> None:
    first = session.post(0, SHORT.data, final=True)
    again = session.post(0, SHORT.data, final=True)
    assert again.headers["Idempotent-Replay"] == "true"
    assert again.json() == first.json()


def test_two_copies_in_flight_are_transcribed_once(session: LiveSession) -> None:
    with ThreadPoolExecutor(2) as pool:
        copies = [pool.submit(session.post, 0, SHORT.data) for _ in range(2)]
        replies = [copy.result() for copy in copies]
    assert [reply.status_code for reply in replies] == [200, 200]
    assert sum("Idempotent-Replay" in reply.headers for reply in replies) == 1
    assert session.state()["audio_seconds"]["received"] == pytest.approx(SHORT.duration_s, abs=0.02)


def test_other_bytes_under_a_used_sequence_are_refused(session: LiveSession) -> None:
    session.post(0, CHUNKS[0])
    before = session.state()
    problem(session.post(0, CHUNKS[1]), 422, "sequence-reused", "sequence")
    problem(session.post(0, CHUNKS[0], final=True), 422, "sequence-reused", "sequence")
    assert session.state() == before


# -- order -------------------------------------------------------------------------------------


def test_ahead_of_its_turn_is_held_and_told_once_by_the_chunk_that_closes_the_gap(
    session: LiveSession, jfk_text: str
) -> None:
    session.post(0, CHUNKS[0])
    held = [session.post(sequence, CHUNKS[sequence]) for sequence in (2, 3)]
    assert [one.status_code for one in held] == [202, 202]
    assert [one.json()["missing"] for one in held] == [[1], [1]]
    assert [one.json()["text"] for one in held] == ["", ""]
    closing = session.post(1, CHUNKS[1]).json()
    assert closing["missing"] == []
    assert closing["next_sequence"] == 4
    assert closing["audio_seconds"]["received"] == pytest.approx(8, abs=0.01)
    assert "what your country can do" in normalised(closing["text"] + closing["partial"])
    session.post(4, CHUNKS[4])
    session.post(5, CHUNKS[5], final=True)
    assert session.text() == jfk_text


def test_the_last_chunk_may_come_before_its_turn(session: LiveSession, jfk_text: str) -> None:
    for sequence in (0, 1, 2, 3):
        session.post(sequence, CHUNKS[sequence], headers=ASYNC)
    assert session.post(5, CHUNKS[5], final=True).status_code == 202
    assert session.post(4, CHUNKS[4]).json()["final"]
    assert session.text() == jfk_text


def test_three_requests_in_flight_in_any_order(session: LiveSession, jfk_text: str) -> None:
    session.post(0, CHUNKS[0])
    with ThreadPoolExecutor(3) as pool:
        in_flight = [
            pool.submit(session.post, sequence, CHUNKS[sequence], final=sequence == LAST)
            for sequence in (3, 2, 1, 5, 4)
        ]
        assert {one.result().status_code for one in in_flight} <= {200, 202}
    session.wait_ended()
    assert session.text() + rest_of(session) == jfk_text


def test_at_most_eight_ahead_are_held(session: LiveSession) -> None:
    session.post(0, silence(0.1))
    before = session.state()
    body = problem(session.post(10, silence(0.1)), 409, "sequence-gap", "sequence")
    assert body["next_sequence"] == 1
    assert session.state() == before, "nothing was stored"
    held = session.post(9, silence(0.1))
    assert held.status_code == 202
    assert held.json()["missing"] == list(range(1, 9))


def test_a_gap_that_stays_open_becomes_visible_and_the_session_goes_on(small: LiveSession) -> None:
    small.post(0, CHUNKS[0])
    assert small.post(2, CHUNKS[2]).json()["missing"] == [1]
    wait_for(lambda: small.state()["next_sequence"] == 3, 20)
    problem(small.post(1, CHUNKS[1]), 409, "sequence-given-up", "sequence")
    small.post(3, CHUNKS[3], final=True)
    segments = small.wait_ended()["segments"]
    gaps = [segment for segment in segments if segment.get("gap")]
    assert [gap["text"] for gap in gaps] == ["[…]"]
    assert gaps[0]["start"] == pytest.approx(2, abs=0.1)
    assert gaps[0]["end"] == pytest.approx(4, abs=0.1)
    assert normalised(segments[0]["text"]).startswith("and so")
    assert segments[-1]["start"] >= gaps[0]["end"], "there is text on both sides"
    assert small.text() == small.state()["text"]


# -- sessions that can't take a chunk ----------------------------------------------------------


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


# -- no room -----------------------------------------------------------------------------------


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
    long = recording("en/long-ls-367.flac").data

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


# -- too large, too long, not audio, damaged ---------------------------------------------------


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


# -- how long to wait --------------------------------------------------------------------------


@pytest.mark.parametrize("prefer", ["respond-async", "wait=0", "respond-async, wait=5"])
def test_answers_at_once_if_asked_to_and_tells_the_text_later_exactly_once(
    session: LiveSession, jfk_text: str, prefer: str
) -> None:
    for sequence, chunk in enumerate(CHUNKS[:-1]):
        response = session.post(sequence, chunk, headers={"Prefer": prefer})
        assert response.status_code == 202
        assert response.json()["next_sequence"] == sequence + 1
    session.post(LAST, CHUNKS[LAST], final=True)
    assert session.text() == jfk_text


def test_what_a_202_left_out_is_told_by_a_poll(session: LiveSession, jfk_text: str) -> None:
    for sequence, chunk in enumerate(CHUNKS):
        session.post(sequence, chunk, final=sequence == LAST, headers=ASYNC)
    session.wait_ended()
    assert session.text() + rest_of(session) == jfk_text


def test_every_chunk_waits_for_its_pass_unless_told_otherwise(session: LiveSession) -> None:
    statuses = [session.post(sequence, CHUNKS[sequence]).status_code for sequence in range(3)]
    assert statuses == [200, 200, 200]


def test_a_broken_prefer_header_is_ignored(session: LiveSession) -> None:
    response = session.post(0, CHUNKS[0], headers={"Prefer": "wait=soon; handling"})
    assert response.status_code == 200
