"""The answers to requests that never become any, because they are no HTTP: as the API's are.

Gunicorn answers these itself, with a page for people.
"""

from __future__ import annotations

import json
import secrets
from http import HTTPStatus

from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine

from transcriber.api.errors import TABLE, Problem

_CODES = {LimitRequestLine: "address-too-long", LimitRequestHeaders: "headers-too-large"}
# What was sent is told back, and it may have been long.
_MOST_CHARS = 200


def refusal(error: Exception) -> bytes:
    """Return the whole answer to what gunicorn could not parse, after which it hangs up."""
    code = _CODES.get(type(error), "bad-request")
    request_id = secrets.token_hex(8)
    problem = Problem(code, f"It is not valid HTTP: {error}"[:_MOST_CHARS])
    body = json.dumps(problem.body() | {"request_id": request_id}).encode()
    status = HTTPStatus(TABLE[code].status)
    headers = {
        "Connection": "close",
        "Content-Type": "application/problem+json",
        "Content-Length": len(body),
        "X-Request-Id": request_id,
        "Cache-Control": "no-store",
    }
    lines = [f"HTTP/1.1 {status.value} {status.phrase}", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body
