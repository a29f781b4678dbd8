"""What whisper.cpp's README asks of its server, with nothing changed but the address."""

from __future__ import annotations

import json
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


def inference(server: Server, **fields: str) -> requests.Response:
    return requests.post(
        f"{server.url}/inference",
        data=fields,
        files={"file": ("jfk.flac", JFK.data)},
        timeout=TIMEOUT_S,
    )


def test_the_curl_of_its_readme(server: Server) -> None:
    command = [
        *("curl", "--silent", "--show-error", f"127.0.0.1:{server.port}/inference"),
        *("-H", "Content-Type: multipart/form-data"),
        *("-F", f"file=@{DATA / 'speech/en/short-jfk.flac'}"),
        *("-F", "temperature=0.0"),
        *("-F", "temperature_inc=0.2"),
        *("-F", "response_format=json"),
    ]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert errors(JFK.text, json.loads(run.stdout)["text"]).count <= SLIPS


@pytest.mark.parametrize(
    "response_format, media_type",
    [
        ("json", "application/json"),
        ("verbose_json", "application/json"),
        ("text", "text/html; charset=utf-8"),
        ("srt", "application/x-subrip; charset=utf-8"),
        ("vtt", "text/vtt; charset=utf-8"),
    ],
)
def test_each_format_has_its_media_type(
    server: Server, response_format: str, media_type: str
) -> None:
    response = inference(server, response_format=response_format)
    assert response.headers["Content-Type"] == media_type
    assert "country" in response.text


def test_verbose_json_has_the_words_of_each_segment(server: Server) -> None:
    told: dict[str, Any] = inference(server, response_format="verbose_json").json()
    assert (told["task"], told["language"]) == ("transcribe", "english")
    assert told["text"] == "".join(f"{segment['text']}\n" for segment in told["segments"])
    for segment in told["segments"]:
        assert "".join(word["word"] for word in segment["words"]) == segment["text"]
        assert segment["tokens"]


def test_what_is_wrong_is_told_in_one_line(server: Server) -> None:
    missing = requests.post(
        f"{server.url}/inference", files={"other": ("a", b"x")}, timeout=TIMEOUT_S
    )
    assert missing.status_code == 400
    assert missing.json().keys() == {"error"}
    wrong = inference(server, response_format="docx")
    assert "response_format" in wrong.json()["error"]


def test_a_language_may_be_called_by_its_name(server: Server) -> None:
    assert inference(server, language="english").ok
    assert "code" in inference(server, language="elvish").json()["error"]


def test_translate_wants_a_model_that_can(server: Server) -> None:
    assert "can't translate" in inference(server, translate="true").json()["error"]


def test_detect_language_overrules_the_language(base_server: Server) -> None:
    told = inference(
        base_server, language="ru", detect_language="true", response_format="verbose_json"
    )
    assert told.json()["detected_language"] == "english"
