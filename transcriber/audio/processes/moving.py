"""In a decoder process: what a session's audio is, moved to containers that players like."""

from __future__ import annotations

import json
import os
import socket
from typing import BinaryIO, cast

import av

from transcriber.audio.pcm import PcmFormat
from transcriber.audio.processes import wire
from transcriber.audio.processes.limits import allow
from transcriber.audio.remux import Stream, remux

_BLOCK_BYTES = 1 << 18
# Sessions that are under way come first.
_NICE = 10


class Moving:
    """One session's audio: its file is handed over with the first message.

    Args:
        connection: to the owner.
        seconds: of processor time that one stream, or one block, may take.
    """

    def __init__(self, connection: socket.socket, seconds: int) -> None:
        self._connection = connection
        self._seconds = seconds

    def run(self) -> None:
        """Say what to write where, file after file, and that it is done."""
        os.nice(_NICE)
        _, files, _, _ = socket.recv_fds(self._connection, 1, 1)
        _, body = wire.receive(self._connection)
        streams = [
            Stream(length, container, PcmFormat(*pcm) if pcm else None, lost, chunks)
            for length, container, pcm, lost, chunks in json.loads(body)
        ]
        allow(self._seconds)
        with os.fdopen(files[0], "rb") as file:
            try:
                for number in remux(file, streams, self._new_output):
                    wire.send(self._connection, {"keep": number})
            except (av.error.FFmpegError, ValueError):
                wire.send(self._connection, {"failed": True})
            else:
                wire.send(self._connection, {"done": True})

    def _new_output(self, ending: str) -> BinaryIO:
        wire.send(self._connection, {"begin": ending})
        return cast("BinaryIO", _Sink(self._connection, self._seconds))


class _Sink:
    """A file that the owner writes, since nothing can be written here."""

    def __init__(self, connection: socket.socket, seconds: int) -> None:
        self._connection = connection
        self._seconds = seconds
        self._waiting = bytearray()
        self._start = 0  # where that belongs
        self._end = 0

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._start + len(self._waiting)

    def seek(self, offset: int, whence: int = 0) -> int:
        to = offset + (0, self.tell(), self._end)[whence]
        if to != self.tell():
            self._send()
            self._start = to
        return to

    def write(self, data: bytes) -> int:
        self._waiting += data
        self._end = max(self._end, self.tell())
        if len(self._waiting) >= _BLOCK_BYTES:
            self._send()
        return len(data)

    def close(self) -> None:
        self._send()

    def _send(self) -> None:
        if self._waiting:
            wire.send(self._connection, {"at": self._start}, memoryview(self._waiting))
            self._start += len(self._waiting)
            self._waiting = bytearray()
        allow(self._seconds)
