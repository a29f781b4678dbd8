"""GET /config.json: what the page needs to know before it begins."""

from __future__ import annotations

from typing import Any

import requests

from tests.support.contract import assert_marked
from tests.support.live import TIMEOUT_S
from tests.support.server import Server, running


def config(server: Server) -> dict[str, Any]:
    """Ask for it."""
    response = requests.get(f"{server.url}/config.json", timeout=TIMEOUT_S)
    assert response.status_code == 200
    assert_marked(response)
    body: dict[str, Any] = response.json()
    return body


def test_tells_servers_languages_and_limits(server: Server) -> None:
    body, health = config(server), server.health()
    assert body.keys() == {"version", "instance_id", "model", "servers", "languages", "limits"}
    for key in ("version", "instance_id", "model"):
        assert body[key] == health[key]
    assert [one["url"] for one in body["servers"]] == ["."]
    assert body["languages"] == ["en"]
    assert body["limits"] == {"max_upload_mb": 256, "max_audio_s": 14400.0}


def test_a_multilingual_model_knows_the_languages_it_has_tokens_for(base_server: Server) -> None:
    languages = config(base_server)["languages"]
    assert {"en", "ar", "ru", "zh"} <= set(languages)
    assert "yue" not in languages, "Cantonese came with large-v3"


def test_a_language_that_the_model_has_no_token_for_is_refused(base_server: Server) -> None:
    response = requests.post(
        f"{base_server.url}/transcribe?language=yue", data=b"RIFF", timeout=TIMEOUT_S
    )
    assert (response.status_code, response.json()["field"]) == (400, "language")


def test_before_there_is_a_model_all_of_whispers_languages_are_offered() -> None:
    settings = {"MODEL": "/nowhere/at-all", "SERVERS": '["https://a.example", "."]'}
    with running(settings) as without_model:
        body = config(without_model)
    assert body["model"] is None
    assert {"en", "ru", "yue"} <= set(body["languages"])
    assert [server["url"] for server in body["servers"]] == ["https://a.example", "."]


def test_without_settings_the_file_names_the_servers_and_the_model_its_language() -> None:
    with running({"MODEL": "/nowhere/at-all.en"}) as without_model:
        body = config(without_model)
    assert body["servers"] == [
        {"name": "This server", "url": "."},
        {"name": "Local server", "url": "http://localhost:7860"},
    ]
    assert body["languages"] == ["en"], "its name tells that it knows English only"


def test_any_page_may_read_it_and_ask_for_its_head(server: Server) -> None:
    url, page = f"{server.url}/config.json", {"Origin": "https://talk.example"}
    response = requests.head(url, headers=page, timeout=TIMEOUT_S)
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["Access-Control-Allow-Origin"] in ("*", "https://talk.example")
