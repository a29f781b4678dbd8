"""The API of whisper.cpp's server: `POST /inference`.

Written after examples/server in https://github.com/ggml-org/whisper.cpp. What it can be told of its
own way of decoding is taken and left alone; what it answers has the same names and media types.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from flask import Blueprint, Response, jsonify
from pydantic import BaseModel, Field

from transcriber.api.fields import Flag, Number, Prompt, code_of, read
from transcriber.api.recordings import received, transcribed
from transcriber.api.render import text_response
from transcriber.compat.errors import translate
from transcriber.compat.languages import NamedLanguage, name_of
from transcriber.engine.window import DecodingOptions
from transcriber.formats import SUBTITLES
from transcriber.live.recording import Recording
from transcriber.live.transcript import Segment

blueprint = Blueprint("whisper_cpp", __name__)


class InferenceFields(BaseModel):
    """The fields of `/inference` that mean something here."""

    language: NamedLanguage = Field("auto", description="A code such as en, ar or ru; `auto`.")
    detect_language: Flag = Field(False, description="Whatever `language` says, find it out.")
    translate: Flag = Field(False, description="Into English.")
    prompt: Prompt = Field("", description="Text that sets spelling and style.")
    temperature: Annotated[Number, Field(ge=0, le=1)] = 0.0
    temperature_inc: Annotated[Number, Field(ge=0, le=1)] = Field(
        0.2, description="0: stay at `temperature`, also where a pass fails."
    )
    response_format: Literal["json", "text", "srt", "verbose_json", "vtt"] = "json"

    def options(self) -> DecodingOptions:
        """Return what the engine is asked for."""
        climbs = self.temperature == 0 and self.temperature_inc > 0
        return DecodingOptions(
            language=None if self.detect_language else code_of(self.language),
            task="translate" if self.translate else "transcribe",
            prompt=self.prompt,
            temperature=None if climbs else self.temperature,
            word_timestamps=self.response_format in ("verbose_json", *SUBTITLES),
        )


@blueprint.post("/inference")
def inference() -> Response:
    """Give a recording's words."""
    with received() as (values, audio):
        fields = read(InferenceFields, values)
        recording = transcribed(audio, fields.options())
    segments = recording.transcript.segments
    if fields.response_format == "json":
        return jsonify(text=_lines(segments))
    if fields.response_format == "text":
        return Response(_lines(segments), content_type="text/html; charset=utf-8")
    if fields.response_format == "verbose_json":
        return jsonify(_verbose(recording))
    return text_response(segments, fields.response_format)


def _lines(segments: Sequence[Segment]) -> str:
    """Return one line a segment."""
    return "".join(f"{segment.text}\n" for segment in segments)


def _verbose(recording: Recording) -> dict[str, Any]:
    segments = recording.transcript.segments
    return {
        "task": recording.task,
        "language": name_of(recording.language),
        "duration": recording.seconds.received,
        "text": _lines(segments),
        "segments": [_segment(segment) for segment in segments],
        "detected_language": name_of(recording.language),
    }


def _segment(segment: Segment) -> dict[str, Any]:
    heard = segment.hypothesis
    return {
        "id": segment.id,
        "text": segment.text,
        "start": segment.start,
        "end": segment.end,
        "tokens": list(heard.tokens) if heard else [],
        "words": [
            {"word": one.word, "start": one.start, "end": one.end, "probability": one.probability}
            for one in segment.words
        ],
        "temperature": heard.temperature if heard else 0.0,
        "avg_logprob": heard.avg_logprob if heard else 0.0,
        "no_speech_prob": heard.no_speech_prob if heard else 0.0,
    }


def _error_json(problem: dict[str, Any]) -> dict[str, Any]:
    return {"error": problem["detail"]}


translate(blueprint, ("/inference",), _error_json)
