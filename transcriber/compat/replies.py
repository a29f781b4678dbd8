"""What the replies of the other services' APIs look like, for the OpenAPI description."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from transcriber.api.replies import Reply, VerboseSegment, Word


class Usage(Reply):
    """The length of the audio, in whole seconds."""

    type: Literal["duration"]
    seconds: int


class Logprob(Reply):
    """A word's log probability; `bytes` are its UTF-8."""

    token: str
    logprob: float
    bytes: list[int]


class OpenAiText(Reply):
    """The reply to `response_format=json`."""

    text: str
    logprobs: list[Logprob] | None = None
    usage: Usage | None = None


class OpenAiWord(Reply):
    """A word with its times in seconds."""

    word: str
    start: float
    end: float


class OpenAiVerbose(Reply):
    """The reply to `response_format=verbose_json`."""

    task: Literal["transcribe", "translate"]
    language: str
    duration: float
    text: str
    segments: list[VerboseSegment] | None = None
    words: list[OpenAiWord] | None = None
    model: str
    usage: Usage


class OpenAiModel(Reply):
    """A model; `created` is when the service started, in seconds since 1970."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class OpenAiModels(Reply):
    """All models."""

    object: Literal["list"]
    data: list[OpenAiModel]


class OpenAiFault(Reply):
    """What is wrong, as OpenAI tells it."""

    message: str
    type: str
    param: str | None
    code: str | None


class OpenAiError(Reply):
    """An error of `/v1/…`."""

    error: OpenAiFault


class CppWord(Reply):
    """A word of whisper.cpp's."""

    word: str
    start: float
    end: float
    probability: float


class CppSegment(Reply):
    """A segment of whisper.cpp's."""

    id: int
    text: str
    start: float
    end: float
    tokens: list[int]
    words: list[CppWord]
    temperature: float
    avg_logprob: float
    no_speech_prob: float


class CppText(Reply):
    """One line a segment."""

    text: str


class CppVerbose(Reply):
    """The reply of `/inference` to `response_format=verbose_json`."""

    task: Literal["transcribe", "translate"]
    language: str
    duration: float
    text: str
    segments: list[CppSegment]
    detected_language: str


class CppError(Reply):
    """An error of `/inference`."""

    error: str


class AsrSegment(VerboseSegment):
    """A segment of `/asr`."""

    words: list[Word] | None


class AsrTranscript(Reply):
    """The reply of `/asr` to `output=json`."""

    text: str
    segments: list[AsrSegment]
    language: str | None


class AsrLanguage(Reply):
    """The reply of `/detect-language`."""

    detected_language: str
    language_code: str | None
    confidence: float


class AsrError(BaseModel):
    """An error of `/asr` and `/detect-language`."""

    detail: Any
