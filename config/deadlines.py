"""Deadlines for what clients send and take: only another thread can free who waits for them."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from dataclasses import dataclass, field

_FAR_S = 3600.0


@dataclass(eq=False)
class Watch:
    """A connection that has to be done by a time; `cut` tells that it was not.

    `half` is what is closed then: `socket.SHUT_RD` or `socket.SHUT_RDWR`.
    """

    connection: socket.socket
    due_s: float
    half: int = socket.SHUT_RD
    cut: bool = False


@dataclass(eq=False)
class Deadlines:
    """Closes connections that take too long; one thread looks after all.

    Where only the incoming half is closed, whoever reads finds its end, and can still answer.
    """

    _watches: set[Watch] = field(default_factory=set)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _thread: threading.Thread | None = None

    def watch(self, connection: socket.socket, seconds: float, half: int = socket.SHUT_RD) -> Watch:
        """Give a connection so much time."""
        watch = Watch(connection, time.monotonic() + seconds, half)
        with self._changed:
            self._watches.add(watch)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()
            self._changed.notify()
        return watch

    def done(self, watch: Watch) -> None:
        """The connection is done with what it was watched for."""
        with self._changed:
            self._watches.discard(watch)

    def all_done(self, connection: socket.socket) -> None:
        """The connection is done with everything."""
        with self._changed:
            self._watches = {one for one in self._watches if one.connection is not connection}

    def _run(self) -> None:
        with self._changed:
            while True:
                now_s = time.monotonic()
                for late in [one for one in self._watches if one.due_s <= now_s]:
                    self._watches.discard(late)
                    late.cut = True
                    with contextlib.suppress(OSError):  # it is closed already
                        late.connection.shutdown(late.half)
                next_s = min([one.due_s for one in self._watches], default=now_s + _FAR_S)
                self._changed.wait(next_s - now_s)


deadlines = Deadlines()
