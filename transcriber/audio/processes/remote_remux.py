"""What a session's audio is, moved to containers that players like, in a process of its own."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

from transcriber.audio.errors import NoDecoder
from transcriber.audio.processes import wire
from transcriber.audio.processes.children import ChildNotStarted, Children, DecoderProcess
from transcriber.audio.remux import MUXERS, Stream

log = logging.getLogger(__name__)

# Whatever ends two processes is left as it is; one may have been ended by somebody else.
_MOST_TRIES = 2
# What comes back is about as long as what went; a container adds less than that to it.
_MOST_MORE_BYTES = 64 << 20

NewFile = Callable[[], IO[bytes]]


@dataclass
class Moved:
    """What came of it.

    Attributes:
        files: with their endings, in the order of the recording.
        kept: the numbers of streams whose own bytes are to be kept.
    """

    files: list[tuple[str, IO[bytes]]] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)


def remux_apart(
    children: Children, file: IO[bytes], streams: Sequence[Stream], new_file: NewFile
) -> Moved:
    """Move the sound of streams to as few files as possible, see `remux`.

    Args:
        children: start the process.
        file: holds the streams' bytes.
        streams: which these are.
        new_file: makes the files for what comes back.

    Raises:
        NoDecoder: no process can be started at the moment.
        OSError: a file can't be written.
    """
    for _ in range(_MOST_TRIES):
        try:
            process = children.new_process("archive")
        except ChildNotStarted:
            raise NoDecoder("No decoder can be started at the moment.") from None
        with contextlib.ExitStack() as ending:
            ending.callback(process.end)
            try:
                return _Owner(process, file, streams, new_file).moved()
            except _Broken:
                children.note_ended(process.end(), "a recording was to be archived")
    return Moved(kept=list(range(len(streams))))


class _Broken(Exception):
    """The process has ended or hangs, or says what makes no sense."""


class _Owner:
    """Who has the process work, and writes what it says."""

    def __init__(
        self,
        process: DecoderProcess,
        file: IO[bytes],
        streams: Sequence[Stream],
        new_file: NewFile,
    ) -> None:
        self._connection = process.connection
        self._file, self._streams, self._new_file = file, streams, new_file
        size = sum(one.length for one in streams)
        lost = sum(one.lost for one in streams)  # as silence they are as long as the others
        self._most_bytes = (2 + lost) * size + _MOST_MORE_BYTES
        self._moved = Moved()

    def moved(self) -> Moved:
        """Return what the process makes of the file."""
        try:
            self._hand_over()
            while True:
                head, body = self._receive()
                if "done" in head:
                    return self._moved
                if "failed" in head:
                    log.warning("The audio of a session fits into no file; it is kept as it came")
                    return Moved(kept=list(range(len(self._streams))))
                self._follow(head, body)
        except _Broken:
            for _, file in self._moved.files:
                file.close()
            raise

    def _hand_over(self) -> None:
        parts = [
            [
                one.length,
                one.container,
                [one.pcm.rate_hz, one.pcm.channels, one.pcm.order] if one.pcm else None,
                one.lost,
                one.chunks,
            ]
            for one in self._streams
        ]
        try:
            self._file.seek(0)
            socket.send_fds(self._connection, [b"\0"], [self._file.fileno()])
            wire.send(self._connection, {}, json.dumps(parts).encode())
        except OSError:
            raise _Broken from None

    def _receive(self) -> tuple[dict[str, Any], bytearray]:
        try:
            return wire.receive(self._connection)
        except OSError:
            raise _Broken from None

    def _follow(self, head: dict[str, Any], body: bytearray) -> None:
        begin, keep, at = head.get("begin"), head.get("keep"), head.get("at")
        if (
            isinstance(begin, str)
            and begin in MUXERS
            and len(self._moved.files) < len(self._streams)
        ):
            self._moved.files.append((begin, self._new_file()))
        elif isinstance(keep, int) and 0 <= keep < len(self._streams):
            self._moved.kept.append(keep)
        elif isinstance(at, int) and self._moved.files and 0 <= at <= self._most_bytes - len(body):
            _, file = self._moved.files[-1]
            file.seek(at)
            file.write(body)
        else:
            raise _Broken
