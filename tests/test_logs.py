"""The log of a running server: its two forms, and whose each line is."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.support.live import TIMEOUT_S, LiveSession
from tests.support.recordings import RATE_HZ, encode, recording
from tests.support.server import Server, running, wait_for
from transcriber.live.readable import log_name

CHUNK = encode(recording("en/short-austen-0880.flac").samples()[: 2 * RATE_HZ])

ROOT = Path(__file__).parents[1]
Line = dict[str, str | None]


@pytest.fixture(scope="module")
def json_server() -> Iterator[Server]:
    """A server that logs JSON lines and soon forgets its sessions."""
    settings = {
        "MODEL": "tiny.en",
        "LOG_FORMAT": "json",
        "SESSION_TTL_S": "0.5",
        "KEEP_TRANSCRIPTS_S": "0",
    }
    with running(settings) as started:
        started.wait_until_ready()
        yield started


def lines(server: Server) -> list[Line]:
    """Return every line, each of which has to be one object."""
    return [json.loads(line) for line in server.log().splitlines()]


def messages(server: Server, **wanted: str) -> list[str]:
    """Return what was logged of a request or a session."""
    return [
        str(line["message"])
        for line in lines(server)
        if all(line[name] == value for name, value in wanted.items())
    ]


def test_each_line_is_one_object_with_the_same_names(json_server: Server) -> None:
    requests.get(f"{json_server.url}/nowhere", timeout=TIMEOUT_S)
    for line in lines(json_server):
        assert {"time", "level", "logger", "message", "request", "session"} == line.keys()


def test_a_request_and_its_session_are_told_in_the_lines_that_they_cause(
    json_server: Server,
) -> None:
    session = LiveSession(json_server.url)
    session.post(0, CHUNK, headers={"X-Request-Id": "the-first-chunk"})
    name = log_name(session.session_id)
    begun, answered = messages(json_server, request="the-first-chunk", session=name)
    assert begun == "Session started"
    assert answered.startswith("POST /transcribe 200 ")


def test_lines_of_the_background_tell_their_session_and_no_request(json_server: Server) -> None:
    session = LiveSession(json_server.url)
    session.post(0, CHUNK)
    name = log_name(session.session_id)
    wait_for(lambda: "Forgotten" in messages(json_server, session=name), 30)
    line = next(one for one in reversed(lines(json_server)) if one["session"] == name)
    assert (line["message"], line["request"]) == ("Forgotten", None)


def test_a_thread_keeps_no_session_from_the_request_before(json_server: Server) -> None:
    LiveSession(json_server.url).post(0, CHUNK)
    for number in range(80):  # more than there are threads
        headers = {"X-Request-Id": f"other-{number}"}
        requests.get(f"{json_server.url}/config.json", headers=headers, timeout=TIMEOUT_S)
    others = [line for line in lines(json_server) if (line["request"] or "").startswith("other-")]
    assert len(others) == 80
    assert {line["session"] for line in others} == {None}


def test_an_error_keeps_its_traceback_in_its_line() -> None:
    program = """
import logging
from config import logs
logs.set_up("info", "json")
with logs.about(session="ab12"):
    try:
        1 / 0
    except ZeroDivisionError:
        logging.getLogger("here").exception("It went wrong: %s", "é")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True
    )
    line = json.loads(done.stderr)
    assert (line["message"], line["session"], line["level"]) == (
        "It went wrong: é",
        "ab12",
        "ERROR",
    )
    assert line["exc_info"].endswith("ZeroDivisionError: division by zero")


def test_plain_lines_end_with_the_same(server: Server) -> None:
    session = LiveSession(server.url)
    session.post(0, CHUNK, headers={"X-Request-Id": "a-plain-one"})
    end = f" request=a-plain-one session={log_name(session.session_id)}"
    own = [line for line in server.log().splitlines() if line.endswith(end)]
    own = [line for line in own if "Partial passes" not in line]  # on a busy machine
    assert [line.split(": ")[1].split(" request=")[0].split(" 200 ")[0] for line in own] == [
        "Session started",
        "POST /transcribe",
    ]


def test_no_line_tells_what_was_said_or_the_key_to_a_session(server: Server) -> None:
    session = LiveSession(server.url, {"prompt": "Unmistakable prompt"})
    text = session.post_all([CHUNK])
    assert text
    told = server.log()
    assert log_name(session.session_id) in told
    for secret in (text.strip(), "Unmistakable", session.session_id):
        assert secret not in told
    assert session.replies[0]["watch_id"] not in told


def test_what_was_said_is_told_to_those_who_ask_for_it() -> None:
    settings = {"MODEL": "tiny.en", "LOG_TEXT": 1, "LOG_FORMAT": "json"}
    with running(settings) as talkative:
        talkative.wait_until_ready()
        session = LiveSession(talkative.url)
        text = session.post_all([CHUNK])
        said = [line for line in lines(talkative) if line["logger"] == "transcriber.said"]
    assert {line["session"] for line in said} == {log_name(session.session_id)}
    assert text.strip() in "".join(str(line["message"]) for line in said)
    assert session.session_id not in str(said)
