"""Which APIs of other services there are, and what requests each of them takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint

from config.settings import SettingError
from transcriber.api.operations import CODES_OF_RECORDINGS, Answer, Operation
from transcriber.compat import asr_webservice, openai, whisper_cpp
from transcriber.compat.replies import (
    AsrError,
    AsrLanguage,
    AsrTranscript,
    CppError,
    CppText,
    CppVerbose,
    OpenAiError,
    OpenAiModel,
    OpenAiModels,
    OpenAiText,
    OpenAiVerbose,
)

_SUBTITLES = ("application/x-subrip", "text/vtt")


@dataclass(frozen=True)
class Api:
    """Its routes, and their description."""

    blueprint: Blueprint
    operations: Sequence[Operation]


APIS = {
    "openai": Api(
        openai.blueprint,
        (
            Operation(
                "post",
                "/v1/audio/transcriptions",
                "Transcribe a recording, as OpenAI's API does",
                {
                    200: Answer(
                        "Its words.",
                        (OpenAiText, OpenAiVerbose),
                        ("text/plain", "text/event-stream", *_SUBTITLES),
                    )
                },
                (*CODES_OF_RECORDINGS, "unknown-model"),
                form=openai.TranscriptionFields,
                lists={
                    openai.GRANULARITIES: openai.GRANULARITY,
                    openai.INCLUDES: openai.INCLUDE,
                },
                error=OpenAiError,
                tag="As OpenAI's audio API",
            ),
            Operation(
                "post",
                "/v1/audio/translations",
                "Translate a recording into English, as OpenAI's API does",
                {
                    200: Answer(
                        "Its words.", (OpenAiText, OpenAiVerbose), ("text/plain", *_SUBTITLES)
                    )
                },
                (*CODES_OF_RECORDINGS, "unknown-model"),
                form=openai.TranslationFields,
                error=OpenAiError,
                tag="As OpenAI's audio API",
            ),
            Operation(
                "get",
                "/v1/models",
                "The models there are, as OpenAI's API tells them",
                {200: Answer("All of them.", (OpenAiModels,))},
                error=OpenAiError,
                tag="As OpenAI's audio API",
            ),
            Operation(
                "get",
                "/v1/models/<path:name>",
                "One of the models",
                {200: Answer("It is there.", (OpenAiModel,))},
                ("unknown-model",),
                error=OpenAiError,
                tag="As OpenAI's audio API",
            ),
        ),
    ),
    "whisper.cpp": Api(
        whisper_cpp.blueprint,
        (
            Operation(
                "post",
                "/inference",
                "Transcribe a recording, as whisper.cpp's server does",
                {200: Answer("Its words.", (CppText, CppVerbose), ("text/html", *_SUBTITLES))},
                CODES_OF_RECORDINGS,
                form=whisper_cpp.InferenceFields,
                error=CppError,
                tag="As whisper.cpp's server",
            ),
        ),
    ),
    "asr-webservice": Api(
        asr_webservice.blueprint,
        (
            Operation(
                "post",
                "/asr",
                "Transcribe a recording, as whisper-asr-webservice does",
                {
                    200: Answer(
                        "A file with its words.",
                        (AsrTranscript,),
                        ("text/plain", "text/tab-separated-values", *_SUBTITLES),
                    )
                },
                CODES_OF_RECORDINGS,
                form=asr_webservice.AsrFields,
                error=AsrError,
                tag="As whisper-asr-webservice",
            ),
            Operation(
                "post",
                "/detect-language",
                "Tell a recording's language, as whisper-asr-webservice does",
                {200: Answer("The language.", (AsrLanguage,))},
                CODES_OF_RECORDINGS,
                form=asr_webservice.DetectFields,
                error=AsrError,
                tag="As whisper-asr-webservice",
            ),
        ),
    ),
}


def chosen(setting: str) -> list[Api]:
    """Return those that the setting `COMPAT` names.

    Raises:
        SettingError: there is none of such a name.
    """
    names = [name.strip() for name in setting.split(",") if name.strip()]
    for name in names:
        if name not in APIS:
            raise SettingError(f"COMPAT: {name!r} is not one of {', '.join(APIS)}")
    return [APIS[name] for name in dict.fromkeys(names)]
