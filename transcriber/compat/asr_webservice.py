"""The API of whisper-asr-webservice: `POST /asr` and `POST /detect-language`.

Written after https://github.com/ahmetoner/whisper-asr-webservice. Its fields stand in the query,
and the recording in `audio_file`. `encode` makes no difference: any container that is accepted here
is decoded.
"""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import Any, Literal
from urllib.parse import quote

from flask import Blueprint, Response, jsonify, request
from pydantic import BaseModel, Field

from transcriber.api.fields import Flag, Prompt, code_of, read
from transcriber.api.parts import AUDIO_FIELDS
from transcriber.api.recordings import received, transcribed
from transcriber.api.render import text_response
from transcriber.compat.errors import translate
from transcriber.compat.languages import NamedLanguage, name_of
from transcriber.engine.window import DecodingOptions, Task
from transcriber.formats import SUBTITLES, verbose_segment_json, word_json
from transcriber.live.recording import Recording

blueprint = Blueprint("asr_webservice", __name__)

_ENGINE = "faster_whisper"
# More is not listened to for a language.
DETECTED_IN_S = 30.0


class AsrFields(BaseModel):
    """The query of `/asr`."""

    encode: Flag = Field(True, description="Makes no difference.")
    task: Task = "transcribe"
    language: NamedLanguage = Field("auto", description="A code such as en, ar or ru.")
    initial_prompt: Prompt = Field("", description="Text that sets spelling and style.")
    vad_filter: Flag = Field(
        True, description="False gives the model also stretches without speech."
    )
    word_timestamps: Flag = False
    output: Literal["txt", "vtt", "srt", "tsv", "json"] = "txt"

    def options(self) -> DecodingOptions:
        """Return what the engine is asked for."""
        return DecodingOptions(
            language=code_of(self.language),
            task=self.task,
            prompt=self.initial_prompt,
            word_timestamps=self.word_timestamps or self.output in SUBTITLES,
            vad_filter=self.vad_filter,
        )


class DetectFields(BaseModel):
    """The query of `/detect-language`."""

    encode: Flag = Field(True, description="Makes no difference.")


@blueprint.post("/asr")
def asr() -> Response:
    """Give a recording's words as a file to be saved."""
    with received() as (values, audio):
        fields = read(AsrFields, values)
        name = _file_name()
        recording = transcribed(audio, fields.options())
    if fields.output == "json":
        text = json.dumps(_json(recording), ensure_ascii=False)
        response = Response(text, mimetype="application/json")
    else:
        kind = "text" if fields.output == "txt" else fields.output
        response = text_response(recording.transcript.segments, kind, fields.word_timestamps)
    response.headers["Asr-Engine"] = _ENGINE
    saved_as = quote(f"{name}.{fields.output}")
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{saved_as}"
    return response


@blueprint.post("/detect-language")
def detect_language() -> Response:
    """Tell which language is spoken."""
    with received() as (values, audio):
        read(DetectFields, values)
        recording = transcribed(audio, DecodingOptions(), DETECTED_IN_S)
    code = recording.language
    return jsonify(
        detected_language=name_of(code),
        language_code=code,
        confidence=round(recording.language_probability, 4),
    )


def _file_name() -> str:
    """Return what the client's file is called, less its suffix: for its own reply, nothing else."""
    names = (request.files[field].filename for field in AUDIO_FIELDS if field in request.files)
    return PurePath(next(names, None) or "audio").stem


def _json(recording: Recording) -> dict[str, Any]:
    segments = recording.transcript.segments
    return {
        "text": recording.transcript.text(),
        "segments": [
            verbose_segment_json(segment)
            | {"words": [word_json(word) for word in segment.words] or None}
            for segment in segments
        ],
        "language": recording.language,
    }


def _error_json(problem: dict[str, Any]) -> dict[str, Any]:
    return {"detail": problem["detail"]}


translate(blueprint, ("/asr", "/detect-language"), _error_json)
