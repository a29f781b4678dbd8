"""How long a client wants to wait for its reply: the header `Prefer` (RFC 7240)."""

from __future__ import annotations

import re

from flask import request

from transcriber.api.fields import MAX_WAIT_S

_ASYNC = re.compile(r"(^|[,;\s])respond-async($|[,;\s])")
_WAIT = re.compile(r"(?:^|[,;\s])wait=\"?([0-9]{1,4}(?:\.[0-9]{1,3})?)")


def preferred_wait_s() -> float | None:
    """Return the seconds that the client wants to wait, None if it does not say."""
    prefer = request.headers.get("Prefer", "")
    if _ASYNC.search(prefer):
        return 0.0
    wait = _WAIT.search(prefer)
    return min(float(wait[1]), MAX_WAIT_S) if wait else None


def applied() -> str:
    """Return what to say in `Preference-Applied`, where the client did say."""
    if _ASYNC.search(request.headers.get("Prefer", "")):
        return "respond-async"
    return f"wait={preferred_wait_s():g}"
