"""Reading requests: the audio parts and the fields, each checked, with errors that say the fix."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, cast

from faster_whisper.tokenizer import _LANGUAGE_CODES
from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge

from transcriber.api.errors import Problem, bad_field
from transcriber.audio.pcm import PcmFormat
from transcriber.engine.window import DecodingOptions, LanguageDetection, Task
from transcriber.formats import TEXT_FORMATS
from transcriber.live.intake import Skip

AUDIO_FIELDS = ("audio", "file", "audio_file")
FORMATS = ("json", "verbose_json", *TEXT_FORMATS)
MAX_TEXT_CHARS = 2_000
MAX_SEQUENCE = 10_000_000
MAX_WAIT_S = 60.0

_SESSION_ID = re.compile(r"[A-Za-z0-9_-]{16,64}")
_TRUE, _FALSE = {"true", "1", "yes", "on"}, {"false", "0", "no", "off", ""}


@dataclass(frozen=True)
class AudioPart:
    """One uploaded file, or the raw body: a seekable stream, and the format if raw PCM."""

    stream: BinaryIO
    pcm: PcmFormat | None

    @property
    def is_empty(self) -> bool:
        """Whether there are no bytes at all."""
        size = self.stream.seek(0, io.SEEK_END)
        self.stream.seek(0)
        return size == 0


class Fields:
    """The fields of one request; each method reads one kind and names it when it is wrong."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def text(self, name: str) -> str:
        """Return free text, empty if absent."""
        value = self._values.get(name, "").strip()
        if len(value) > MAX_TEXT_CHARS:
            raise bad_field(name, f"{name} may have at most {MAX_TEXT_CHARS} characters.")
        if "\x00" in value:
            raise bad_field(name, f"{name} contains a null character; send plain text.")
        return value

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        """Return one of `allowed`, the first if absent."""
        value = self._values.get(name, "").strip() or allowed[0]
        if value not in allowed:
            raise bad_field(name, f"{name} is one of {', '.join(allowed)}.")
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        """Return true or false."""
        value = self._values.get(name)
        if value is None:
            return default
        if value.strip().lower() in _TRUE:
            return True
        if value.strip().lower() in _FALSE:
            return False
        raise bad_field(name, f"{name} is true or false.")

    def whole_number(self, name: str, low: int, high: int, default: int | None = None) -> int:
        """Return a whole number within bounds; required if there is no default."""
        raw = self._values.get(name, "").strip()
        if raw == "" and default is not None:
            return default
        if not re.fullmatch(r"-?[0-9]{1,15}", raw) or not low <= int(raw) <= high:
            raise bad_field(name, f"{name} is a whole number from {low} to {high}.")
        return int(raw)

    def number(self, name: str, low: float, high: float) -> float | None:
        """Return a number within bounds, None if absent."""
        raw = self._values.get(name, "").strip()
        if raw == "":
            return None
        try:
            value = float(raw)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise bad_field(name, f"{name} is a number from {low:g} to {high:g}.")
        return value

    def session_id(self) -> str | None:
        """Return the session's id, None for a whole recording."""
        value = self._values.get("session_id")
        if value is None:
            self.skip(1, 0.0)
            for name in ("sequence", "final"):
                if name in self._values:
                    raise bad_field(
                        "session_id", f"{name} belongs to a live session, which needs a session_id."
                    )
            return None
        return checked_session_id(value)

    def skip(self, sequence: int, most_s: float) -> Skip:
        """Return what of a new session's audio is final in an earlier one."""
        for name in ("skip_s", "skip_text", "skip_text_s"):
            if sequence != 0 and self._values.get(name, "").strip():
                raise bad_field(name, f"{name} belongs to sequence 0 of a live session.")
        seconds = self.number("skip_s", 0.0, most_s) or 0.0
        text = self.text("skip_text")
        text_s = self.number("skip_text_s", 0.0, seconds) or 0.0
        return Skip(seconds, text, text_s)

    def decoding(self, words_by_default: bool) -> DecodingOptions:
        """Return the decoding options."""
        return DecodingOptions(
            language=self.language(),
            task=cast("Task", self.choice("task", ("transcribe", "translate"))),
            prompt=self.text("prompt"),
            hotwords=self.text("hotwords"),
            temperature=self.number("temperature", 0.0, 1.0),
            word_timestamps=self.flag("word_timestamps", words_by_default),
            vad_filter=self.flag("vad_filter", True),
            language_detection=cast(
                "LanguageDetection", self.choice("language_detection", ("session", "utterance"))
            ),
        )

    def language(self) -> str | None:
        """Return Whisper's code of the language, None to detect it. `en-US` counts as `en`."""
        value = self._values.get("language", "").strip().lower()
        if value in ("", "auto"):
            return None
        code = re.split("[-_]", value)[0]
        if code not in _LANGUAGE_CODES:
            raise bad_field("language", "language is a code such as en, ar or ru, or auto.")
        return code


def checked_session_id(value: str) -> str:
    """Return `value` if it is well-formed as a session id.

    Raises:
        Problem: it is not.
    """
    if not _SESSION_ID.fullmatch(value):
        raise bad_field("session_id", "session_id has 16 to 64 characters of A-Z a-z 0-9 _ -.")
    return value


def read_request(request: Request) -> tuple[Fields, list[AudioPart]]:
    """Return the fields and the audio of a request, multipart or raw.

    Raises:
        Problem: the body can't be read as what it claims to be.
    """
    if request.mimetype == "multipart/form-data":
        return _read_multipart(request)
    body = request.get_data(cache=False, parse_form_data=False)
    if request.content_length is None and len(body) == request.max_content_length:
        raise RequestEntityTooLarge  # werkzeug cuts off a body of unknown length without a word
    if request.content_length is not None and len(body) < request.content_length:
        # A connection that broke off looks like the body's end; half a chunk must not be stored.
        got = f"{len(body)} of {request.content_length} bytes"
        raise Problem("body-incomplete", f"Only {got} came. Send the request again.")
    pcm = PcmFormat.parse(request.headers.get("Content-Type", ""))
    return Fields(request.args.to_dict()), [AudioPart(io.BytesIO(body), pcm)] if body else []


def _read_multipart(request: Request) -> tuple[Fields, list[AudioPart]]:
    if "boundary" not in request.mimetype_params:
        raise Problem("bad-request", "multipart/form-data needs its boundary in Content-Type.")
    values = request.args.to_dict() | request.form.to_dict()
    parts = [
        AudioPart(cast("BinaryIO", file.stream), PcmFormat.parse(file.content_type or ""))
        for name in AUDIO_FIELDS
        for file in request.files.getlist(name)
    ]
    for name in AUDIO_FIELDS:
        if name in request.form and not parts and request.form[name]:
            raise bad_field(
                name, f"{name} must be a file part with a filename, as curl -F {name}=@talk.webm."
            )
    return Fields(values), parts
