"""Reading a request's body: the audio, and the raw values of its fields."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, cast
from urllib.parse import parse_qsl, unquote_to_bytes

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge

from transcriber.api.errors import Problem, bad_field
from transcriber.audio.pcm import PcmFormat

AUDIO_FIELDS = ("audio", "file", "audio_file")
# Fields as HTTP clients send them where there is no file. `curl --data-binary` gives audio the same
# type, but no audio is all letters.
_FORM = re.compile(rb"[A-Za-z_]+=[!-~]*")


@dataclass(frozen=True)
class AudioPart:
    """One uploaded file, or the raw body: a seekable stream, and the format if raw PCM."""

    stream: BinaryIO
    pcm: PcmFormat | None

    @property
    def size(self) -> int:
        """How many bytes there are."""
        size = self.stream.seek(0, io.SEEK_END)
        self.stream.seek(0)
        return size


def read_request(request: Request) -> tuple[dict[str, str], list[AudioPart]]:
    """Return the fields and the audio of a request, multipart or raw.

    Raises:
        Problem: the body can't be read as what it claims to be.
    """
    _check_query(request)
    if request.mimetype == "multipart/form-data":
        counted = _Counted(request.environ["wsgi.input"])
        request.environ["wsgi.input"] = counted
        read = _read_multipart(request)
        _check_complete(request, counted.bytes)
        if counted.bytes and not (request.form or request.files):
            raise Problem(
                "bad-request",
                "Nothing in this body can be read as multipart/form-data: no part that ends with"
                " its boundary, or a name or file name that is no UTF-8.",
            )
        return read
    body = request.get_data(cache=False, parse_form_data=False)
    if request.content_length is None and len(body) == request.max_content_length:
        raise RequestEntityTooLarge  # werkzeug cuts off a body of unknown length without a word
    _check_complete(request, len(body))
    is_form = request.mimetype == "application/x-www-form-urlencoded"
    if is_form and len(body) <= (request.max_form_memory_size or 0) and _FORM.fullmatch(body):
        form = dict(parse_qsl(body.decode(), keep_blank_values=True))
        _check_form(form)
        return request.args.to_dict() | form, []
    pcm = PcmFormat.parse(request.headers.get("Content-Type", ""))
    return request.args.to_dict(), [AudioPart(io.BytesIO(body), pcm)] if body else []


class _Counted:
    """A body that counts what was read of it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.bytes = 0

    def read(self, size: int = -1) -> bytes:
        """Read on."""
        data = self._stream.read(size)
        self.bytes += len(data)
        return data


def _check_complete(request: Request, came: int) -> None:
    """A connection that broke off looks like the body's end; half a chunk must not be stored."""
    if request.content_length is not None and came < request.content_length:
        got = f"{came} of {request.content_length} bytes"
        raise Problem("body-incomplete", f"Only {got} came. Send the request again.")


def _check_query(request: Request) -> None:
    """Check that the query is UTF-8; Flask leaves bytes that are not as they are written."""
    for field in request.query_string.split(b"&"):
        name, _, value = (unquote_to_bytes(part) for part in field.partition(b"="))
        try:
            value.decode()
        except UnicodeDecodeError:
            raise _no_utf8(name.decode(errors="replace")) from None


def _check_form(values: Mapping[str, str]) -> None:
    """Check that the fields of a form are UTF-8; Flask has put a sign where they are not."""
    for name, value in values.items():
        if "\ufffd" in value:
            raise _no_utf8(name)


def _no_utf8(name: str) -> Problem:
    return bad_field(name, f"{name} can't be read as UTF-8. Send text in UTF-8.")


def _read_multipart(request: Request) -> tuple[dict[str, str], list[AudioPart]]:
    if "boundary" not in request.mimetype_params:
        raise Problem("bad-request", "multipart/form-data needs its boundary in Content-Type.")
    _check_form(request.form)
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
    return values, parts
