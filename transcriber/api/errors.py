"""Every error the API gives: one table of code, status and title, one way to render it.

Errors are RFC 9457 `application/problem+json` with `code`, `request_id`, `retryable`, and
`field` where one field is at fault.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, g, request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import (
    ClientDisconnected,
    HTTPException,
    MethodNotAllowed,
    NotFound,
    RequestEntityTooLarge,
)

from transcriber.audio import errors as audio
from transcriber.audio.containers import ACCEPTED_NAMES
from transcriber.engine.engine import EngineNotReady
from transcriber.live import errors as live

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kind:
    """One row of the table. `retryable`: the same request may succeed later."""

    status: int
    title: str
    retryable: bool = False


TABLE: dict[str, Kind] = {
    "bad-field": Kind(400, "A field has a value that can't be used"),
    "missing-audio": Kind(400, "The request has no audio"),
    "bad-request": Kind(400, "The request can't be read"),
    "body-incomplete": Kind(400, "The request broke off", True),
    "unauthorized": Kind(401, "This service asks for a key"),
    "origin-not-allowed": Kind(403, "Pages of this origin may not use the service"),
    "not-found": Kind(404, "There is nothing at this address"),
    "unknown-model": Kind(404, "There is no such model"),
    "unknown-session": Kind(404, "There is no such session"),
    "method-not-allowed": Kind(405, "This address does not take this method"),
    "body-timeout": Kind(408, "The request took too long to come in", True),
    "sequence-gap": Kind(409, "The chunk is too far ahead of its turn"),
    "sequence-given-up": Kind(409, "The chunk came after its gap was given up"),
    "session-ended": Kind(409, "The session has had its last chunk"),
    "not-live": Kind(409, "This is an upload and takes no chunks"),
    "session-expired": Kind(410, "The session is gone"),
    "body-too-large": Kind(413, "The request is too large"),
    "audio-too-long": Kind(413, "The audio is too long"),
    "address-too-long": Kind(414, "The address of the request is too long"),
    "unsupported-media-type": Kind(415, "This is not audio of an accepted kind"),
    "sequence-reused": Kind(422, "Other bytes came under this sequence before"),
    "undecodable-audio": Kind(422, "The audio can't be decoded"),
    "headers-too-large": Kind(431, "The headers of the request are too large"),
    "over-quota": Kind(429, "As much as allowed was used", True),
    "internal-error": Kind(500, "Something went wrong here", True),
    "too-many-bodies": Kind(503, "As many requests as allowed are coming in", True),
    "queue-full": Kind(503, "There is more work waiting than can be done in time", True),
    "too-many-sessions": Kind(503, "As many sessions as allowed are active", True),
    "starting": Kind(503, "The model is being loaded", True),
    "model-failed": Kind(503, "The model could not be loaded", True),
    "no-decoder": Kind(503, "Nothing can decode the audio at the moment", True),
    "storage-failed": Kind(503, "Sessions can't be written down at the moment", True),
    "storage-full": Kind(507, "There is no room to write the session down", True),
    "draining": Kind(503, "The service is shutting down", True),
}


class Problem(Exception):
    """An error to be answered; `code` is a key of the table."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        at_field: str | None = None,
        retry_after_s: int | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.field = at_field
        self.retry_after_s = retry_after_s
        self.extra = extra

    def body(self) -> dict[str, Any]:
        """Return what is wrong, without the request that showed it."""
        kind = TABLE[self.code]
        body: dict[str, Any] = {
            "type": f"urn:live-transcription:{self.code}",
            "title": kind.title,
            "status": kind.status,
            "detail": self.detail,
            "code": self.code,
            "retryable": kind.retryable,
        }
        if self.field is not None:
            body["field"] = self.field
        return body | self.extra

    def response(self) -> Response:
        """Render the problem."""
        body = self.body() | {"request_id": g.get("request_id", "")}
        response = Response(
            json.dumps(body, ensure_ascii=False),
            status=TABLE[self.code].status,
            mimetype="application/problem+json",
        )
        if self.retry_after_s is not None:
            response.headers["Retry-After"] = str(self.retry_after_s)
        if self.code == "unauthorized":  # RFC 6750
            response.headers["WWW-Authenticate"] = 'Bearer realm="live transcription"'
        return response


def bad_field(name: str, detail: str) -> Problem:
    """Return the problem of a field whose value can't be used; `detail` says what would do."""
    return Problem("bad-field", detail, at_field=name)


_QUOTAS = {
    "requests": "requests in a minute",
    "sessions": "sessions and uploads at once",
    "audio": "seconds of audio in 24 hours",
}


def over_quota(what: str, whose: str, limit: float, retry_after_s: int) -> Problem:
    """Return the problem of a key or an address that has used what it may."""
    detail = f"Each {whose} may have at most {limit:g} {_QUOTAS[what]}. Nothing was stored."
    return Problem(
        "over-quota", detail, retry_after_s=retry_after_s, quota=what, limit=limit, per=whose
    )


_AGAIN = "Start a new session with sequence 0, and send again what is not final yet."

# Errors of the layers below that need no figures of their own: (code, field, what to do).
_PLAIN: dict[type[Exception], tuple[str, str, str]] = {
    live.UnknownSession: ("unknown-session", "session_id", f"No session has this id. {_AGAIN}"),
    live.SessionEnded: ("session-ended", "session_id", "Start a new session to record more."),
    live.NotLive: ("not-live", "session_id", "Its recording came whole. Start a new session."),
    live.SessionExpired: ("session-expired", "session_id", f"It has expired. {_AGAIN}"),
    live.SequenceReused: (
        "sequence-reused",
        "sequence",
        "Each sequence names one chunk; a retry sends the same bytes again.",
    ),
    live.SequenceGivenUp: (
        "sequence-given-up",
        "sequence",
        "The transcript has gone on after a visible gap; send the next chunks.",
    ),
}


def install(app: Flask) -> None:
    """Register a handler for everything that can be raised while answering."""
    app.register_error_handler(Problem, Problem.response)
    for kind in (live.SessionError, audio.AudioError, EngineNotReady):
        app.register_error_handler(kind, lambda error: problem_of(error).response())
    app.register_error_handler(HTTPException, _of_http)
    app.register_error_handler(Exception, _unexpected)


def problem_of(error: Exception) -> Problem:
    """Return the problem for an error of the layers below."""
    if type(error) in _PLAIN:
        code, name, detail = _PLAIN[type(error)]
        return Problem(code, detail, at_field=name)
    if isinstance(error, live.SequenceGap):
        return Problem(
            "sequence-gap",
            f"Send sequence {error.next_sequence} first; nothing of this chunk was stored.",
            at_field="sequence",
            next_sequence=error.next_sequence,
        )
    if isinstance(error, live.TooManySessions):
        detail = "Try again when another session has ended."
        return Problem("too-many-sessions", detail, retry_after_s=5)
    if isinstance(error, live.QueueFull):
        return Problem("queue-full", "Nothing was stored; try again.", retry_after_s=2)
    if isinstance(error, live.TooManyOfOwner):
        return over_quota("sessions", error.kind, error.limit, retry_after_s=5)
    if isinstance(error, live.StorageError):
        code = "storage-full" if isinstance(error, live.StorageFull) else "storage-failed"
        return Problem(code, f"Try again: {error}.", retry_after_s=5)
    if isinstance(error, live.ServiceStopping):
        detail = "Send the recording to another server, or again later."
        return Problem("draining", detail, retry_after_s=5)
    if isinstance(error, live.SessionTooLong | audio.TooLong):
        detail = f"At most {error.limit_s:g} s of audio are taken here."
        return Problem("audio-too-long", detail, at_field="audio", limit_s=error.limit_s)
    if isinstance(error, audio.NoDecoder):
        return Problem("no-decoder", "Nothing was stored; try again.", retry_after_s=2)
    if isinstance(error, audio.NotAudio):
        return Problem(
            "unsupported-media-type", str(error), at_field="audio", accepted=list(ACCEPTED_NAMES)
        )
    if isinstance(error, audio.AudioError):
        return Problem("undecodable-audio", str(error), at_field="audio")
    assert isinstance(error, EngineNotReady)
    failed = error.state.stage == "failed"
    code, retry_after_s = ("model-failed", 60) if failed else ("starting", 2)
    return Problem(code, error.state.detail, retry_after_s=retry_after_s)


def problem_json(error: Exception) -> dict[str, Any]:
    """Return why an upload failed, as its request would have been answered had it waited."""
    if isinstance(error, live.SessionError | audio.AudioError | EngineNotReady):
        return problem_of(error).body()
    detail = "The model failed on this recording; the error was logged."
    return Problem("internal-error", detail).body()


def _of_http(error: HTTPException) -> Response:
    """Give werkzeug's own errors (404, 405, a body that can't be parsed …) the same shape."""
    if isinstance(error, RequestEntityTooLarge):
        limit = request.max_content_length
        if (request.content_length or 0) <= (limit or 0) and request.content_length:
            detail = "A text field is longer than 500 kB, or there are more than 1,000 parts."
            return Problem("body-too-large", detail).response()
        detail = (
            f"The request may have at most {limit} bytes." if limit else "It has too many parts."
        )
        return Problem("body-too-large", detail, at_field="audio", limit_bytes=limit).response()
    if isinstance(error, ClientDisconnected):
        return Problem("body-incomplete", "The connection broke off. Send it again.").response()
    if isinstance(error, NotFound):
        return Problem("not-found", "/openapi.json lists what there is.").response()
    by_status = {405: "method-not-allowed"}
    code = by_status.get(error.code or 500, "bad-request")
    response = Problem(code, error.description or TABLE[code].title).response()
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(error.valid_methods)
    return response


def _unexpected(error: Exception) -> Response:
    if isinstance(error, ParseException):  # gunicorn finds it while the body is being read
        return Problem("bad-request", f"The body is not valid HTTP: {error}").response()
    log.error("An unexpected error", exc_info=error)
    detail = "The error was logged; the request id finds it there."
    return Problem("internal-error", detail).response()
