"""Reading along with a session: somebody's live one by its watch link, or one's own upload."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

from transcriber.client.errors import ClientError, RequestError
from transcriber.client.outgoing import backoff_s
from transcriber.client.replies import Reply
from transcriber.client.wire import Wire

_WAIT_S, _TIMEOUT_S = 20, 30.0
# A busy server does not wait; then the client does.
_AGAIN_S = 1.0
_PATH = re.compile(r"(?P<base>.*)(?P<path>/(watch|sessions)/[A-Za-z0-9_-]+)/?")


def watch(url: str, *, key: str = "", patience_s: float = 60.0) -> Iterator[Reply]:
    """Yield what is new in a session until it is over.

    Args:
        url: its watch link, as the page shows it, or the address of the session itself.
        key: one of the server's `API_KEYS`, where it asks for one.
        patience_s: for how long a server that has answered before is asked again.

    Raises:
        ClientError: that is no such link (`bad-address`), or the server does not answer, or does
            not know it.
    """
    wire, path = _parsed(url, key)
    yield from follow(wire, path, patience_s, is_known=False)


def follow(wire: Wire, path: str, patience_s: float, is_known: bool = True) -> Iterator[Reply]:
    """Yield what is new at a session's path; see `watch`.

    Args:
        wire: to its server.
        path: of the session there.
        patience_s: for how long a server that does not answer is asked again.
        is_known: whether that server has answered before; if not, it may be none.
    """
    told, attempt = -1, 0
    revision: int | None = None
    failing_since_s: float | None = None
    while True:
        headers = {} if revision is None else {"If-None-Match": f'"{revision}"'}
        asked_s = time.monotonic()
        try:
            query = f"{path}?after={told}&wait={_WAIT_S}"
            _, body = wire.json("GET", query, _TIMEOUT_S, headers)
        except RequestError as error:
            failing_since_s = failing_since_s or asked_s
            is_over = time.monotonic() - failing_since_s > patience_s or not is_known
            if not error.retryable or is_over:
                raise
            pause(attempt, error.retry_after_s)
            attempt += 1
            continue
        failing_since_s, attempt, is_known = None, 0, True
        if body is None:
            if time.monotonic() - asked_s < _AGAIN_S:
                threading.Event().wait(_AGAIN_S)
            continue
        reply = Reply.of(body)
        revision = reply.revision
        told = reply.segments[-1].id if reply.segments else told
        yield reply
        if reply.final:
            return


def pause(attempt: int, retry_after_s: float | None) -> None:
    """Wait before another try."""
    threading.Event().wait(backoff_s(attempt, retry_after_s))


def _parsed(url: str, key: str) -> tuple[Wire, str]:
    wire = Wire(url, key)
    watched = parse_qs(urlsplit(url).query).get("watch")
    if watched and re.fullmatch(r"[A-Za-z0-9_-]+", watched[0]):
        return wire, f"/watch/{watched[0]}"
    match = _PATH.fullmatch(wire.url)
    if match is None:
        raise ClientError(
            f"{url!r} is no watch link; one looks like http://localhost:7860/?watch=ID",
            "bad-address",
        )
    return Wire(match["base"], key), match["path"]
