"""A whole recording in a decoder process of its own."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Generator, Sequence
from typing import BinaryIO

from transcriber.audio.decode import SAMPLE_RATE_HZ, Part, Samples
from transcriber.audio.errors import AudioError, NoDecoder, TooLong, Undecodable
from transcriber.audio.opened import Opened
from transcriber.audio.processes import wire
from transcriber.audio.processes.child import load_error
from transcriber.audio.processes.children import ChildNotStarted, Children, DecoderProcess


def open_recording(children: Children, parts: Sequence[Part], max_s: float) -> Opened:
    """Open a recording in another process; see `OpenRecording`."""
    with tempfile.TemporaryFile() as file:
        told = [
            [_append(part.data, file), [part.pcm.rate_hz, part.pcm.channels, part.pcm.order]]
            if part.pcm
            else [_append(part.data, file), None]
            for part in parts
        ]
        process = _handed_over(children, file, {"parts": told, "max_s": max_s})
        try:
            head, _ = _receive(children, process)
        except BaseException:
            process.end()
            raise
    told_s = head.get("duration_s")
    seconds = float(told_s) if isinstance(told_s, int | float) else None
    return Opened(seconds, _blocks(children, process, max_s), process.end)


def _handed_over(children: Children, file: BinaryIO, head: dict[str, object]) -> DecoderProcess:
    """Return a process that has begun; the one that waited may have ended meanwhile."""
    while True:
        try:
            process = children.for_recording()
        except ChildNotStarted:
            raise NoDecoder("No decoder can be started at the moment.") from None
        file.seek(0)
        try:
            socket.send_fds(process.connection, [b"\0"], [file.fileno()])
            wire.send(process.connection, head)
            wire.receive(process.connection)
        except OSError:
            children.note_ended(process.end(), "another one takes the recording")
            continue
        return process


def _append(data: BinaryIO, file: BinaryIO) -> int:
    before = file.tell()
    shutil.copyfileobj(data, file)
    return file.tell() - before


def _blocks(
    children: Children, process: DecoderProcess, max_s: float
) -> Generator[Samples, None, None]:
    left = int(max_s * SAMPLE_RATE_HZ)
    while True:
        head, samples = _receive(children, process)
        if "done" in head:
            return
        yield samples[:left]
        left -= len(samples)
        if left < 0:  # it tells so itself, as long as it is what it was
            raise TooLong(max_s)


def _receive(children: Children, process: DecoderProcess) -> tuple[dict[str, object], Samples]:
    """Return the next message.

    Raises:
        AudioError: that is what it tells, or the process has ended or hangs on this recording.
    """
    try:
        head, body = wire.receive(process.connection)
        if "error" in head:
            raise load_error(head)
        return head, wire.samples_of(body)
    except AudioError:
        raise
    except (OSError, KeyError, TypeError, ValueError):
        children.note_ended(process.end(), "the recording it was at is refused")
        raise Undecodable("The recording ends whatever decodes it.") from None
