"""What the JSON replies look like, for `openapi` and whoever checks replies against it.

`render` makes them; the tests hold one against the other.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from config.servers import ServerEntry
from transcriber.engine.times import LaneFigures, SpreadMs
from transcriber.live.intake import AudioSeconds
from transcriber.live.pass_log import PassDone
from transcriber.live.replies import TimingMs
from transcriber.live.snapshot import State
from transcriber.live.transcript import Settled


class Reply(BaseModel):
    """Has the fields that are named, and no others."""

    model_config = ConfigDict(extra="forbid")


class Word(Reply):
    """A word with its times in seconds, and its probability."""

    word: str
    start: float = Field(ge=0)
    end: float = Field(ge=0)
    probability: float = Field(ge=0, le=1)


class Segment(Reply):
    """A final piece of the transcript; times are seconds from the start of the recording."""

    id: int = Field(ge=0)
    start: float = Field(ge=0)
    end: float = Field(ge=0)
    text: str = Field(description="With the space that joins it to the text before.")
    confidence: float = Field(ge=0, le=1)
    words: list[Word] | None = Field(default=None, description="Where words were asked for.")
    gap: Literal[True] | None = Field(default=None, description="Where audio was lost.")


class Live(Reply):
    """What the reply to a chunk and the state of a session have in common."""

    instance_id: str
    revision: int = Field(ge=0, description="Another one with every visible change.")
    next_sequence: int = Field(ge=0)
    missing: list[int]
    text: str = Field(description="That of the segments; append all of them.")
    partial: str = Field(description="What comes after it and may still change.")
    stable_chars: int = Field(ge=0, description="So many of its first characters are steady.")
    segments: list[Segment]
    audio_seconds: AudioSeconds
    settled: Settled
    language: str | None
    model: str | None
    final: bool


class ChunkReply(Live):
    """The reply to a chunk of a live session."""

    session_id: str
    watch_id: str | None = Field(default=None, description="In the reply to sequence 0.")
    sequence: int = Field(ge=0)
    timing_ms: TimingMs
    passes: list[PassDone]
    suggested_chunk_ms: int


class SessionState(Live):
    """A session or an upload, as it is."""

    session_id: str | None = Field(default=None, description="Not for who only watches.")
    watch_id: str
    state: State
    duration: float | None = Field(description="Seconds of an upload, if known.")
    error: dict[str, Any] | None = Field(default=None, description="Why an upload failed.")


class RecordingTiming(Reply):
    """Milliseconds that a recording took."""

    queue: int
    model: int
    total: int


class RecordingReply(Reply):
    """The transcript of a whole recording."""

    text: str
    language: str | None
    duration: float
    segments: list[Segment]
    audio_seconds: AudioSeconds
    timing_ms: RecordingTiming
    model: str
    final: Literal[True]


class VerboseSegment(Reply):
    """A segment as OpenAI's verbose_json has it."""

    id: int
    seek: int
    start: float
    end: float
    text: str
    tokens: list[int]
    temperature: float
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float


class VerboseRecording(Reply):
    """The transcript of a whole recording as OpenAI's verbose_json has it."""

    task: Literal["transcribe", "translate"]
    language: str | None
    duration: float
    text: str
    segments: list[VerboseSegment]
    words: list[Word]
    model: str


class Workers(Reply):
    """The pool of workers."""

    size: int
    busy: int


class Queue(Reply):
    """What waits for them, and how much may."""

    depth: int
    limit: int


class Sessions(Reply):
    """Sessions and uploads under way, and how many may be."""

    active: int
    limit: int


class Archive(Reply):
    """Ended sessions that are not archived yet, and why the last attempt failed if it did."""

    waiting: int
    problem: str | None


class Health(Reply):
    """How the service is."""

    status: Literal["ok", "degraded", "starting", "stuck", "draining", "model_failed"]
    detail: str
    instance_id: str
    version: str
    model: str | None
    partial_model: str | None
    device: str | None
    compute_type: str | None
    accepting: bool
    workers: Workers
    queue: Queue
    sessions: Sessions
    oldest_job_s: float
    latency_ms: SpreadMs
    lanes: dict[Literal["partial", "final", "file"], LaneFigures]
    partial_interval_s: float
    suggested_chunk_ms: int
    archive: Archive | None


class Alive(Reply):
    """The process is up."""

    status: Literal["live"]


class Limits(Reply):
    """What uploads may have."""

    max_upload_mb: int
    max_audio_s: float


class Config(Reply):
    """What the page needs before it begins."""

    version: str
    instance_id: str
    model: str | None
    servers: list[ServerEntry]
    languages: list[str]
    limits: Limits


class ProblemReply(BaseModel):
    """An error (RFC 9457); some codes bring figures of their own."""

    type: str
    title: str
    status: int
    detail: str = Field(description="What would do.")
    code: str
    request_id: str
    retryable: bool = Field(description="The same request may succeed later.")
    field: str | None = Field(default=None, description="The one at fault.")
