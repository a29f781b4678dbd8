"""Brings a recording to whichever server is best, until every word is final.

It begins sessions, leaves servers that fail, replays what is not final, and returns to better
servers at a pause. The rules are those of `static/client/delivery.js`.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from transcriber.client.batcher import Batcher
from transcriber.client.errors import ClientError, RequestError
from transcriber.client.loop import Loop
from transcriber.client.replies import Partial, Reply, Segment
from transcriber.client.server import Server
from transcriber.client.servers import Servers
from transcriber.client.session import CONTEXT_S, Session
from transcriber.client.tape import Tape
from transcriber.client.transcript import Transcript

log = logging.getLogger(__name__)

# A server that loses sessions again and again is given a moment between them.
_FIRST_RESTART_S, _MOST_RESTART_S = 0.25, 8.0
# Who gives no audio for so long has paused: what is there is sent.
_PAUSE_S = 1.0


@dataclass(frozen=True)
class Callbacks:
    """Who is told what; all are called on the client's own thread, one after the other."""

    final: Callable[[Segment], object]
    partial: Callable[[Partial], object]
    problem: Callable[[ClientError], object]


class Delivery:
    """See the module. Everything but the attributes is for the loop's thread only.

    Attributes:
        session: the one under way.
        language: as detected.
        waiting: whether no server is at hand; False before that is known.
        over: set when every word is final, or nothing more can or shall be done.
        complete: whether every word is final.
        failure: why nothing more can be done.
    """

    def __init__(
        self, servers: list[Server], tape: Tape, fields: dict[str, str], callbacks: Callbacks
    ) -> None:
        self.transcript = Transcript()
        self.session: Session | None = None
        self.language: str | None = None
        self.waiting = False
        self.over = threading.Event()
        self.complete = False
        self.failure: ClientError | None = None
        self.loop = Loop(self._tick)
        self.servers = Servers(servers, self.loop, self._probed)
        self._tape = tape
        self._fields = fields
        self._callbacks = callbacks
        self._batcher = Batcher()
        self._settled_s = 0.0
        self._carried: str | None = None  # the language of what is final, for sessions to come
        self._restart_s, self._restart_at_s = _FIRST_RESTART_S, -math.inf
        self._ended = False
        self._fed_s, self._seen_s = time.monotonic(), 0.0

    @property
    def pending_s(self) -> float:
        """Return how many seconds no server has answered yet."""
        session = self.session
        answered_s = session.answered_s if session else self._settled_s
        return max(0.0, self._tape.end_s - answered_s)

    def end(self) -> None:
        """Nothing more comes."""
        self._ended = True

    def _tick(self) -> None:
        if self.over.is_set():
            return
        self.servers.tick()
        self._leave_or_return()
        self._begin()
        if self.session is not None:
            flush = self._ended or self._has_paused()
            self.session.pump(self._batcher, flush, self._ended)

    def _has_paused(self) -> bool:
        now, end_s = time.monotonic(), self._tape.end_s
        if end_s > self._seen_s:
            self._fed_s, self._seen_s = now, end_s
        return now - self._fed_s > _PAUSE_S

    def _probed(self) -> None:
        if self.session is not None and self.session.server.recovered:
            self.session.server.recovered = False
            self.session.retry_now()

    def _leave_or_return(self) -> None:
        session = self.session
        if session is None:
            return
        server, best = session.server, self.servers.best()
        gone = server.is_down or server.refused
        if gone and best is not None and best is not server:
            self._close()
        elif not gone and session.is_quiet and self.servers.better(server):
            self.session = None
            session.leave()

    def _begin(self) -> None:
        if self.session is not None or time.monotonic() < self._restart_at_s:
            return
        nothing_to_say = self._settled_s >= self._tape.end_s
        if self._ended and nothing_to_say:
            self._complete()
            return
        server = self.servers.best()
        self.waiting = server is None and all(one.known for one in self.servers.list)
        if server is None or nothing_to_say:
            return
        language = self._fields.get("language") or self._carried
        fields = {**self._fields, **({"language": language} if language else {})}
        server.begin()
        self.session = Session(
            server, self._tape, fields, self._settled_s, self.transcript, self, self.loop
        )

    def _complete(self) -> None:
        self.complete = True
        self.over.set()

    def _close(self) -> None:
        if self.session is not None:
            self.session.close()
        self.session = None

    # -- what sessions tell ---------------------------------------------------------------------

    def heard(self, session: Session, segments: list[Segment], reply: Reply) -> None:
        """Something came back."""
        session.server.post_answered()
        self.language = reply.language or self.language
        self._settle(session)
        # Before anybody is told: a callback that fails must not cost the words behind its own.
        added = self.transcript.add(segments, session.start_s)
        if added:
            self._restart_s, self._carried = _FIRST_RESTART_S, reply.language
        newest = session.latest or reply
        changed = self.transcript.show(newest.partial, newest.stable_chars)
        if session.complete:
            self._close()
        try:
            for segment in added:
                self._callbacks.final(segment)
            if changed:
                self._callbacks.partial(self.transcript.partial)
        finally:
            if session.complete and self._ended and session.final_sent:
                self._complete()

    def _settle(self, session: Session) -> None:
        if session.settled_s > self._settled_s:
            self._settled_s = session.settled_s
            self._tape.release(self._settled_s - CONTEXT_S)

    def failed(self, session: Session, error: RequestError) -> None:
        """A try failed, another follows."""
        session.server.post_failed(error)
        self.servers.doubt(session.server)

    def overdue(self, session: Session) -> None:
        """A chunk waits for its answer for too long."""
        session.server.overdue = True
        self.servers.doubt(session.server)

    def lost(self, session: Session) -> None:
        """The server knows the session no more."""
        self._close()
        self._restart_at_s = time.monotonic() + self._restart_s
        self._restart_s = min(2 * self._restart_s, _MOST_RESTART_S)

    def refused(self, session: Session, error: RequestError) -> None:
        """The server will not have the recording."""
        self._close()
        if error.field == "language" and self._carried and not self._fields.get("language"):
            self._carried = None  # this server does not know what the other one heard
            return
        is_new = session.server.refuse(error)
        # Later a server that did take it may do so again; one that never did is asked in vain.
        if not self.transcript.segments and all(one.refused for one in self.servers.list):
            self.failure = error
            self.over.set()
        elif is_new:
            self._callbacks.problem(error)
