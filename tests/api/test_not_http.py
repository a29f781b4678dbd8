"""Requests that break off, and what is no HTTP: these, too, get the contract's error."""

from __future__ import annotations

import http.client
import json
import socket

import pytest
import requests

from tests.support.live import TIMEOUT_S
from tests.support.recordings import RATE_HZ, encode, recording
from tests.support.server import Server

TWO_SECONDS = encode(recording("en/short-jfk.flac").samples()[: 2 * RATE_HZ])

# -- bodies that break off ---------------------------------------------------------------------

PART = (
    b'--xyz\r\nContent-Disposition: form-data; name="audio"; filename="a"\r\n\r\n'
    + TWO_SECONDS
    + b"\r\n"
)
FORM = PART + PART + b"--xyz--\r\n"
HEAD = b"POST /transcribe HTTP/1.1\r\nHost: localhost\r\n"
AS_FORM = HEAD + b"Content-Type: multipart/form-data; boundary=xyz\r\n"


@pytest.mark.parametrize(
    "head, body",
    [
        (AS_FORM + b"Content-Length: %d\r\n\r\n" % len(FORM), FORM[:1000]),
        (AS_FORM + b"Content-Length: %d\r\n\r\n" % len(FORM), FORM[: len(PART)]),
        (AS_FORM + b"Content-Length: %d\r\n\r\n" % len(FORM), FORM[:-4]),
        (HEAD + b"Content-Length: %d\r\n\r\n" % len(TWO_SECONDS), TWO_SECONDS[:-1]),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"4000\r\n" + TWO_SECONDS[:1000]),
    ],
    ids=["in a part", "between parts", "in the last boundary", "raw", "chunked"],
)
def test_a_body_that_breaks_off_may_be_sent_again(server: Server, head: bytes, body: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), 10) as connection:
        connection.sendall(head + body)
        connection.shutdown(socket.SHUT_WR)
        reply = http.client.HTTPResponse(connection)
        reply.begin()
        told = json.loads(reply.read())
    assert (reply.status, told["code"], told["retryable"]) == (400, "body-incomplete", True)


def test_no_header_says_where_the_application_is(server: Server) -> None:
    headers = {"SCRIPT_NAME": "/metrics", "PATH_INFO": "/metrics"}
    response = requests.get(f"{server.url}/health/live", headers=headers, timeout=TIMEOUT_S)
    assert response.json() == {"status": "live"}


# -- what is no HTTP ----------------------------------------------------------------------------

GET = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    "sent, status, code",
    [
        pytest.param(b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n", 414, "address-too-long"),
        pytest.param(GET + b"X-Many: 1\r\n" * 200 + b"\r\n", 431, "headers-too-large"),
        pytest.param(GET + b"X-Long: " + b"x" * 20_000 + b"\r\n\r\n", 431, "headers-too-large"),
        pytest.param(GET + b"no colon\r\n\r\n", 400, "bad-request"),
        pytest.param(GET + b"Content-Length: -5\r\n\r\n", 400, "bad-request"),
        pytest.param(GET + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, "bad-request"),
        pytest.param(GET + b"Transfer-Encoding: zip\r\n\r\n", 400, "bad-request"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400, "bad-request"),
    ],
    ids=["address", "headers", "header", "colon", "length", "lengths", "coding", "tls"],
)
def test_what_is_no_http_gets_a_problem_as_well(
    server: Server, sent: bytes, status: int, code: str
) -> None:
    with socket.create_connection(("127.0.0.1", server.port), 10) as connection:
        connection.sendall(sent)
        reply = http.client.HTTPResponse(connection)
        reply.begin()
        body = json.loads(reply.read())
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert (reply.status, body["status"], body["code"]) == (status, status, code)
    assert body["request_id"] == reply.headers["X-Request-Id"]
    assert server.health()["status"] == "ok"
