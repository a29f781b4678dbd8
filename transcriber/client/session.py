"""One live session at one server: numbers the chunks, sends them, gathers what comes back.

The rules are those of `static/client/session.js` and `uploader.js`. All of it runs on the loop's
thread, but for the requests themselves.
"""

from __future__ import annotations

import math
import secrets
import time
from typing import Any, Protocol

from transcriber.client.batcher import Batcher
from transcriber.client.errors import RequestError
from transcriber.client.gathering import Gathering
from transcriber.client.loop import Loop
from transcriber.client.outgoing import OutgoingChunk, backoff_s
from transcriber.client.replies import Reply, Segment
from transcriber.client.server import Server
from transcriber.client.tape import MEDIA_TYPE, Tape
from transcriber.client.transcript import Transcript

_MOST_IN_FLIGHT = 3
# The longest chunk, when much has gathered.
_MOST_CHUNK_S = 10.0
# A server answers within 10 s whatever happens; on a slow line the chunk itself takes time.
_TIMEOUT_S, _SLOW_LINE_BYTES_PER_S = 12.0, 16_000
_POLL_WAIT_S, _POLL_TIMEOUT_S, _POLL_AGAIN_S = 10, 15.0, 1.0
# What is final is kept for so long, as context for what is said next.
CONTEXT_S = 8.0
# Servers don't use more of it, and times have two digits.
_ROUNDING_S = 0.01
# Errors that a new session mends.
_LOST = {
    "unknown-session",
    "session-expired",
    "session-ended",
    "sequence-given-up",
    "sequence-gap",
    "sequence-reused",
    "audio-too-long",
    "undecodable-audio",  # PCM can't be that: the server's decoders are in trouble
}


class Listener(Protocol):
    """Who is told how a session goes."""

    def heard(self, session: Session, segments: list[Segment], reply: Reply) -> None:
        """Something came back; the segments are new and in order."""

    def failed(self, session: Session, error: RequestError) -> None:
        """A try failed, another follows."""

    def overdue(self, session: Session) -> None:
        """A chunk waits for its answer for too long."""

    def lost(self, session: Session) -> None:
        """The server knows it no more: replay into a new one."""

    def refused(self, session: Session, error: RequestError) -> None:
        """The server will not have it."""


class Session:
    """See the module.

    Args:
        server: where it is.
        tape: the recording.
        fields: decoding options.
        settled_s: up to where the recording is final already.
        transcript: what is final.
        listener: who is told.
        loop: where it runs.

    Attributes:
        start_s: when it begins, in the recording.
        watch_id: reads it; None until the first reply.
        closed: whether nothing of it is wanted any more.
        final_sent: whether the server has been told that nothing more comes.
    """

    def __init__(
        self,
        server: Server,
        tape: Tape,
        fields: dict[str, str],
        settled_s: float,
        transcript: Transcript,
        listener: Listener,
        loop: Loop,
    ) -> None:
        self.id = secrets.token_urlsafe(24)
        self.server = server
        self.watch_id: str | None = None
        # A little before what is not final: words are understood by those before.
        self.start_s = max(tape.start_s, settled_s - CONTEXT_S)
        self._sent_s = max(settled_s, self.start_s)
        self.closed = self.final_sent = False
        self._tape = tape
        self._listener = listener
        self._loop = loop
        self._fields = {**fields, **self._skipped(self._sent_s, transcript)}
        self._cursor_s = self.start_s
        self._sequence = 0
        self._in_flight: dict[int, OutgoingChunk] = {}
        self._opened = self._polling = False
        self._poll_due_s = -math.inf
        self._heard = Gathering(self._sent_s - self.start_s)

    def _skipped(self, settled_s: float, transcript: Transcript) -> dict[str, str]:
        """Return how much of what is sent is final already, and what was said in it."""
        skip_s = settled_s - self.start_s
        if skip_s <= 0:
            return {}
        fields = {"skip_s": f"{skip_s:.3f}"}
        from_s = max(self.start_s, settled_s - CONTEXT_S + _ROUNDING_S)
        said = transcript.said(from_s, settled_s)
        if said is not None:
            fields["skip_text"] = said.text
            fields["skip_text_s"] = f"{min(max(0.0, said.start_s - self.start_s), skip_s):.3f}"
        return fields

    @property
    def settled_s(self) -> float:
        """Up to where the recording is final, as this session tells."""
        return self.start_s + self._heard.settled_s

    @property
    def complete(self) -> bool:
        """Whether everything is final and here."""
        return self._heard.complete

    @property
    def latest(self) -> Reply | None:
        """The newest reply."""
        return self._heard.latest

    @property
    def answered_s(self) -> float:
        """Up to where the server has answered, in the recording."""
        return min([self._sent_s, *(chunk.start_s for chunk in self._in_flight.values())])

    @property
    def is_quiet(self) -> bool:
        """Whether nobody is speaking and everything said is final."""
        latest = self._heard.latest
        return latest is not None and not latest.partial and latest.pending_s < 0.5

    def pump(self, batcher: Batcher, flush: bool, ended: bool) -> None:
        """Send what is worth sending.

        Args:
            batcher: how much that is.
            flush: send whatever there is.
            ended: nothing more comes.
        """
        self._send_again(batcher)
        while self._may_send():
            waiting_s = self._tape.end_s - self._cursor_s
            due = waiting_s > 0 and (flush or batcher.is_due(waiting_s))
            if not due and not (ended and waiting_s <= 0):
                break
            self._send_next(batcher, ended)
        if flush:
            self._poll()

    def retry_now(self) -> None:
        """The server is back: what waits for another try need not wait any longer."""
        for chunk in self._in_flight.values():
            if chunk.due_s < math.inf and not chunk.must_wait:
                chunk.due_s = -math.inf

    def close(self) -> None:
        """Take nothing more from it."""
        self.closed = True

    def leave(self) -> None:
        """Tell the server that nothing more comes; nobody waits for it."""
        self.close()
        chunk = OutgoingChunk(self._sequence, 0.0, b"", {"final": "true"})
        # It expires by itself if this does not arrive.
        self._loop.work(lambda: self._post(chunk), lambda _: None)

    def _may_send(self) -> bool:
        if self.closed or self.final_sent:
            return False
        # The first chunk opens the session; while one is retried, no later one may overtake it.
        most = _MOST_IN_FLIGHT if self._opened else 1
        retrying = any(chunk.attempts for chunk in self._in_flight.values())
        return len(self._in_flight) < most and not retrying

    def _send_next(self, batcher: Batcher, ended: bool) -> None:
        start_s = self._cursor_s
        audio, self._cursor_s = self._tape.read(start_s, _MOST_CHUNK_S)
        self._sent_s = max(self._sent_s, self._cursor_s)
        self.final_sent = ended and self._cursor_s >= self._tape.end_s
        fields = dict(self._fields) if self._sequence == 0 else {}
        if self.final_sent:
            fields["final"] = "true"
        chunk = OutgoingChunk(self._sequence, start_s, audio, fields)
        self._in_flight[self._sequence] = chunk
        self._sequence += 1
        self._try(chunk, batcher)

    def _send_again(self, batcher: Batcher) -> None:
        now = time.monotonic()
        for chunk in list(self._in_flight.values()):
            if chunk.due_s <= now and not self.closed:
                self._try(chunk, batcher)
            elif chunk.is_overdue(now) and not chunk.told_overdue:
                chunk.told_overdue = True
                self._listener.overdue(self)

    def _try(self, chunk: OutgoingChunk, batcher: Batcher) -> None:
        chunk.due_s, chunk.sent_s, chunk.told_overdue = math.inf, time.monotonic(), False
        self._loop.work(
            lambda: self._post(chunk), lambda result: self._answered(chunk, result, batcher)
        )

    def _post(self, chunk: OutgoingChunk) -> Reply:
        fields = {"session_id": self.id, "sequence": str(chunk.sequence), **chunk.fields}
        form: dict[str, Any] = {name: (None, value) for name, value in fields.items()}
        if chunk.audio:
            form["audio"] = ("audio", chunk.audio, MEDIA_TYPE)
        timeout_s = _TIMEOUT_S + len(chunk.audio) / _SLOW_LINE_BYTES_PER_S
        _, body = self.server.wire.json("POST", "/transcribe", timeout_s, files=form)
        assert body is not None
        return Reply.of(body)

    def _answered(self, chunk: OutgoingChunk, result: Reply | Exception, batcher: Batcher) -> None:
        if self.closed:
            return
        if isinstance(result, RequestError) and result.retryable:
            chunk.due_s = time.monotonic() + backoff_s(chunk.attempts, result.retry_after_s)
            chunk.must_wait = result.retry_after_s is not None
            chunk.attempts += 1
            self._listener.failed(self, result)
            return
        del self._in_flight[chunk.sequence]
        if isinstance(result, Exception):
            self._refusal(result)
            return
        self._opened = True
        if chunk.attempts == 0:
            batcher.note(time.monotonic() - chunk.sent_s)
        batcher.suggest(result.suggested_chunk_s)
        self._take(result)

    def _refusal(self, error: Exception) -> None:
        if not isinstance(error, RequestError):
            # A mistake of ours: what was not answered is replayed, and the log says what it was.
            self._listener.lost(self)
            raise error
        if error.code in _LOST:
            self._listener.lost(self)
        else:
            self._listener.refused(self, error)

    def _take(self, reply: Reply) -> None:
        if self._gave_up_ours(reply):
            self._listener.lost(self)
            return
        self.watch_id = reply.watch_id or self.watch_id
        fresh = self._heard.take(reply)
        self._listener.heard(self, fresh, reply)

    def _gave_up_ours(self, reply: Reply) -> bool:
        """Tell whether it shows a gap for a chunk that is on its way: replayed, it is not lost."""
        has_gap = any(segment.gap and segment.id >= self._heard.told for segment in reply.segments)
        return has_gap and any(sequence < reply.next_sequence for sequence in self._in_flight)

    def _poll(self) -> None:
        """Ask for what the replies left out, while there is no chunk to ask with."""
        if self._polling or time.monotonic() < self._poll_due_s or not self._wants_news():
            return
        self._polling = True
        path = f"/sessions/{self.id}?after={self._heard.told - 1}&wait={_POLL_WAIT_S}"
        known = self._heard.known_revision
        headers = {} if known is None else {"If-None-Match": f'"{known}"'}
        self._poll_due_s = time.monotonic() + _POLL_AGAIN_S
        self._loop.work(lambda: self._news(path, headers), self._polled)

    def _news(self, path: str, headers: dict[str, str]) -> Reply | None:
        _, body = self.server.wire.json("GET", path, _POLL_TIMEOUT_S, headers)
        return None if body is None else Reply.of(body)

    def _polled(self, result: Reply | Exception | None) -> None:
        self._polling = False
        if self.closed:
            return
        if isinstance(result, RequestError) and result.retryable:
            self._poll_due_s = time.monotonic() + _POLL_AGAIN_S
            self._listener.failed(self, result)
        elif isinstance(result, Exception):
            self._refusal(result)
        elif result is not None:
            self._poll_due_s = -math.inf
            self._take(result)

    def _wants_news(self) -> bool:
        latest = self._heard.latest
        if self.closed or self.complete or latest is None or self._in_flight:
            return False
        is_open = bool(latest.partial) or latest.pending_s > 0
        return self.final_sent or is_open or self._heard.told < latest.settled_segments
