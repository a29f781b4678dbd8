"""Who is asking: pages of allowed origins, holders of keys, and each within its quota."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import cast

from flask import Flask, g, request

from transcriber.access.quotas import OverQuota
from transcriber.api import page
from transcriber.api.errors import Problem, over_quota
from transcriber.api.service import service
from transcriber.live.owners import Owner

_SCHEME = "bearer "
# MediaRecorder is asked for 32 kbit/s.
_BYTES_PER_S = 4_000


def install(app: Flask) -> None:
    """Look at every request before it is answered."""
    app.before_request(_look)
    app.register_error_handler(OverQuota, lambda error: _too_much(error).response())


def askers() -> Sequence[Owner]:
    """Return as whom the present request is counted: its address, and its key if it has one."""
    return cast("Sequence[Owner]", g.askers)


@contextmanager
def sending_audio(length_bytes: int) -> Iterator[None]:
    """Let whoever asks send audio within, if there may be more of it today.

    How long it is shows only when it is decoded, which is what counts. Until then it is taken for
    as long as so many bytes are in the page's recordings, lest many requests at once pass as one.

    Raises:
        OverQuota: there may be no more.
    """
    if not length_bytes:  # the last chunk of a session may always come
        yield
        return
    owners = service().store.owners
    for owner in askers():
        service().quotas.check_audio(owner, owners.expected_s)
    with owners.sending(askers(), length_bytes / _BYTES_PER_S):
        yield


def _look() -> None:
    """Let a request in, or not.

    Raises:
        Problem, OverQuota: why not.
    """
    if request.method == "OPTIONS" or page.is_file() or request.blueprint == "health":
        return
    _check_origin()
    quotas = service().quotas
    forwarded = request.headers.get("X-Forwarded-For", "")
    address = service().proxies.client(request.remote_addr or "", forwarded)
    by_address = quotas.owner("address", address)
    quotas.note_request(by_address)  # before the key is looked at: guessing is slowed down, too
    g.askers = (by_address,)
    if service().keys.is_needed:
        by_key = quotas.owner("key", _holder())
        quotas.note_request(by_key)
        g.askers = (by_address, by_key)


def _holder() -> str:
    given = request.headers.get("Authorization", "")
    if not given:
        raise Problem("unauthorized", "Send the header Authorization: Bearer KEY.")
    is_bearer = given[: len(_SCHEME)].lower() == _SCHEME
    holder = service().keys.holder(given[len(_SCHEME) :].strip()) if is_bearer else None
    if holder is None:
        detail = "Nobody has this key." if is_bearer else "Only Authorization: Bearer KEY is taken."
        raise Problem("unauthorized", detail)
    return holder


def _check_origin() -> None:
    """Keep pages of other origins from posting, which CORS lets them do unread.

    Raises:
        Problem: the origins are restricted, and this is not one of them.
    """
    origin, allowed = request.headers.get("Origin"), service().origins
    if request.method in ("GET", "HEAD") or origin is None or "*" in allowed or origin in allowed:
        return
    # A proxy may change the host that was asked for, but no page can say this of itself.
    is_own = request.headers.get("Sec-Fetch-Site") == "same-origin"
    if not is_own and origin.partition("://")[2] != request.host:
        detail = "CORS_ORIGINS lists the origins whose pages may use it."
        raise Problem("origin-not-allowed", detail)


def _too_much(error: OverQuota) -> Problem:
    return over_quota(error.what, error.whose, error.limit, math.ceil(error.retry_after_s))
