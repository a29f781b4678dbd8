"""What a server answers, as the client needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from transcriber.client.errors import RequestError


@dataclass(frozen=True)
class Word:
    """A word; times are seconds from the recording's start, `probability` is 0 to 1."""

    word: str
    start: float
    end: float
    probability: float


@dataclass(frozen=True)
class Segment:
    """A final piece of the transcript, which never changes.

    Attributes:
        id: 0, 1, 2 … in the whole recording, whatever servers it went through.
        start, end: seconds from the recording's start.
        text: with the space that joins it to the text before.
        confidence: 0 to 1.
        words: with their times.
        gap: True where audio was lost; the text is then `[…]`.
    """

    id: int
    start: float
    end: float
    text: str
    confidence: float = 0.0
    words: tuple[Word, ...] = ()
    gap: bool = False


@dataclass(frozen=True)
class Partial:
    """Text behind the final one that may still change, but hardly its first `stable_chars`."""

    text: str = ""
    stable_chars: int = 0


@dataclass(frozen=True)
class Reply:
    """What `POST /transcribe` tells of a session, and `GET /sessions/{id}`.

    Attributes:
        settled_s, settled_segments: the audio before, on the session's clock, is final as so many
            segments, or silence.
        pending_s: seconds of audio that are neither final nor silence.
        suggested_chunk_s: how much audio a chunk should hold at least; 0 if it does not say.
        watch_id: reads the session; None if this reply does not tell it.
        error: what ended an upload that failed.
    """

    revision: int
    next_sequence: int
    partial: str
    stable_chars: int
    segments: tuple[Segment, ...]
    settled_s: float
    settled_segments: int
    pending_s: float
    suggested_chunk_s: float
    language: str | None
    watch_id: str | None
    final: bool
    duration_s: float | None = None
    state: str = "active"
    error: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Reply:
        """Read the JSON of a reply.

        Raises:
            RequestError: it is none of this service's.
        """
        try:
            return cls._read(body)
        except (AttributeError, KeyError, TypeError):
            raise RequestError("not-json", "the answer is JSON, but not this service's") from None

    @classmethod
    def _read(cls, body: Mapping[str, Any]) -> Reply:
        return cls(
            revision=body["revision"],
            next_sequence=body["next_sequence"],
            partial=body["partial"],
            stable_chars=body["stable_chars"],
            segments=tuple(_segment(one) for one in body["segments"]),
            settled_s=body["settled"]["seconds"],
            settled_segments=body["settled"]["segments"],
            pending_s=body["audio_seconds"]["pending"],
            suggested_chunk_s=body.get("suggested_chunk_ms", 0) / 1000,
            language=body["language"],
            watch_id=body.get("watch_id"),
            final=body["final"],
            duration_s=body.get("duration"),
            state=body.get("state", "active"),
            error=body.get("error"),
        )


def _segment(body: Mapping[str, Any]) -> Segment:
    return Segment(
        id=body["id"],
        start=body["start"],
        end=body["end"],
        text=body["text"],
        confidence=body["confidence"],
        words=tuple(
            Word(one["word"], one["start"], one["end"], one["probability"])
            for one in body.get("words", ())
        ),
        gap=body.get("gap", False),
    )
