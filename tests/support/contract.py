"""What the HTTP contract says of every reply, and of every error."""

from __future__ import annotations

import re
from typing import Any

import requests

PROBLEM_KEYS = {"type", "title", "status", "detail", "code", "request_id", "retryable"}
RETRYABLE = {"queue-full", "too-many-sessions", "starting", "model-failed", "draining"}


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
    assert body.keys() >= PROBLEM_KEYS
    assert body["code"] == code, body
    assert body["status"] == status
    assert body.get("field") == field, body
    assert body["title"]
    assert body["detail"]
    assert body["type"].endswith(code)
    assert body["request_id"] == response.headers["X-Request-Id"]
    assert body["retryable"] == (code in RETRYABLE)
    assert_marked(response)
    if status == 503:
        assert re.fullmatch(r"[1-9][0-9]*", response.headers["Retry-After"])
    else:
        assert "Retry-After" not in response.headers
    return body
