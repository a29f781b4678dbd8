"""What the HTTP contract says of every reply, and of every error."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import requests

PROBLEM_KEYS = {"type", "title", "status", "detail", "code", "request_id", "retryable"}
EXTRA_KEYS = {
    "sequence-gap": {"next_sequence"},
    "body-too-large": {"limit_bytes"},
    "audio-too-long": {"limit_s"},
    "unsupported-media-type": {"accepted"},
    "over-quota": {"quota", "limit", "per"},
}
RETRYABLE = {"queue-full", "too-many-sessions", "starting", "model-failed", "draining"} | {
    "over-quota"
}
# The fastest of so many tries counts, because other programs run on the machine too.
TRIES, QUICK_S = 3, 1.0


def quick(ask: Callable[[], requests.Response]) -> requests.Response:
    """Return the reply, which must be there in under a second."""
    replies = (ask() for _ in range(TRIES))
    return next(reply for reply in replies if reply.elapsed.total_seconds() < QUICK_S)


def assert_marked(response: requests.Response) -> None:
    """Assert what every reply of the API carries: a request id, and that it must not be cached."""
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", response.headers["X-Request-Id"])
    assert response.headers["Cache-Control"] == "no-store"


def problem(
    response: requests.Response, status: int, code: str, field: str | None = None
) -> dict[str, Any]:
    """Assert that the reply is this error in the contract's shape, and return its body."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    extra = {"field"} if field else set()
    assert body.keys() == PROBLEM_KEYS | extra | EXTRA_KEYS.get(code, set())
    assert body["code"] == code, body
    assert body["status"] == status
    assert body.get("field") == field, body
    assert body["title"]
    assert body["detail"]
    assert body["type"].endswith(code)
    assert body["request_id"] == response.headers["X-Request-Id"]
    assert body["retryable"] == (code in RETRYABLE)
    assert_marked(response)
    if status in (429, 503):
        assert re.fullmatch(r"[1-9][0-9]*", response.headers["Retry-After"])
    else:
        assert "Retry-After" not in response.headers
    return body
