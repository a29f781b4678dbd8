"""A whole recording in a decoder process of its own."""

from __future__ import annotations

import contextlib
import shutil
import socket
import tempfile
from collections.abc import Generator, Sequence
from typing import Any, BinaryIO

from transcriber.audio.decode import Part, files_of
from transcriber.audio.errors import AudioError, NoDecoder, TooLong, Undecodable
from transcriber.audio.opened import Opened
from transcriber.audio.processes import wire
from transcriber.audio.processes.child import load_error
from transcriber.audio.processes.children import ChildNotStarted, Children, DecoderProcess
from transcriber.audio.resample import SAMPLE_RATE_HZ, Samples

# Whatever ends two processes is not decoded; one may have been ended by somebody else.
_MOST_TRIES = 2


def open_recording(children: Children, parts: Sequence[Part], max_s: float) -> Opened:
    """Open a recording in another process; see `OpenRecording`."""
    files_of(parts)  # what begins like no audio costs no process
    with contextlib.ExitStack() as on_error:
        remote = on_error.enter_context(contextlib.closing(_Remote(children, parts, max_s)))
        told_s = remote.head.get("duration_s")
        seconds = float(told_s) if isinstance(told_s, int | float) else None
        opened = Opened(seconds, remote.blocks(), remote.close)
        on_error.pop_all()
    return opened


class _Remote:
    """A recording, and the process that decodes it: another one, if the first one ends.

    Attributes:
        head: what the process told of the recording when it had begun.

    Raises:
        AudioError: it can't be decoded, or nothing can be started that does.
    """

    def __init__(self, children: Children, parts: Sequence[Part], max_s: float) -> None:
        self._children = children
        self._max_s = max_s
        self._tries = 0
        self._process: DecoderProcess | None = None
        self._file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 (closed in `close`)
        try:
            self._parts = [[_append(part.data, self._file), _format(part)] for part in parts]
            self.head = self._begin()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the process, and let go of the recording."""
        if self._process is not None:
            self._process.end()
            self._process = None
        self._file.close()

    def blocks(self) -> Generator[Samples, None, None]:
        """Yield its audio; after the end of a process, from where that was."""
        left = int(self._max_s * SAMPLE_RATE_HZ)
        done = skip = 0
        while True:
            try:
                head, samples = self._receive()
            except _Ended:
                self._begin()
                skip = done  # decoding it again gives the same
                continue
            if "done" in head:
                return
            samples, skip = samples[skip:], max(0, skip - len(samples))
            done += len(samples)
            if len(samples):
                yield samples[:left]
            left -= len(samples)
            if left < 0:  # it tells so itself, as long as it is what it was
                raise TooLong(self._max_s)

    def _begin(self) -> dict[str, Any]:
        """Have a process begin, and return what it tells."""
        while True:
            if self._tries == _MOST_TRIES:
                raise Undecodable("The recording ends whatever decodes it.")
            self._tries += 1
            self._process = self._handed_over()
            try:
                return self._receive()[0]
            except _Ended:
                continue

    def _handed_over(self) -> DecoderProcess:
        """Return a process that has the recording; the one that waited may have ended meanwhile."""
        while True:
            try:
                process = self._children.for_recording()
            except ChildNotStarted:
                raise NoDecoder("No decoder can be started at the moment.") from None
            self._file.seek(0)
            try:
                socket.send_fds(process.connection, [b"\0"], [self._file.fileno()])
                wire.send(process.connection, {"parts": self._parts, "max_s": self._max_s})
                wire.receive(process.connection)
            except OSError:
                self._children.note_ended(process.end(), "another one takes the recording")
                continue
            return process

    def _receive(self) -> tuple[dict[str, Any], Samples]:
        """Return the next message.

        Raises:
            AudioError: that is what it tells.
            _Ended: it has ended or hangs, or says what makes no sense.
        """
        assert self._process is not None
        try:
            head, body = wire.receive(self._process.connection)
            if "error" in head:
                raise load_error(head)
            return head, wire.samples_of(body)
        except AudioError:
            raise
        except (OSError, KeyError, TypeError, ValueError):
            last = self._tries == _MOST_TRIES
            what = "the recording it was at is refused" if last else "another one begins anew"
            self._children.note_ended(self._process.end(), what)
            self._process = None
            raise _Ended from None


class _Ended(Exception):
    """The process has ended, or had to be."""


def _append(data: BinaryIO, file: BinaryIO) -> int:
    before = file.tell()
    shutil.copyfileobj(data, file)
    return file.tell() - before


def _format(part: Part) -> list[Any] | None:
    return [part.pcm.rate_hz, part.pcm.channels, part.pcm.order] if part.pcm else None
