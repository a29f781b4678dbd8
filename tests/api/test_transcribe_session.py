"""POST /transcribe with chunks of a live session: what may be in one, and the reply to it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import requests

from tests.support.chunks import (
    ASYNC,
    CHUNKS,
    JFK,
    LAST,
    SHORT,
    assert_same_words,
    assert_says,
    rest_of,
    silence,
)
from tests.support.contract import assert_marked
from tests.support.encoders import pcm
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
from tests.support.server import Server

# -- replies ------------------------------------------------------------------------------------


def test_a_chunk_is_answered_with_all_that_the_contract_names(session: LiveSession) -> None:
    response = session.post(0, CHUNKS[0])
    body = response.json()
    assert response.status_code == 200
    assert_marked(response)
    assert body.keys() == {
        *("session_id", "watch_id", "sequence", "instance_id", "revision", "next_sequence"),
        *("missing", "text", "partial", "stable_chars", "segments", "audio_seconds"),
        *("settled", "timing_ms", "passes", "suggested_chunk_ms", "language", "model", "final"),
    }
    assert body["session_id"] == session.session_id
    assert (body["sequence"], body["next_sequence"], body["missing"]) == (0, 1, [])
    assert normalised(body["partial"]).startswith("and so")
    assert body["audio_seconds"]["received"] == pytest.approx(2, abs=0.01)
    assert body["timing_ms"].keys() == {"queue", "audio", "model", "total"}
    assert body["timing_ms"]["model"] > 0
    (done,) = body["passes"]
    assert done == {
        "lane": "final",  # so much audio may make words final
        "queue_ms": body["timing_ms"]["queue"],
        "model_ms": body["timing_ms"]["model"],
        "audio_s": pytest.approx(2, abs=0.1),
    }
    assert 400 <= body["suggested_chunk_ms"] <= 2000
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
    chunks = wav_chunks(JFK.samples()[: 6 * RATE_HZ], 0.5)
    session.post_all(chunks)
    replies = [session.replies[sequence] for sequence in range(len(chunks))]
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


# -- what a chunk may be ------------------------------------------------------------------------


# In the browser's first 8 s.
SAID = (
    "lobsters and lobsters when is a lobster not a lobster when it is a crayfish this question and"
    " answer"
)


@pytest.mark.parametrize("stream", ["webm-opus", "mp4-opus"])
def test_blobs_of_a_real_browser_several_in_one_post(session: LiveSession, stream: str) -> None:
    first = blobs(stream)[:20]
    live = session.post_all(grouped(first, 5))
    whole = upload(session.url, b"".join(first)).json()
    # Where it breaks off, in a sentence, each may hear a word or two less.
    assert errors(SAID, live).count <= errors(SAID, whole["text"]).count + 2
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


def test_raw_pcm_at_24_khz_in_pieces_of_100_ms(session: LiveSession) -> None:
    data, size = pcm(SHORT.samples(), 24_000), 2 * 2_400
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    text = session.post_all(pieces, content_type="audio/L16;rate=24000;channels=1")
    assert_says(text, SHORT.text)
    assert session.state()["audio_seconds"]["received"] == pytest.approx(SHORT.duration_s, abs=0.01)


def test_a_last_chunk_without_audio_as_the_form_that_programs_send_then(
    session: LiveSession,
) -> None:
    session.post(0, SHORT.data)
    fields = {"session_id": session.session_id, "sequence": "1", "final": "true"}
    response = requests.post(f"{session.url}/transcribe", data=fields, timeout=TIMEOUT_S)
    assert response.headers["Content-Type"] == "application/json", response.text
    assert response.json()["final"]


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


# -- how long to wait ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "prefer",
    [
        # The next test asks for nothing else.
        pytest.param("respond-async", marks=pytest.mark.soak),
        "wait=0",
        "respond-async, wait=5",
    ],
)
def test_answers_at_once_if_asked_to_and_tells_the_text_later_exactly_once(
    session: LiveSession, jfk_text: str, prefer: str
) -> None:
    for sequence, chunk in enumerate(CHUNKS[:-1]):
        response = session.post(sequence, chunk, headers={"Prefer": prefer})
        assert response.status_code == 202
        assert response.json()["next_sequence"] == sequence + 1
    session.post(LAST, CHUNKS[LAST], final=True)
    session.wait_ended()
    assert_same_words(session.text() + rest_of(session), jfk_text)


def test_what_a_202_left_out_is_told_by_a_poll(session: LiveSession, jfk_text: str) -> None:
    for sequence, chunk in enumerate(CHUNKS):
        session.post(sequence, chunk, final=sequence == LAST, headers=ASYNC)
    session.wait_ended()
    assert_same_words(session.text() + rest_of(session), jfk_text)


def test_every_chunk_waits_for_its_pass_unless_told_otherwise(session: LiveSession) -> None:
    replies = [session.post(sequence, CHUNKS[sequence], headers={}) for sequence in range(3)]
    assert [reply.status_code for reply in replies] == [200, 200, 200]


def test_a_broken_prefer_header_is_ignored(session: LiveSession) -> None:
    response = session.post(0, CHUNKS[0], headers={"Prefer": "wait=soon; handling"})
    assert response.status_code == 200
