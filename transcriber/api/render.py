"""Replies as JSON or text."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from flask import Response

from transcriber.api.errors import problem_json
from transcriber.api.service import service
from transcriber.formats import (
    TEXT_FORMATS,
    segment_json,
    to_karaoke,
    verbose_segment_json,
    word_json,
)
from transcriber.live.ledger import StoredSession
from transcriber.live.readable import Readable
from transcriber.live.recording import Recording
from transcriber.live.replies import ChunkReply
from transcriber.live.session import Session
from transcriber.live.snapshot import Snapshot
from transcriber.live.transcript import Partial, Segment
from transcriber.service import Service


def text_response(
    segments: Sequence[Segment], response_format: str, by_word: bool = False
) -> Response:
    """Return the segments in one of the text formats; `by_word`: WebVTT tells each word's time."""
    render, media_type = TEXT_FORMATS[response_format]
    if by_word and response_format == "vtt":
        render = to_karaoke
    return Response(render(segments), content_type=f"{media_type}; charset=utf-8")


def chunk_json(session: Session, reply: ChunkReply, segments: Sequence[Segment]) -> dict[str, Any]:
    """Return the reply to a chunk of a live session."""
    words = session.options.word_timestamps
    return {
        "session_id": session.id,
        **({"watch_id": session.watch_id} if reply.sequence == 0 else {}),
        "sequence": reply.sequence,
        "instance_id": service().instance_id,
        "revision": reply.revision,
        "next_sequence": reply.next_sequence,
        "missing": list(reply.missing),
        "text": _joined(segments, reply.first_segment),
        **_partial_json(Partial(reply.partial, reply.stable_chars), reply.end_segment),
        "segments": [segment_json(segment, words) for segment in segments],
        "audio_seconds": dataclasses.asdict(reply.audio),
        "settled": dataclasses.asdict(reply.settled),
        "timing_ms": dataclasses.asdict(reply.timing),
        "passes": [dataclasses.asdict(one) for one in reply.passes],
        "suggested_chunk_ms": reply.suggested_chunk_ms,
        "language": reply.language,
        "model": service().engine.state.model,
        "final": reply.final,
    }


def snapshot_json(session: Readable, snapshot: Snapshot, own: bool) -> dict[str, Any]:
    """Return a session's state; `own` readers hold its key, others only watch."""
    return state_json(service(), session, snapshot, own)


def state_json(
    service: Service, session: Readable | StoredSession, snapshot: Snapshot, own: bool
) -> dict[str, Any]:
    """The same without a request: also of a session that is only written down."""
    first = snapshot.segments[0].id if snapshot.segments else snapshot.segment_count
    words = session.options.word_timestamps
    return {
        **({"session_id": session.id} if own else {}),
        "watch_id": session.watch_id,
        "instance_id": service.instance_id,
        "state": snapshot.state,
        "revision": snapshot.revision,
        "next_sequence": snapshot.next_sequence,
        "missing": list(snapshot.missing),
        "text": _joined(snapshot.segments, first),
        **_partial_json(snapshot.partial, snapshot.segment_count),
        "segments": [segment_json(segment, words) for segment in snapshot.segments],
        "audio_seconds": dataclasses.asdict(snapshot.audio),
        "settled": dataclasses.asdict(snapshot.settled),
        "duration": snapshot.duration_s,
        "language": snapshot.language,
        "model": service.engine.state.model,
        "final": snapshot.state != "active",
        **({"error": problem_json(snapshot.error)} if snapshot.error else {}),
    }


def recording_json(recording: Recording, model: str, total_ms: int) -> dict[str, Any]:
    """Return the transcript of a whole recording."""
    segments = recording.transcript.segments
    return {
        "text": recording.transcript.text(),
        "language": recording.language,
        "duration": recording.seconds.received,
        "segments": [segment_json(segment, bool(segment.words)) for segment in segments],
        "audio_seconds": dataclasses.asdict(recording.seconds),
        "timing_ms": {
            "queue": round(1000 * recording.timing_s[0]),
            "model": round(1000 * recording.timing_s[1]),
            "total": total_ms,
        },
        "model": model,
        "final": True,
    }


def verbose_recording_json(recording: Recording, model: str) -> dict[str, Any]:
    """Return the transcript of a whole recording as OpenAI's verbose_json has it."""
    segments = recording.transcript.segments
    return {
        "task": recording.task,
        "language": recording.language,
        "duration": recording.seconds.received,
        "text": recording.transcript.text(),
        "segments": [verbose_segment_json(segment) for segment in segments],
        "words": [word_json(word) for segment in segments for word in segment.words],
        "model": model,
    }


def _joined(segments: Sequence[Segment], first: int) -> str:
    text = "".join(segment.text for segment in segments)
    return text.lstrip() if first == 0 else text


def _partial_json(partial: Partial, final_segments: int) -> dict[str, Any]:
    """Return the partial text; where nothing is final yet, without its leading space."""
    text, stable = partial.text, partial.stable_chars
    if final_segments == 0:
        text = text.lstrip()
        stable = max(0, stable - (len(partial.text) - len(text)))
    return {"partial": text, "stable_chars": stable}
