"""POST /transcribe with a whole recording: one request, one transcript."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import requests

from tests.support.contract import assert_marked, problem
from tests.support.encoders import m4a, pcm
from tests.support.live import TIMEOUT_S, upload
from tests.support.recordings import (
    RATE_HZ,
    Samples,
    blobs,
    encode,
    recording,
    webm_opus,
)
from tests.support.scores import errors, normalised
from tests.support.server import Server

JFK = recording("en/short-jfk.flac")
SHORT = recording("en/short-austen-0880.flac")
SRT_CLOCK = r"\d\d:\d\d:\d\d,\d\d\d"


def post_body(server: Server, data: bytes, content_type: str, **query: str) -> requests.Response:
    """Post a raw body, as `curl --data-binary` does, with the fields in the query."""
    return requests.post(
        f"{server.url}/transcribe",
        params=query,
        data=data,
        headers={"Content-Type": content_type},
        timeout=TIMEOUT_S,
    )


def assert_says(text: str, reference: str, errors_allowed: int = 2) -> None:
    """Assert that the text is the reference but for a few words."""
    assert errors(reference, text).count <= errors_allowed, text


# -- containers --------------------------------------------------------------------------------


@pytest.mark.parametrize("file_format", ["WAV", "FLAC", "OGG", "MP3"])
def test_takes_what_programs_write(server: Server, file_format: str) -> None:
    response = upload(server.url, encode(SHORT.samples(), file_format))
    assert response.status_code == 200
    assert_says(response.json()["text"], SHORT.text)


@pytest.mark.parametrize("encoder", [m4a, webm_opus])
def test_takes_what_phones_and_browsers_write(server: Server, encoder: Any) -> None:
    assert_says(upload(server.url, encoder(SHORT.samples())).json()["text"], SHORT.text)


@pytest.mark.parametrize("stream", ["webm-opus", "mp4-opus"])
def test_takes_a_real_media_recording_in_one_file(server: Server, stream: str) -> None:
    text = upload(server.url, b"".join(blobs(stream)[:15])).json()["text"]
    assert normalised(text).startswith("lobsters and lobsters when is a lobster")


@pytest.mark.parametrize("stream", ["webm-opus", "mp4-opus"])
def test_joins_the_blobs_of_a_recording_sent_as_many_parts(server: Server, stream: str) -> None:
    first = blobs(stream)[:15]
    parts = [("audio", (f"{number}.blob", blob)) for number, blob in enumerate(first)]
    response = requests.post(f"{server.url}/transcribe", files=parts, timeout=TIMEOUT_S)
    assert response.json()["text"] == upload(server.url, b"".join(first)).json()["text"]


def test_joins_whole_files_in_their_order(server: Server) -> None:
    parts = [("audio", ("1", SHORT.data)), ("audio", ("2", JFK.data))]
    body = requests.post(f"{server.url}/transcribe", files=parts, timeout=TIMEOUT_S).json()
    assert body["duration"] == pytest.approx(SHORT.duration_s + JFK.duration_s, abs=0.02)
    assert_says(body["text"], f"{SHORT.text} {JFK.text}", errors_allowed=3)


@pytest.mark.parametrize(
    "rate_hz, byte_order", [(8_000, "<"), (16_000, ">"), (24_000, "<"), (48_000, ">")]
)
def test_takes_raw_pcm_of_any_rate_and_byte_order(
    server: Server, rate_hz: int, byte_order: str
) -> None:
    data = pcm(SHORT.samples(), rate_hz, byte_order)
    body = post_body(server, data, f"audio/L16;rate={rate_hz};channels=1").json()
    assert body["duration"] == pytest.approx(SHORT.duration_s, abs=0.02)
    assert_says(body["text"], SHORT.text)


def test_takes_raw_pcm_of_several_channels_as_a_form_part(server: Server) -> None:
    samples = np.frombuffer(pcm(SHORT.samples()), "<i2")
    stereo = np.stack([samples, samples], axis=1).tobytes()
    part = {"audio": ("mic", stereo, "audio/L16; rate=16000; channels=2")}
    body = requests.post(f"{server.url}/transcribe", files=part, timeout=TIMEOUT_S).json()
    assert body["duration"] == pytest.approx(SHORT.duration_s, abs=0.02)
    assert_says(body["text"], SHORT.text)


@pytest.mark.parametrize("content_type", ["audio/L16", "audio/L16;rate=fast", "audio/L16;rate=1"])
def test_raw_pcm_needs_a_usable_rate(server: Server, content_type: str) -> None:
    response = post_body(server, pcm(SHORT.samples()), content_type)
    assert "rate=" in problem(response, 415, "unsupported-media-type", "audio")["detail"]


# -- ways to send it ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["audio", "file", "audio_file"])
def test_the_form_field_has_three_names(server: Server, name: str) -> None:
    files = {name: ("talk.flac", SHORT.data)}
    response = requests.post(f"{server.url}/transcribe", files=files, timeout=TIMEOUT_S)
    assert_says(response.json()["text"], SHORT.text)


@pytest.mark.parametrize(
    "content_type", ["audio/flac", "application/octet-stream", "application/x-www-form-urlencoded"]
)
def test_a_raw_body_needs_no_form(server: Server, content_type: str) -> None:
    response = post_body(server, SHORT.data, content_type, response_format="text")
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert_says(response.text, SHORT.text)


def test_a_raw_body_may_come_chunked(server: Server) -> None:
    halves = iter([SHORT.data[:20_000], SHORT.data[20_000:]])
    response = requests.post(f"{server.url}/transcribe", data=halves, timeout=TIMEOUT_S)
    assert_says(response.json()["text"], SHORT.text)


def test_name_and_media_type_of_an_upload_are_not_trusted(server: Server) -> None:
    files = {"audio": ("../../etc/passwd.txt", SHORT.data, "text/html")}
    response = requests.post(f"{server.url}/transcribe", files=files, timeout=TIMEOUT_S)
    assert_says(response.json()["text"], SHORT.text)


# -- response formats --------------------------------------------------------------------------


def test_json_tells_text_times_and_where_the_audio_went(server: Server) -> None:
    response = upload(server.url, JFK.data)
    body = response.json()
    assert_marked(response)
    assert body["text"] == "".join(f" {one['text']}" for one in body["segments"]).strip()
    assert body["language"] == "en"
    assert body["model"] == "tiny.en"
    assert body["duration"] == pytest.approx(JFK.duration_s, abs=0.02)
    seconds = body["audio_seconds"]
    assert seconds["received"] == pytest.approx(seconds["final"] + seconds["silence"], abs=0.01)
    times = [(one["start"], one["end"]) for one in body["segments"]]
    assert times == sorted(times)
    assert all(0 <= start < end <= JFK.duration_s + 0.1 for start, end in times)
    assert all(0 < one["confidence"] <= 1 for one in body["segments"])
    assert "words" not in body["segments"][0]


def test_verbose_json_has_the_fields_that_programs_for_openai_read(server: Server) -> None:
    body = upload(
        server.url, SHORT.data, response_format="verbose_json", word_timestamps="true"
    ).json()
    assert body.keys() >= {"task", "language", "duration", "text", "segments", "words"}
    assert body["segments"][0].keys() == {
        *("id", "seek", "start", "end", "text", "tokens", "temperature"),
        *("avg_logprob", "compression_ratio", "no_speech_prob"),
    }
    words = [word["word"] for word in body["words"]]
    assert "".join(words) == body["text"].replace(" ", "")


@pytest.mark.parametrize(
    "response_format, media_type, pattern",
    [
        ("text", "text/plain", r"He was.*man\.\n"),
        ("srt", "application/x-subrip", rf"1\n{SRT_CLOCK} --> {SRT_CLOCK}\nHe was.*man\.\n"),
        ("vtt", "text/vtt", r"WEBVTT\n\n00:00:0.\.\d{3} --> 00:00:..\.\d{3}\nHe was.*man\.\n"),
        ("tsv", "text/tab-separated-values", r"start\tend\ttext\n\d+\t\d+\tHe was.*man\.\n"),
    ],
)
def test_text_formats(server: Server, response_format: str, media_type: str, pattern: str) -> None:
    response = upload(server.url, SHORT.data, response_format=response_format)
    assert response.headers["Content-Type"] == f"{media_type}; charset=utf-8"
    assert re.fullmatch(pattern, response.text, re.DOTALL), response.text
    assert_marked(response)


def test_webvtt_tells_the_time_of_each_word_if_words_are_asked_for(server: Server) -> None:
    response = upload(server.url, SHORT.data, response_format="vtt", word_timestamps="true")
    assert re.search(r"\nHe <00:00:00\.\d{3}>was <", response.text), response.text


# -- options -----------------------------------------------------------------------------------


def test_word_timestamps_give_each_segment_its_words(server: Server) -> None:
    body = upload(server.url, JFK.data, word_timestamps="true").json()
    for segment in body["segments"]:
        spoken = "".join(word["word"] for word in segment["words"])
        assert spoken == segment["text"].replace(" ", "")
    words = [word for segment in body["segments"] for word in segment["words"]]
    times = [word["start"] for word in words]
    assert times == sorted(times)
    assert all(0 <= word["probability"] <= 1 for word in words)


def test_without_vad_filter_silence_goes_to_the_model_too(server: Server) -> None:
    audio = encode(with_silence_before(SHORT.samples(), 6))
    skipped = upload(server.url, audio).json()["audio_seconds"]
    heard = upload(server.url, audio, vad_filter="false").json()["audio_seconds"]
    assert skipped["silence"] > 4
    assert heard["silence"] == 0


def with_silence_before(samples: Samples, seconds: float) -> Samples:
    """Return the samples after so many seconds of nothing."""
    return np.concatenate([np.zeros(int(seconds * RATE_HZ), np.float32), samples])


def test_a_prompt_sets_the_style(server: Server) -> None:
    prompt = "and then he told us all that we should go and see what we can do for him"
    plain = upload(server.url, JFK.data).json()["text"]
    prompted = upload(server.url, JFK.data, prompt=prompt).json()["text"]
    assert plain != prompted
    assert_says(prompted, JFK.text)


def test_language_codes_with_a_region_are_understood(server: Server) -> None:
    body = upload(server.url, SHORT.data, language="en-US", temperature="0").json()
    assert body["language"] == "en"
    assert_says(body["text"], SHORT.text)


@pytest.mark.parametrize("language", [None, "ru"])
def test_the_language_is_detected_or_given(base_server: Server, language: str | None) -> None:
    russian = recording("ru/ru-css10-0021.flac")
    fields = {"language": language} if language else {}
    body = upload(base_server.url, russian.data, **fields).json()
    assert body["language"] == "ru"
    assert errors(russian.text, body["text"], "ru").wer < 50


def test_translates_into_english(base_server: Server) -> None:
    russian = recording("ru/ru-ast-dictate-play-help.flac")
    body = upload(
        base_server.url, russian.data, task="translate", response_format="verbose_json"
    ).json()
    assert body["task"] == "translate"
    assert body["text"].isascii()
    assert "press" in body["text"].lower()


@pytest.mark.parametrize("name, value", [("language", "ru"), ("task", "translate")])
def test_an_english_model_says_what_it_can_not_do(server: Server, name: str, value: str) -> None:
    response = upload(server.url, SHORT.data, **{name: value})
    assert "tiny.en" in problem(response, 400, "bad-field", name)["detail"]


# -- what is not speech ------------------------------------------------------------------------


def test_silence_is_success_with_empty_text(server: Server) -> None:
    body = upload(server.url, encode(np.zeros(4 * RATE_HZ, np.float32))).json()
    assert body["text"] == ""
    assert body["segments"] == []
    assert body["audio_seconds"]["silence"] == 4


@pytest.mark.parametrize("response_format, text", [("text", ""), ("srt", ""), ("vtt", "WEBVTT\n")])
def test_silence_in_the_text_formats(server: Server, response_format: str, text: str) -> None:
    audio = encode(np.zeros(RATE_HZ, np.float32))
    assert upload(server.url, audio, response_format=response_format).text == text


def test_a_recording_that_was_cut_off_gives_what_is_there(server: Server) -> None:
    whole = b"".join(blobs("webm-opus")[:25])
    text = upload(server.url, whole[: len(whole) * 2 // 3]).json()["text"]
    assert normalised(text).startswith("lobsters and lobsters")
