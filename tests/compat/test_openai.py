"""The official Python client of OpenAI's audio API, with nothing changed but the address."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import openai
import pytest
import requests

from tests.support.live import TIMEOUT_S
from tests.support.recordings import blobs, encode, recording
from tests.support.scores import errors, normalised
from tests.support.server import Server, running, wait_for

JFK = recording("en/short-jfk.flac")
FILE = ("jfk.flac", JFK.data)
# The model's own errors in that recording.
SLIPS = 2
THEY_CALL_IT_DEPRECATED = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
SEGMENT = {"id", "seek", "start", "end", "text", "tokens", "temperature", "avg_logprob"} | {
    "compression_ratio",
    "no_speech_prob",
}


def client_of(server: Server) -> openai.OpenAI:
    return openai.OpenAI(
        base_url=f"{server.url}/v1", api_key="any", max_retries=0, timeout=TIMEOUT_S
    )


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[openai.OpenAI]:
    """The client; where no keys are set, any will do."""
    with client_of(server) as made:
        yield made


def transcribe(client: openai.OpenAI, **asked: Any) -> Any:
    """Ask for a recording's words in one of the many ways that the client knows."""
    return client.audio.transcriptions.create(**({"file": FILE, "model": "whisper-1"} | asked))


def assert_says_it(text: str) -> None:
    assert errors(JFK.text, text).count <= SLIPS, text


@pytest.mark.parametrize("model", ["whisper-1", "gpt-4o-transcribe", "tiny.en"])
def test_a_recording_is_transcribed(client: openai.OpenAI, model: str) -> None:
    told = transcribe(client, model=model, language="en")
    assert_says_it(told.text)
    assert told.usage.to_dict() == {"type": "duration", "seconds": math.ceil(JFK.duration_s)}


@pytest.mark.parametrize(
    "response_format, begins",
    [("text", "And so"), ("srt", "1\n00:00:00,000 --> "), ("vtt", "WEBVTT\n\n00:00:00.000 --> ")],
)
def test_text_and_subtitles(client: openai.OpenAI, response_format: str, begins: str) -> None:
    told = transcribe(client, response_format=response_format)
    assert str(told).startswith(begins)
    assert "country" in str(told)


@pytest.mark.parametrize(
    "granularities, has", [([], {"segments"}), (["word"], {"words"}), (["segment", "word"], None)]
)
def test_verbose_json_has_what_was_asked_for(
    client: openai.OpenAI, granularities: list[str], has: set[str] | None
) -> None:
    wanted = {"timestamp_granularities": granularities} if granularities else {}
    told = transcribe(client, response_format="verbose_json", **wanted).to_dict()
    assert (told["task"], told["language"]) == ("transcribe", "english")
    assert told["duration"] == pytest.approx(JFK.duration_s, abs=0.01)
    assert_says_it(told["text"])
    assert {"segments", "words"} & told.keys() == (has or {"segments", "words"})
    for segment in told.get("segments", []):
        assert segment.keys() == SEGMENT
        assert segment["start"] < segment["end"] <= JFK.duration_s
    assert all(word.keys() == {"word", "start", "end"} for word in told.get("words", []))
    if "words" in told:
        assert_says_it(" ".join(word["word"] for word in told["words"]))


def test_log_probabilities_are_those_of_the_words(client: openai.OpenAI) -> None:
    told = transcribe(client, include=["logprobs"])
    assert told.logprobs
    assert "".join(one.token for one in told.logprobs) == told.text
    assert all(-25 < one.logprob <= 0 for one in told.logprobs)
    assert all(bytes(map(int, one.bytes)).decode() == one.token for one in told.logprobs)


def test_a_stream_tells_the_text_in_pieces_and_then_once_whole(client: openai.OpenAI) -> None:
    talk = encode(recording("en/long-ls-367.flac").samples()[: 45 * 16_000])
    events = list(transcribe(client, file=("talk.wav", talk), stream=True))
    *deltas, done = events
    assert {event.type for event in deltas} == {"transcript.text.delta"}
    assert len(deltas) > 2
    assert done.type == "transcript.text.done"
    assert done.text == "".join(event.delta for event in deltas)
    assert "lobster" in normalised(done.text)


def test_what_is_refused_before_a_stream_begins_is_an_error_as_ever(client: openai.OpenAI) -> None:
    with pytest.raises(openai.UnprocessableEntityError) as caught:
        transcribe(client, file=("a", JFK.data[:60]), stream=True)
    assert caught.value.code == "undecodable_audio"


def test_a_stream_that_fails_on_its_way_says_why() -> None:
    # What a browser recorded does not say how long it is.
    unknown = b"".join(blobs("webm-opus")[:50])
    with running({"MODEL": "tiny.en", "MAX_AUDIO_S": 12}) as server, client_of(server) as client:
        server.wait_until_ready()
        with pytest.raises(openai.APIError, match="At most 12 s"):
            list(transcribe(client, file=("a", unknown), stream=True))
        wait_for(lambda: server.health()["sessions"] == {"active": 0, "limit": 10}, 60)


def test_a_client_that_leaves_a_stream_leaves_nothing_behind(
    client: openai.OpenAI, server: Server
) -> None:
    long = recording("en/long-ls-367.flac").data
    stream = transcribe(client, file=("a", long), stream=True)
    next(iter(stream))
    stream.close()
    wait_for(lambda: server.health()["sessions"] == {"active": 0, "limit": 50}, 60)


@THEY_CALL_IT_DEPRECATED
def test_speech_is_translated(base_server: Server) -> None:
    russian = recording("ru/ru-ast-demo-nogo.flac")
    with client_of(base_server) as client:
        told = client.audio.translations.create(
            file=("a.flac", russian.data), model="whisper-1", response_format="verbose_json"
        ).to_dict()
    assert (told["task"], told["language"]) == ("translate", "english")
    assert str(told["text"]).isascii()
    assert len(str(told["text"]).split()) > 3


def test_the_language_is_told_by_its_english_name(base_server: Server) -> None:
    russian = recording("ru/ru-ast-demo-nogo.flac")
    with client_of(base_server) as client:
        told = transcribe(client, file=("a.flac", russian.data), response_format="verbose_json")
    assert told.language == "russian"


def test_of_a_long_prompt_the_end_counts(client: openai.OpenAI) -> None:
    assert_says_it(transcribe(client, prompt="And before that. " * 1000).text)


def test_a_page_may_use_the_client_too(server: Server) -> None:
    asked = "authorization,openai-organization,x-stainless-retry-count"
    headers = {
        "Origin": "https://app.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": asked,
    }
    url = f"{server.url}/v1/audio/transcriptions"
    response = requests.options(url, headers=headers, timeout=TIMEOUT_S)
    allowed = response.headers["Access-Control-Allow-Headers"]
    assert set(allowed.lower().replace(" ", "").split(",")) == set(asked.split(","))


def test_models_are_listed(client: openai.OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert names == ["tiny.en", "whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe"]
    assert client.models.retrieve("tiny.en").object == "model"
    for name in ("whisper-9", "owner/name"):
        with pytest.raises(openai.NotFoundError) as caught:
            client.models.retrieve(name)
        assert caught.value.code == "model_not_found"


# -- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong, kind, param, code",
    [
        ({"model": "whisper-9"}, openai.NotFoundError, "model", "model_not_found"),
        ({"language": "klingon"}, openai.BadRequestError, "language", "bad_field"),
        ({"temperature": 3.0}, openai.BadRequestError, "temperature", "bad_field"),
        ({"response_format": "docx"}, openai.BadRequestError, "response_format", "bad_field"),
        ({"include": ["mood"]}, openai.BadRequestError, "include[]", "bad_field"),
        ({"file": ("a", b"")}, openai.BadRequestError, "file", "missing_audio"),
        ({"file": ("a", b"Dear sir")}, openai.APIStatusError, "file", "unsupported_media_type"),
    ],
)
def test_errors_have_the_shape_that_clients_read(
    client: openai.OpenAI, wrong: dict[str, object], kind: type[Exception], param: str, code: str
) -> None:
    with pytest.raises(kind) as caught:
        transcribe(client, **wrong)
    error = caught.value
    assert isinstance(error, openai.APIStatusError)
    assert isinstance(error.body, dict)
    assert error.body.keys() == {"message", "type", "param", "code"}
    assert (error.param, error.code, error.type) == (param, code, "invalid_request_error")
    assert error.request_id


@THEY_CALL_IT_DEPRECATED
def test_an_english_model_does_not_translate(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="can't translate"):
        client.audio.translations.create(file=FILE, model="whisper-1")


@pytest.mark.parametrize(
    "path, status, code",
    [("assistants", 404, "not_found"), ("audio/transcriptions", 405, "method_not_allowed")],
)
def test_where_nothing_is_errors_have_that_shape_too(
    server: Server, path: str, status: int, code: str
) -> None:
    response = requests.get(f"{server.url}/v1/{path}", timeout=TIMEOUT_S)
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/json"
    error = response.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert (error["type"], error["code"]) == ("invalid_request_error", code)
