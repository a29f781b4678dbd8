"""POST /transcribe: a whole recording, or a chunk of a live session."""

from __future__ import annotations

import time

from flask import Blueprint, Response, jsonify

from config import logs
from transcriber.api.access import askers
from transcriber.api.admission import admit
from transcriber.api.errors import Problem
from transcriber.api.fields import TranscribeFields, read
from transcriber.api.parts import AudioPart
from transcriber.api.prefer import preferred_wait_s
from transcriber.api.recordings import received, transcribe_recording
from transcriber.api.render import chunk_json, text_response
from transcriber.api.service import service
from transcriber.audio.errors import NoDecoder, NotAudio
from transcriber.engine.window import DecodingOptions
from transcriber.formats import TEXT_FORMATS
from transcriber.live.chunk import Chunk
from transcriber.live.errors import StorageError, UnknownSession
from transcriber.live.intake import ChunkPart
from transcriber.live.readable import log_name
from transcriber.live.session import Session

blueprint = Blueprint("transcribe", __name__)

_MIB = 1 << 20


@blueprint.post("/transcribe")
def transcribe() -> Response:
    """Take audio and answer with text."""
    arrived_s = time.monotonic()
    with received() as (values, parts):
        fields = read(TranscribeFields, values)
        fields.check_belonging()
        if fields.session_id is None:
            return transcribe_recording(fields, parts)
        logs.note_session(log_name(fields.session_id))
        return _chunk(fields.session_id, fields.sequence or 0, fields, parts, arrived_s)


def _chunk(
    session_id: str,
    sequence: int,
    fields: TranscribeFields,
    parts: list[AudioPart],
    arrived_s: float,
) -> Response:
    final = bool(fields.final)
    skip = fields.skip(service().settings.max_chunk_s)
    options = fields.decoding()
    chunk = Chunk(sequence, _chunk_parts(parts), final, arrived_s, skip)
    if not final and not any(part.data for part in chunk.parts):
        raise Problem(
            "missing-audio",
            "A chunk needs audio; only the last one, with final=true, may be empty.",
            at_field="audio",
        )
    admit(options)
    session, is_new = _session(session_id, sequence, options)
    service().store.owners.join(session, askers())
    try:
        preferred_s = preferred_wait_s()
        longest_s = service().settings.reply_wait_s if preferred_s is None else preferred_s
        with service().waiting(longest_s) as wait_s:
            reply, replayed = session.post(chunk, wait_s)
    except (NotAudio, NoDecoder, StorageError):
        if is_new and not session.has_begun:  # nothing is stored of a session that never began
            service().store.delete(session_id, outcome="refused")
        raise
    service().store.owners.look(session)
    how = "repeated" if replayed else "complete" if reply.complete else "early"
    service().metrics.note_chunk(how)
    if reply.complete and not replayed:
        service().chunk_times.note(reply.timing.total / 1000)
    segments = session.transcript.segments[reply.first_segment : reply.end_segment]
    if fields.response_format in TEXT_FORMATS:
        response = text_response(segments, fields.response_format, bool(fields.word_timestamps))
    else:
        response = jsonify(chunk_json(session, reply, segments))
    response.status_code = 200 if reply.complete else 202
    if replayed:
        response.headers["Idempotent-Replay"] = "true"
    return response


def _chunk_parts(parts: list[AudioPart]) -> list[ChunkPart]:
    limit = service().settings.max_chunk_mb * _MIB
    read = [ChunkPart(part.stream.read(limit + 1), part.pcm) for part in parts]
    if sum(len(part.data) for part in read) > limit:
        raise Problem(
            "body-too-large",
            f"A chunk of a live session may have at most {limit // _MIB} MiB.",
            at_field="audio",
            limit_bytes=limit,
        )
    return read


def _session(session_id: str, sequence: int, options: DecodingOptions) -> tuple[Session, bool]:
    if sequence == 0:
        return service().store.open(session_id, options, askers())
    try:
        return service().store.live(session_id), False
    except UnknownSession:
        raise Problem(
            "unknown-session",
            "A session begins with sequence 0. Start a new one, and send again what is not final.",
            at_field="session_id",
        ) from None
