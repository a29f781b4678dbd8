"""Whole recordings: transcribed while the request waits, or in the background."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextlib import closing

from flask import Response, jsonify, url_for

from config import logs
from transcriber.api.access import askers
from transcriber.api.admission import admit
from transcriber.api.errors import Problem
from transcriber.api.fields import TranscribeFields
from transcriber.api.parts import AudioPart
from transcriber.api.prefer import applied, preferred_wait_s
from transcriber.api.render import (
    recording_json,
    snapshot_json,
    text_response,
    verbose_recording_json,
)
from transcriber.api.service import service
from transcriber.audio.decode import Part
from transcriber.audio.errors import AudioError
from transcriber.engine.window import DecodingOptions
from transcriber.formats import TEXT_FORMATS
from transcriber.live.intake import AudioSeconds
from transcriber.live.recording import Recording
from transcriber.live.tally import Outcome
from transcriber.live.upload import Upload


def transcribe_recording(fields: TranscribeFields, audio: list[AudioPart]) -> Response:
    """Answer with the transcript, or with where it will be, as the client prefers."""
    response_format = fields.response_format
    options = fields.decoding(words_by_default=False)
    if not any(part.size for part in audio):
        raise Problem(
            "missing-audio",
            "Send the recording as a file part: curl -F audio=@talk.webm …, or as the raw body.",
            at_field="audio",
        )
    admit(options)
    parts = [Part(part.stream, part.pcm) for part in audio]
    wait_s = preferred_wait_s()
    if wait_s is not None:
        return _in_background(parts, options, response_format, wait_s)
    started_s = time.monotonic()
    recording = _run(parts, options)
    return _rendered(recording, response_format, started_s)


def _run(parts: list[Part], options: DecodingOptions) -> Recording:
    owners = service().store.owners
    with (
        owners.recording(secrets.token_hex(8), askers()) as charge,
        service().recording_turn(),
    ):
        return _counted(parts, options, charge)


def _counted(
    parts: list[Part], options: DecodingOptions, charge: Callable[[float], None]
) -> Recording:
    outcome: Outcome = "failed"
    recording: Recording | None = None
    try:
        opened = service().open_recording(parts, service().settings.max_audio_s)
        with closing(opened):
            recording = Recording(opened.blocks, options, service().engine.submit)
            recording.run()
        outcome = "ended"
    except AudioError:
        outcome = "refused"
        raise
    finally:
        seconds = AudioSeconds() if recording is None else recording.seconds
        service().store.note_recording(seconds, outcome)
        charge(seconds.received)
    return recording


def _in_background(
    parts: list[Part], options: DecodingOptions, response_format: str, wait_s: float
) -> Response:
    """Answer in time, whether or not the transcript is done by then."""
    started_s = time.monotonic()
    upload = service().upload(parts, options, askers())
    logs.note_session(upload.log_name)
    with service().waiting(wait_s) as allowed_s:
        done = upload.wait_done(allowed_s) if wait_s else False
    response = _finished(upload, response_format, started_s) if done else _accepted(upload)
    response.headers["Preference-Applied"] = applied()
    return response


def _finished(upload: Upload, response_format: str, started_s: float) -> Response:
    """Answer as if the client had not asked: there is nothing to come back for."""
    error = upload.error
    service().store.delete(upload.id)
    if error is not None:
        raise error
    return _rendered(upload.recording, response_format, started_s)


def _accepted(upload: Upload) -> Response:
    response = jsonify(snapshot_json(upload, upload.snapshot(), own=True))
    response.status_code = 202
    response.headers["Location"] = url_for("sessions.session", session_id=upload.id)
    return response


def _rendered(recording: Recording, response_format: str, started_s: float) -> Response:
    model = service().engine.model().name
    if response_format in TEXT_FORMATS:
        return text_response(recording.transcript.segments, response_format)
    if response_format == "verbose_json":
        return jsonify(verbose_recording_json(recording, model))
    total_ms = round(1000 * (time.monotonic() - started_s))
    return jsonify(recording_json(recording, model, total_ms))
