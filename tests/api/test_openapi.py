"""The OpenAPI description: it is valid, complete, and says what the service does."""

from __future__ import annotations

import re
from typing import Any

import jsonschema
import pytest
import requests
from flask import Flask
from openapi_spec_validator import validate

from config.settings import Settings
from tests.support.chunks import CHUNKS, JFK
from tests.support.live import TIMEOUT_S, LiveSession, upload
from tests.support.server import Server
from transcriber.api import application, replies
from transcriber.api.errors import TABLE
from transcriber.service import Service

# Found by whoever opens the page, and by nobody else.
PAGES = {"/", "/docs"}
METHODS = {"GET", "POST", "DELETE"}


@pytest.fixture(scope="module")
def document(server: Server) -> dict[str, Any]:
    """The description as it is served."""
    response = requests.get(f"{server.url}/openapi.json", timeout=TIMEOUT_S)
    assert response.headers["Content-Type"] == "application/json"
    body: dict[str, Any] = response.json()
    return body


@pytest.fixture(scope="module")
def app() -> Flask:
    """The application, with nothing running."""
    return application.build(Service(Settings(data_dir="")))


def test_it_is_valid(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    validate(document)


def test_every_route_is_in_it_and_nothing_else(document: dict[str, Any], app: Flask) -> None:
    routes = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) & METHODS
        if rule.rule not in PAGES and not rule.rule.startswith("/static/")
    }
    assert routes == {(path, method) for path, has in document["paths"].items() for method in has}


def test_names_of_operations_are_unique_and_plain(document: dict[str, Any]) -> None:
    paths = document["paths"].values()
    names = [operation["operationId"] for path in paths for operation in path.values()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[a-z0-9_]+", name) for name in names)


def test_every_error_is_in_it(document: dict[str, Any]) -> None:
    told = " ".join(
        answer["description"]
        for path in document["paths"].values()
        for operation in path.values()
        for answer in operation["responses"].values()
    )
    # What no address or method takes is said by no operation, and nothing goes wrong on purpose.
    elsewhere = {"not-found", "method-not-allowed", "internal-error"}
    assert {code for code in TABLE if f"`{code}`" not in told} <= elsewhere


@pytest.mark.parametrize("path", ["/health", "/health/live", "/config.json", "/nowhere"])
def test_replies_are_what_it_says(server: Server, document: dict[str, Any], path: str) -> None:
    models = {
        "/health": replies.Health,
        "/health/live": replies.Alive,
        "/config.json": replies.Config,
        "/nowhere": replies.ProblemReply,
    }
    check(document, models[path], requests.get(server.url + path, timeout=TIMEOUT_S))


def test_replies_to_chunks_and_states_are_what_it_says(
    server: Server, document: dict[str, Any]
) -> None:
    session = LiveSession(server.url)
    for sequence, chunk in enumerate(CHUNKS):
        final = chunk is CHUNKS[-1]
        check(document, replies.ChunkReply, session.post(sequence, chunk, final=final))
    own = requests.get(f"{server.url}/sessions/{session.session_id}", timeout=TIMEOUT_S)
    check(document, replies.SessionState, own)
    watch_id = session.replies[0]["watch_id"]
    watched = requests.get(f"{server.url}/watch/{watch_id}", timeout=TIMEOUT_S)
    check(document, replies.SessionState, watched)


@pytest.mark.parametrize(
    "fields, model",
    [
        ({}, replies.RecordingReply),
        ({"word_timestamps": "true"}, replies.RecordingReply),
        ({"response_format": "verbose_json"}, replies.VerboseRecording),
    ],
)
def test_replies_to_recordings_are_what_it_says(
    server: Server, document: dict[str, Any], fields: dict[str, str], model: type
) -> None:
    check(document, model, upload(server.url, JFK.data, **fields))


def check(document: dict[str, Any], model: type, response: requests.Response) -> None:
    """Assert that a reply is as the model of that name says."""
    schema = {
        "$ref": f"#/components/schemas/{model.__name__}",
        "components": document["components"],
    }
    jsonschema.validate(response.json(), schema, jsonschema.Draft202012Validator)
