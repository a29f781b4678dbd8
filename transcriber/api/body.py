"""Bodies on their way in and out: so many at once, and each in its time.

They are read and sent in a request's thread. Clients that send theirs byte by byte, or take none of
what they asked for, would hold all threads, and nobody would even be told how the service is.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Response, request

from config.deadlines import deadlines
from transcriber.api.errors import Problem
from transcriber.api.service import service

EVENT_STREAM = "text/event-stream"
# At a megabit a second, a body is here in time whatever its size.
_S_PER_BYTE = 8 / (1 << 20)


@contextmanager
def reading_body() -> Iterator[None]:
    """Read the body within.

    Raises:
        Problem: as many are read as allowed, or this one does not come in time.
    """
    if not service().bodies.acquire(blocking=False):
        raise Problem("too-many-bodies", "Nothing was stored; try again.", retry_after_s=2)
    connection = request.environ.get("gunicorn.socket")
    length = request.content_length or request.max_content_length or 0
    seconds = service().settings.body_timeout_s + length * _S_PER_BYTE
    watch = deadlines.watch(connection, seconds) if connection is not None else None
    late = Problem("body-timeout", f"It had {seconds:.0f} s. Send it again, in smaller pieces.")
    try:
        yield
    except Exception:
        if watch is not None and watch.cut:
            raise late from None
        raise
    finally:
        service().bodies.release()
        if watch is not None:
            deadlines.done(watch)
    if watch is not None and watch.cut:
        raise late


def limit_sending(response: Response) -> None:
    """Give the client time to take a reply, after which it is hung up on.

    One that comes bit by bit has its own way; see `sent_in_time`.
    """
    connection = request.environ.get("gunicorn.socket")
    if connection is not None and response.mimetype != EVENT_STREAM:
        length = response.content_length or 0
        seconds = service().settings.body_timeout_s + length * _S_PER_BYTE
        deadlines.watch(connection, seconds, socket.SHUT_RDWR)  # the worker says when it is sent


def sent_in_time(events: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the same; the client has a while to take each, after which it is hung up on."""
    connection = request.environ.get("gunicorn.socket")
    seconds = service().settings.body_timeout_s
    return _each_in_time(events, connection, seconds)


def _each_in_time(
    events: Iterator[bytes], connection: socket.socket | None, seconds: float
) -> Iterator[bytes]:
    for event in events:
        watch = deadlines.watch(connection, seconds, socket.SHUT_RDWR) if connection else None
        yield event
        if watch is not None:  # of the last event, the worker says when it is sent
            deadlines.done(watch)
