"""OpenAI's audio API: `/v1/audio/transcriptions`, `/v1/audio/translations` and `/v1/models`.

Written after https://platform.openai.com/docs/api-reference/audio, and what its Python and
JavaScript packages send and read. A reply that streams tells what is final: nothing of it is taken
back.
"""

from __future__ import annotations

import contextlib
import functools
import json
import math
import time
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from flask import Blueprint, Response, jsonify, request
from pydantic import BaseModel, Field

from transcriber.api.body import EVENT_STREAM, sent_in_time
from transcriber.api.errors import Problem, bad_field, problem_json
from transcriber.api.fields import Flag, Number, Prompt, Text, code_of, read
from transcriber.api.recordings import begin, received, transcribed
from transcriber.api.render import text_response, verbose_recording_json
from transcriber.api.service import service
from transcriber.compat.errors import translate
from transcriber.compat.languages import NamedLanguage, name_of
from transcriber.engine.window import DecodingOptions, Task
from transcriber.formats import SUBTITLES
from transcriber.live.errors import SessionError
from transcriber.live.recording import Recording
from transcriber.live.store import SessionStore
from transcriber.live.transcript import Segment
from transcriber.live.upload import Upload

blueprint = Blueprint("openai", __name__, url_prefix="/v1")

# What its clients ask for if they mean whichever model there is.
ALIASES = ("whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe")
GRANULARITIES, GRANULARITY = "timestamp_granularities[]", ("word", "segment")
INCLUDES, INCLUDE = "include[]", ("logprobs",)
# A proxy takes a connection on which nothing is sent for broken.
_KEEP_ALIVE_S = 10.0
_CODES = {
    "unauthorized": "invalid_api_key",
    "over-quota": "rate_limit_exceeded",
    "unknown-model": "model_not_found",
}
_started_s = int(time.time())


class TranslationFields(BaseModel):
    """The fields of `/v1/audio/translations`."""

    model: Text = Field(ALIASES[0], description="The one that is loaded; or an alias of it.")
    prompt: Prompt = Field("", description="Text that sets spelling and style.")
    response_format: Literal["json", "text", "srt", "verbose_json", "vtt"] = "json"
    temperature: Annotated[Number, Field(ge=0, le=1)] = Field(
        0.0, description="0 also climbs to higher ones where a pass fails."
    )

    def options(self, task: Task, language: str | None, words: bool) -> DecodingOptions:
        """Return what the engine is asked for."""
        return DecodingOptions(
            language=language,
            task=task,
            prompt=self.prompt,
            temperature=self.temperature or None,
            word_timestamps=words,
        )


class TranscriptionFields(TranslationFields):
    """The fields of `/v1/audio/transcriptions`."""

    language: NamedLanguage = Field("auto", description="A code such as en, ar or ru.")
    stream: Flag = Field(False, description="Tell the words as they come, as server-sent events.")


@blueprint.post("/audio/transcriptions")
def transcriptions() -> Response:
    """Give a recording's words."""
    with received() as (values, audio):
        fields = read(TranscriptionFields, values)
        granularities = _listed(GRANULARITIES, GRANULARITY)
        logprobs = "logprobs" in _listed(INCLUDES, INCLUDE)
        words = logprobs or "word" in granularities or fields.response_format in SUBTITLES
        options = fields.options("transcribe", code_of(fields.language), words)
        _check_model(fields.model)
        if fields.stream:
            return _streamed(begin(audio, options), logprobs)
        recording = transcribed(audio, options)
    if fields.response_format == "json":
        return jsonify(_json(recording, logprobs))
    return _rendered(recording, fields.response_format, granularities or ["segment"])


@blueprint.post("/audio/translations")
def translations() -> Response:
    """Give a recording's words in English."""
    with received() as (values, audio):
        fields = read(TranslationFields, values)
        _check_model(fields.model)
        words = fields.response_format in SUBTITLES
        recording = transcribed(audio, fields.options("translate", None, words))
    if fields.response_format == "json":
        return jsonify(text=recording.transcript.text())
    return _rendered(recording, fields.response_format, ["segment"])


@blueprint.get("/models")
def models() -> Response:
    """Tell which models there are."""
    return jsonify(object="list", data=[_model_json(name) for name in _names()])


@blueprint.get("/models/<path:name>")
def model(name: str) -> Response:
    """Tell of one of them."""
    _check_model(name)
    return jsonify(_model_json(name))


def _names() -> list[str]:
    """Return the loaded model's name, the one that is set, and what means either."""
    names = [service().engine.state.model, service().settings.model, *ALIASES]
    return list(dict.fromkeys(name for name in names if name))


def _check_model(name: str) -> None:
    if name not in _names():
        detail = f"The model {name} does not exist. There is: {', '.join(_names())}."
        raise Problem("unknown-model", detail, at_field="model")


def _model_json(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": _started_s, "owned_by": "local"}


def _listed(name: str, choices: Sequence[str]) -> list[str]:
    """Return the values of a field that may come several times, with or without its brackets."""
    given = [
        value
        for key in (name, name.removesuffix("[]"))
        for values in (request.form, request.args)
        for value in values.getlist(key)
        if value
    ]
    for value in given:
        if value not in choices:
            raise bad_field(name, f"{name} is one of {', '.join(choices)}.")
    return given


def _json(recording: Recording, logprobs: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"text": recording.transcript.text()}
    if logprobs:
        told["logprobs"] = _logprobs(recording.transcript.segments)
    return told | {"usage": _usage(recording.seconds.received)}


def _usage(seconds: float) -> dict[str, Any]:
    return {"type": "duration", "seconds": math.ceil(seconds)}


def _logprobs(segments: Sequence[Segment]) -> list[dict[str, Any]]:
    """Return each word's, as the model gives none of tokens; joined they are the text."""
    words = [word for segment in segments for word in segment.words]
    texts = [word.word for word in words]
    if segments and segments[0].id == 0 and texts:
        texts[0] = texts[0].lstrip()
    return [
        {
            "token": text,
            "logprob": math.log(max(word.probability, 1e-9)),
            "bytes": list(text.encode()),
        }
        for text, word in zip(texts, words, strict=True)
    ]


def _rendered(recording: Recording, response_format: str, granularities: list[str]) -> Response:
    if response_format != "verbose_json":
        return text_response(recording.transcript.segments, response_format)
    told = verbose_recording_json(recording, service().engine.model().name)
    translated = recording.task == "translate"
    told["language"] = "english" if translated else name_of(recording.language)
    words = told.pop("words")
    if "word" in granularities:
        told["words"] = [{key: word[key] for key in ("word", "start", "end")} for word in words]
        if "segment" not in granularities:
            del told["segments"]
    return jsonify(told | {"usage": _usage(recording.seconds.received)})


# -- streaming -----------------------------------------------------------------------------------


def _streamed(upload: Upload, logprobs: bool) -> Response:
    """Tell what is final as it comes; a client that leaves ends the work on its recording."""
    response = Response(sent_in_time(_events(upload, logprobs)), mimetype=EVENT_STREAM)
    response.headers["X-Accel-Buffering"] = "no"
    # However it ends, and also if it never begins.
    response.call_on_close(functools.partial(_forget, upload, service().store))
    return response


def _forget(upload: Upload, store: SessionStore) -> None:
    with contextlib.suppress(SessionError):  # it was long over, and is gone
        store.delete(upload.id)


def _events(upload: Upload, logprobs: bool) -> Iterator[bytes]:
    text, told = "", 0
    while True:
        upload.wait_change(None, told - 1, _KEEP_ALIVE_S)
        snapshot = upload.snapshot(told - 1)
        told += len(snapshot.segments)
        for segment in snapshot.segments:
            delta = segment.text if text else segment.text.lstrip()
            text += delta
            event = {"type": "transcript.text.delta", "delta": delta}
            yield _event(event | ({"logprobs": _logprobs([segment])} if logprobs else {}))
        if snapshot.state != "active":
            break
        if not snapshot.segments:
            yield b": there is more to come\n\n"
    if snapshot.error is not None:
        yield _event(_error_json(problem_json(snapshot.error)))
        return
    done: dict[str, Any] = {"type": "transcript.text.done", "text": text}
    if logprobs:
        done["logprobs"] = _logprobs(upload.transcript.segments)
    yield _event(done | {"usage": _usage(snapshot.audio.received)})


def _event(data: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


# -- errors --------------------------------------------------------------------------------------


def _error_json(problem: dict[str, Any]) -> dict[str, Any]:
    """Return an error in OpenAI's shape."""
    code, field = problem["code"], problem.get("field")
    kind = "server_error" if problem["status"] >= 500 else "invalid_request_error"
    return {
        "error": {
            "message": problem["detail"],
            "type": "rate_limit_error" if problem["status"] == 429 else kind,
            "param": "file" if field == "audio" else field,
            "code": _CODES.get(code, code.replace("-", "_")),
        }
    }


translate(blueprint, ("/v1/",), _error_json)
