"""What whisper-asr-webservice's README asks of it, with nothing changed but the address."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
import requests

from tests.support.live import TIMEOUT_S
from tests.support.recordings import DATA, recording
from tests.support.scores import errors
from tests.support.server import Server

JFK = recording("en/short-jfk.flac")
SLIPS = 2


def ask(server: Server, path: str, data: bytes = JFK.data, **query: str) -> requests.Response:
    return requests.post(
        f"{server.url}{path}",
        params=query,
        files={"audio_file": ("my talk é.flac", data)},
        timeout=TIMEOUT_S,
    )


def test_the_curl_of_its_documentation(server: Server) -> None:
    command = [
        *("curl", "--silent", "--show-error", "-X", "POST"),
        *("-H", "content-type: multipart/form-data"),
        *("-F", f"audio_file=@{DATA / 'speech/en/short-jfk.flac'}"),
        f"{server.url}/asr?output=txt",
    ]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert errors(JFK.text, run.stdout).count <= SLIPS


@pytest.mark.parametrize(
    "output, begins",
    [("txt", "And so"), ("vtt", "WEBVTT"), ("srt", "1\n00:00"), ("tsv", "start\tend\ttext\n")],
)
def test_each_output_is_a_file_to_be_saved(server: Server, output: str, begins: str) -> None:
    response = ask(server, "/asr", output=output, encode="true", task="transcribe", language="en")
    assert response.text.startswith(begins)
    assert response.headers["Asr-Engine"] == "faster_whisper"
    saved_as = "attachment; filename*=UTF-8''my%20talk%20%C3%A9." + output
    assert response.headers["Content-Disposition"] == saved_as


@pytest.mark.parametrize("words", [True, False])
def test_json_has_the_segments_and_words_if_wanted(server: Server, words: bool) -> None:
    told: dict[str, Any] = ask(
        server, "/asr", output="json", word_timestamps=str(words).lower()
    ).json()
    assert told["language"] == "en"
    assert errors(JFK.text, told["text"]).count <= SLIPS
    assert all(bool(segment["words"]) == words for segment in told["segments"])


def test_the_language_is_detected(base_server: Server, server: Server) -> None:
    russian = recording("ru/ru-ast-demo-nogo.flac").data
    told = ask(base_server, "/detect-language", russian, encode="true").json()
    assert (told["detected_language"], told["language_code"]) == ("russian", "ru")
    assert 0.5 < told["confidence"] <= 1
    only_english = ask(server, "/detect-language").json()
    assert only_english == {
        "detected_language": "english",
        "language_code": "en",
        "confidence": 1.0,
    }


def test_what_is_wrong_is_told_as_detail(server: Server) -> None:
    assert ask(server, "/asr", b"Dear sir").status_code == 415
    wrong = ask(server, "/asr", output="docx")
    assert wrong.status_code == 400
    assert wrong.json().keys() == {"detail"}
