"""The fields of requests, as models: they check what comes, and `openapi` describes them.

A value that can't be used is a `Problem` that names the field and says what would do. Blank values
count as absent.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from faster_whisper.tokenizer import _LANGUAGE_CODES
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError

from transcriber.api.errors import Problem, bad_field
from transcriber.engine.window import DecodingOptions, LanguageDetection, Task
from transcriber.formats import SUBTITLES
from transcriber.live.intake import Skip

MAX_TEXT_CHARS = 2_000
MAX_SEQUENCE = 10_000_000
MAX_WAIT_S = 60.0
SESSION_ID = "^[A-Za-z0-9_-]{16,64}$"

_WORDS = {"yes": "true", "on": "true", "no": "false", "off": "false"}


def _language(value: str) -> str:
    """Return Whisper's code of a language. `en-US` counts as `en`."""
    code = re.split("[-_]", value.lower())[0]
    if code not in (*_LANGUAGE_CODES, "auto"):
        raise bad_field("language", "language is a code such as en, ar or ru, or auto.")
    return code


def code_of(language: str) -> str | None:
    """Return the code of a `Language`, None where it is to be detected."""
    return None if language == "auto" else language


def _plain(value: str) -> str:
    if "\x00" in value:
        raise ValueError("it contains a null character; send plain text")
    return value


def _digits(value: Any) -> Any:
    """Let nothing but ASCII digits through, of all that can be read as a whole number."""
    if isinstance(value, str) and not re.fullmatch("-?[0-9]{1,15}", value):
        raise ValueError
    return value


Text = Annotated[str, Field(max_length=MAX_TEXT_CHARS), AfterValidator(_plain)]
# What other services' clients send: of a long one its end counts, as with the originals.
Prompt = Annotated[
    str, BeforeValidator(lambda value: str(value)[-MAX_TEXT_CHARS:]), AfterValidator(_plain)
]
Sequence = Annotated[int, Field(ge=0, le=MAX_SEQUENCE), BeforeValidator(_digits)]
SegmentId = Annotated[int, Field(ge=-1, le=10**9), BeforeValidator(_digits)]
Flag = Annotated[bool, BeforeValidator(lambda value: _WORDS.get(str(value).lower(), value))]
Number = Annotated[float, Field(allow_inf_nan=False)]
Language = Annotated[str, AfterValidator(_language)]
ResponseFormat = Literal["json", "verbose_json", "text", "srt", "vtt", "tsv"]
TranscriptFormat = Literal["text", "json", "srt", "vtt", "tsv"]


class TranscribeFields(BaseModel):
    """The fields of `POST /transcribe`: a whole recording's, or a chunk's if it has a session."""

    language: Language = Field(
        "auto", description="A code such as en, ar or ru; `auto` detects it."
    )
    language_detection: LanguageDetection = Field(
        "session", description="With a session: keep the language it was first sure of, or not."
    )
    task: Task = Field("transcribe", description="`translate` gives English.")
    prompt: Text = Field("", description="Text that sets spelling and style.")
    hotwords: Text = Field("", description="Words to expect.")
    temperature: Number | None = Field(
        None, ge=0, le=1, description="Absent: 0, and higher ones where a pass fails."
    )
    word_timestamps: Flag | None = Field(
        None,
        description="Words with times; the default is true in a session and for subtitles, else"
        " false. True gives WebVTT with the time of each word.",
    )
    vad_filter: Flag = Field(
        True, description="False gives the model also stretches without speech, in uploads."
    )
    response_format: ResponseFormat = "json"
    session_id: str | None = Field(
        None, pattern=SESSION_ID, description="Absent: the upload is a whole recording."
    )
    sequence: Sequence | None = Field(None, description="With a session: 0, 1, 2 …")
    final: Flag | None = Field(
        None, description="True on a session's last chunk, whose audio may be empty."
    )
    skip_s: Number | None = Field(
        None, ge=0, description="With sequence 0: seconds that are final in an earlier session."
    )
    skip_text: Text = Field("", description="With `skip_s`: the last of what was said there.")
    skip_text_s: Number | None = Field(
        None, ge=0, description="With `skip_text`: where it begins, in seconds up to `skip_s`."
    )

    def skip(self, most_s: float) -> Skip:
        """Return what of a new session's audio is final in an earlier one.

        Raises:
            Problem: it is more than `most_s`, or its text begins behind it.
        """
        seconds, text_s = self.skip_s or 0.0, self.skip_text_s or 0.0
        for name, value, most in (("skip_s", seconds, most_s), ("skip_text_s", text_s, seconds)):
            if value > most:
                raise bad_field(name, f"{name} is a number from 0 to {most:g}.")
        return Skip(seconds, self.skip_text, text_s)

    def decoding(self) -> DecodingOptions:
        """Return the decoding options; sessions and subtitles have words unless told otherwise."""
        words, is_live = self.word_timestamps, self.session_id is not None
        words_by_default = is_live or self.response_format in SUBTITLES
        return DecodingOptions(
            language=code_of(self.language),
            task=self.task,
            prompt=self.prompt,
            hotwords=self.hotwords,
            temperature=self.temperature,
            word_timestamps=words_by_default if words is None else words,
            vad_filter=self.vad_filter,
            language_detection=self.language_detection,
        )

    def check_belonging(self) -> None:
        """Check that nothing is given that belongs to what is not there.

        Raises:
            Problem: it is.
        """
        if self.session_id is None:
            for name in ("sequence", "final"):
                if name in self.model_fields_set:
                    raise bad_field(
                        "session_id", f"{name} belongs to a live session, which needs a session_id."
                    )
        elif self.sequence is None:
            raise bad_field("sequence", _fix(type(self), "sequence"))
        if self.session_id is None or self.sequence != 0:
            for name in ("skip_s", "skip_text", "skip_text_s"):
                if name in self.model_fields_set:
                    raise bad_field(name, f"{name} belongs to sequence 0 of a live session.")


class StateQuery(BaseModel):
    """The query of a session's state."""

    after: SegmentId = Field(-1, description="Only segments whose id is greater than this.")
    wait: Number = Field(
        0.0, ge=0, le=3600, description=f"Seconds to wait for news; at most {MAX_WAIT_S:g} are."
    )


class TranscriptQuery(BaseModel):
    """The query of a transcript."""

    format: TranscriptFormat = "text"
    word_timestamps: Flag = Field(False, description="WebVTT with the time of each word.")


Model = TypeVar("Model", bound=BaseModel)


@functools.cache
def described(model: type[BaseModel]) -> dict[str, dict[str, Any]]:
    """Return the JSON schema of each field; of one that may be absent, what it is if present."""
    properties: dict[str, dict[str, Any]] = model.model_json_schema()["properties"]
    for name, schema in properties.items():
        present = [one for one in schema.pop("anyOf", []) if one["type"] != "null"]
        if present:
            del schema["default"]
            properties[name] = schema | present[0]
        properties[name].pop("title", None)
    return properties


def read(model: type[Model], values: Mapping[str, str]) -> Model:
    """Read fields; those that the model does not know are left alone.

    Raises:
        Problem: one has a value that can't be used.
    """
    given = {name: value.strip() for name, value in values.items()}
    # An empty id is no id; an empty anything else is nothing.
    present = {name: value for name, value in given.items() if value or name == "session_id"}
    try:
        return model.model_validate(present)
    except ValidationError as error:
        raise _problem(model, error) from None


def checked_session_id(value: str) -> str:
    """Return `value` if it is well-formed as a session id.

    Raises:
        Problem: it is not.
    """
    if not re.fullmatch(SESSION_ID, value):
        raise bad_field("session_id", _fix(TranscribeFields, "session_id"))
    return value


def _problem(model: type[BaseModel], error: ValidationError) -> Problem:
    first = error.errors(include_url=False, include_input=False)[0]
    name = str(first["loc"][0])
    said = str(first.get("ctx", {}).get("error", ""))
    return bad_field(name, f"{name}: {said}." if said else _fix(model, name))


def _fix(model: type[BaseModel], name: str) -> str:
    """Say what a field takes, as its schema has it."""
    schema = described(model)[name]
    if "enum" in schema:
        return f"{name} is one of {', '.join(schema['enum'])}."
    if "pattern" in schema:
        return f"{name} has 16 to 64 characters of A-Z a-z 0-9 _ -."
    if "maxLength" in schema:
        return f"{name} may have at most {schema['maxLength']} characters."
    if schema["type"] == "boolean":
        return f"{name} is true or false."
    kind = "whole number" if schema["type"] == "integer" else "number"
    most = f" to {schema['maximum']}" if "maximum" in schema else " up"
    return f"{name} is a {kind} from {schema['minimum']}{most}."
