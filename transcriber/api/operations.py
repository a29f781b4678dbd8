"""What requests there are, what each takes, and what it can be answered: for `openapi`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel

from transcriber.api.errors import TABLE
from transcriber.api.fields import StateQuery, TranscribeFields, TranscriptQuery
from transcriber.api.replies import (
    Alive,
    ChunkReply,
    Config,
    Health,
    ProblemReply,
    RecordingReply,
    SessionState,
    VerboseRecording,
)
from transcriber.formats import TEXT_FORMATS

_TEXTS = tuple(media_type for _, media_type in TEXT_FORMATS.values())


# One in a Flask rule, as in `<session_id>` and `<path:name>`.
_VARIABLE = re.compile(r"<(?:\w+:)?(\w+)>")


@dataclass(frozen=True)
class Answer:
    """One status of an operation: the models of its JSON, and the other media types it may have."""

    what: str
    models: tuple[type[BaseModel], ...] = ()
    texts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Operation:
    """One method of one path, which is written as Flask's rule is.

    Attributes:
        codes: the errors it can give, besides those of all operations that need a key.
        form: the fields that come with audio, if it takes any.
        lists: those that may come several times, and what each may be.
        error: what its errors look like.
        tag: the group in which people find it.
        is_open: whether it needs no key.
    """

    method: str
    path: str
    summary: str
    answers: Mapping[int, Answer]
    codes: tuple[str, ...] = ()
    query: type[BaseModel] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    form: type[BaseModel] | None = None
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    error: type[BaseModel] = ProblemReply
    tag: str = "Recordings and sessions"
    is_open: bool = False

    @property
    def template(self) -> str:
        """The path as OpenAPI writes it: `/sessions/{session_id}`."""
        return _VARIABLE.sub(r"{\1}", self.path)

    @property
    def variable(self) -> str | None:
        """The name of what varies in the path, if anything does."""
        return next(iter(_VARIABLE.findall(self.path)), None)

    @property
    def name(self) -> str:
        """What it is called: `get_sessions_transcript`, `get_sessions_by_session_id`."""
        words = [word for word in self.path.split("/") if word and "<" not in word]
        by = ("by", self.variable) if self.variable and self.path.endswith(">") else ()
        names = (self.method, *words, *by)
        return "_".join(names).replace(".", "_").replace("-", "_")


# Of requests that are not even HTTP, whatever they were to be.
CODES_OF_HTTP = ("bad-request", "address-too-long", "headers-too-large")
# Of all operations that need a key.
CODES_OF_ALL = ("unauthorized", "origin-not-allowed", "over-quota")
_OF_NO_AUDIO = ("internal-error", "unknown-model")
_OF_AUDIO = tuple(
    code for code in TABLE if code not in (*CODES_OF_HTTP, *CODES_OF_ALL, *_OF_NO_AUDIO)
)
# Of whole recordings.
CODES_OF_RECORDINGS = (
    *("bad-field", "missing-audio", "body-incomplete", "body-timeout", "body-too-large"),
    *("audio-too-long", "unsupported-media-type", "undecodable-audio", "too-many-bodies"),
    *("queue-full", "too-many-sessions", "starting", "model-failed", "no-decoder"),
    *("storage-failed", "storage-full", "draining"),
)
_OF_SESSIONS = (
    *("bad-field", "unknown-session", "session-expired"),
    *("starting", "no-decoder", "storage-failed", "storage-full"),
)
_SERVICE = "The service itself"
_STATE = {200: Answer("As it is.", (SessionState,)), 304: Answer("Nothing is new.")}
_TEXT = {200: Answer("What is final so far.", (SessionState,), _TEXTS)}
_IF_NEW = {"If-None-Match": "The revision that is known, in quotes: 304 if it is still that."}

OPERATIONS = (
    Operation(
        "post",
        "/transcribe",
        "Transcribe a recording, or a chunk of a live session",
        {
            200: Answer("Its words.", (ChunkReply, RecordingReply, VerboseRecording), _TEXTS),
            202: Answer("They are not all there yet.", (ChunkReply, SessionState), _TEXTS),
        },
        _OF_AUDIO,
        headers={"Prefer": "`wait=SECONDS` or `respond-async` (RFC 7240)."},
        form=TranscribeFields,
    ),
    Operation(
        "get",
        "/sessions/<session_id>",
        "The state of a session or an upload, and its new segments",
        _STATE,
        _OF_SESSIONS,
        StateQuery,
        _IF_NEW,
    ),
    Operation(
        "delete",
        "/sessions/<session_id>",
        "Remove everything of a session or an upload",
        {204: Answer("It is gone.")},
        _OF_SESSIONS,
    ),
    Operation(
        "get",
        "/sessions/<session_id>/transcript",
        "What is final so far, to download",
        _TEXT,
        _OF_SESSIONS,
        TranscriptQuery,
    ),
    Operation(
        "get",
        "/watch/<watch_id>",
        "The same as a session's state, for who may only read",
        _STATE,
        _OF_SESSIONS,
        StateQuery,
        _IF_NEW,
    ),
    Operation(
        "get",
        "/watch/<watch_id>/transcript",
        "The same as a session's transcript, for who may only read",
        _TEXT,
        _OF_SESSIONS,
        TranscriptQuery,
    ),
    Operation(
        "get",
        "/health",
        "How the service is",
        {200: Answer("It can be used.", (Health,)), 503: Answer("It can't.", (Health,))},
        tag=_SERVICE,
        is_open=True,
    ),
    Operation(
        "get",
        "/health/live",
        "Whether the process is up",
        {200: Answer("It is.", (Alive,))},
        tag=_SERVICE,
        is_open=True,
    ),
    Operation(
        "get",
        "/config.json",
        "What there is to choose from",
        {200: Answer("Servers, languages, limits.", (Config,))},
        tag=_SERVICE,
    ),
    Operation(
        "get",
        "/metrics",
        "Figures for Prometheus",
        {200: Answer("As text.", texts=("text/plain",))},
        tag=_SERVICE,
    ),
    Operation(
        "get",
        "/openapi.json",
        "This description",
        {200: Answer("OpenAPI 3.1.", texts=("application/json",))},
        tag=_SERVICE,
    ),
)
