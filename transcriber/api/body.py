"""Bodies on their way in: so many at once, and each in its time.

A body is read in a request's thread. Clients that send theirs byte by byte would take all threads,
and nobody would even be told how the service is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask import request

from config.deadlines import deadlines
from transcriber.api.errors import Problem
from transcriber.api.service import service

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
