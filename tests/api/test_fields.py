"""Fields with values that can't be used: each error names the field and says what would do."""

from __future__ import annotations

import functools

import pytest
import requests

from tests.support.contract import problem, quick
from tests.support.live import TIMEOUT_S, new_session_id, upload
from tests.support.recordings import recording
from tests.support.server import Server

SHORT = recording("en/short-austen-0880.flac")


@pytest.mark.parametrize(
    "field, value",
    [
        ("response_format", "docx"),
        ("language", "klingon"),
        ("language_detection", "weird"),
        ("task", "sing"),
        ("temperature", "hot"),
        ("temperature", "1.5"),
        ("temperature", "nan"),
        ("word_timestamps", "perhaps"),
        ("vad_filter", "2"),
        ("prompt", "x" * 2001),
        ("hotwords", "null\x00character"),
        ("session_id", "a/b/../../etc/passwd"),
        ("session_id", "0123456789abcde/"),
        ("session_id", "short"),
        ("session_id", ""),
        ("session_id", "x" * 65),
        ("session_id", "sixteen-letters-é"),
    ],
)
def test_a_field_with_a_bad_value(server: Server, field: str, value: str) -> None:
    response = quick(lambda: upload(server.url, SHORT.data, **{field: value}))
    assert field in problem(response, 400, "bad-field", field)["detail"]


@pytest.mark.parametrize(
    "field, value",
    [
        ("sequence", None),
        ("sequence", ""),
        ("sequence", "one"),
        ("sequence", "-1"),
        ("sequence", "1.5"),
        ("sequence", "٣"),
        ("sequence", "9" * 40),
        ("final", "maybe"),
        ("language", "klingon"),
        ("language_detection", "weird"),
    ],
)
def test_a_field_of_a_chunk_with_a_bad_value(server: Server, field: str, value: str | None) -> None:
    session_id = new_session_id()
    fields = {"session_id": session_id, "sequence": "0", field: value}
    sent = {name: value for name, value in fields.items() if value is not None}
    response = quick(lambda: upload(server.url, SHORT.data, **sent))
    assert field in problem(response, 400, "bad-field", field)["detail"]
    state = requests.get(f"{server.url}/sessions/{session_id}", timeout=TIMEOUT_S)
    problem(state, 404, "unknown-session", "session_id")


def test_fields_in_the_query_are_checked_as_those_in_the_form(server: Server) -> None:
    response = requests.post(
        f"{server.url}/transcribe",
        params={"response_format": "docx"},
        data=SHORT.data,
        timeout=TIMEOUT_S,
    )
    problem(response, 400, "bad-field", "response_format")


@pytest.mark.parametrize("where", ["form", "query of a form", "query of a raw body"])
@pytest.mark.parametrize("value", [b"\xff", b"caf\xe9", b"\xed\xa0\x80"])
def test_text_that_is_no_utf8_is_refused_and_nothing_stored(
    server: Server, where: str, value: bytes
) -> None:
    session_id = new_session_id()
    fields: dict[str, str | bytes] = {"session_id": session_id, "sequence": "0"}
    files = {"audio": ("blob", SHORT.data)}
    ask = functools.partial(requests.post, f"{server.url}/transcribe", timeout=TIMEOUT_S)
    if where == "form":
        response = ask(data={**fields, "prompt": value}, files=files)
    elif where == "query of a form":
        response = ask(params={"prompt": value}, data=fields, files=files)
    else:
        response = ask(params={**fields, "prompt": value}, data=SHORT.data)
    assert "UTF-8" in problem(response, 400, "bad-field", "prompt")["detail"]
    state = requests.get(f"{server.url}/sessions/{session_id}", timeout=TIMEOUT_S)
    problem(state, 404, "unknown-session", "session_id")
