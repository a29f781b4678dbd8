"""Whole recordings: transcribed while the request waits, or in the background."""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager

from flask import Response, jsonify, request, url_for

from config import logs
from transcriber.api.access import askers, sending_audio
from transcriber.api.admission import admit
from transcriber.api.body import reading_body
from transcriber.api.errors import Problem
from transcriber.api.fields import TranscribeFields
from transcriber.api.parts import AudioPart, read_request
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
from transcriber.audio.resample import SAMPLE_RATE_HZ, Samples
from transcriber.engine.window import DecodingOptions
from transcriber.formats import TEXT_FORMATS
from transcriber.live.intake import AudioSeconds
from transcriber.live.recording import Recording
from transcriber.live.tally import Outcome
from transcriber.live.upload import Upload

_MIB = 1 << 20


@contextmanager
def received() -> Iterator[tuple[dict[str, str], list[AudioPart]]]:
    """Read a request; give its fields and its audio, and count as work what is done within.

    Raises:
        Problem: it can't be read.
        OverQuota: whoever sent it may have no more audio transcribed today.
    """
    request.max_content_length = service().settings.max_upload_mb * _MIB
    with reading_body():
        values, audio = read_request(request)
    with service().working(), sending_audio(sum(part.size for part in audio)):
        yield values, audio


def transcribe_recording(fields: TranscribeFields, audio: list[AudioPart]) -> Response:
    """Answer with the transcript, or with where it will be, as the client prefers."""
    options = fields.decoding()
    started_s, wait_s = time.monotonic(), preferred_wait_s()
    if wait_s is None:
        return _rendered(transcribed(audio, options), fields, started_s)
    upload = begin(audio, options)
    return _in_background(upload, fields, started_s, wait_s)


def transcribed(
    audio: Sequence[AudioPart], options: DecodingOptions, most_s: float = math.inf
) -> Recording:
    """Transcribe a recording, or its first `most_s` seconds, while its request waits.

    Raises:
        Problem, EngineNotReady, QueueFull: it can't be taken now, or is none.
        AudioError: it can't be decoded.
    """
    parts = _admitted(audio, options)
    owners = service().store.owners
    with (
        owners.recording(secrets.token_hex(8), askers()) as charge,
        service().recording_turn(),
    ):
        return _counted(parts, options, charge, most_s)


def _counted(
    parts: list[Part],
    options: DecodingOptions,
    charge: Callable[[float], None],
    most_s: float,
) -> Recording:
    outcome: Outcome = "failed"
    recording: Recording | None = None
    try:
        opened = service().open_recording(parts, service().settings.max_audio_s)
        with closing(opened):
            blocks = _first(opened.blocks, most_s)
            recording = Recording(blocks, options, service().engine.submit)
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


def _first(blocks: Iterator[Samples], seconds: float) -> Iterator[Samples]:
    left = seconds * SAMPLE_RATE_HZ
    for block in blocks:
        yield block if len(block) <= left else block[: int(left)]
        left -= len(block)
        if left <= 0:
            return


def begin(audio: Sequence[AudioPart], options: DecodingOptions) -> Upload:
    """Take a whole recording, and transcribe it in the background.

    Raises:
        Problem, EngineNotReady, QueueFull, TooManySessions, StorageError: it can't be taken now.
        AudioError: it can't be decoded.
    """
    upload = service().upload(_admitted(audio, options), options, askers())
    logs.note_session(upload.log_name)
    return upload


def _admitted(audio: Sequence[AudioPart], options: DecodingOptions) -> list[Part]:
    if not any(part.size for part in audio):
        raise Problem(
            "missing-audio",
            "Send the recording as a file part called audio, file or audio_file that is not empty"
            " (curl -F audio=@talk.webm …), or as the raw body.",
            at_field="audio",
        )
    admit(options)
    return [Part(part.stream, part.pcm) for part in audio]


def _in_background(
    upload: Upload, fields: TranscribeFields, started_s: float, wait_s: float
) -> Response:
    """Answer in time, whether or not the transcript is done by then."""
    with service().waiting(wait_s) as allowed_s:
        done = upload.wait_done(allowed_s) if wait_s else False
    response = _finished(upload, fields, started_s) if done else _accepted(upload)
    response.headers["Preference-Applied"] = applied()
    return response


def _finished(upload: Upload, fields: TranscribeFields, started_s: float) -> Response:
    """Answer as if the client had not asked: there is nothing to come back for."""
    error = upload.error
    service().store.delete(upload.id)
    if error is not None:
        raise error
    return _rendered(upload.recording, fields, started_s)


def _accepted(upload: Upload) -> Response:
    response = jsonify(snapshot_json(upload, upload.snapshot(), own=True))
    response.status_code = 202
    response.headers["Location"] = url_for("sessions.session", session_id=upload.id)
    return response


def _rendered(recording: Recording, fields: TranscribeFields, started_s: float) -> Response:
    model = service().engine.model().name
    if fields.response_format in TEXT_FORMATS:
        segments, by_word = recording.transcript.segments, bool(fields.word_timestamps)
        return text_response(segments, fields.response_format, by_word)
    if fields.response_format == "verbose_json":
        return jsonify(verbose_recording_json(recording, model))
    total_ms = round(1000 * (time.monotonic() - started_s))
    return jsonify(recording_json(recording, model, total_ms))
