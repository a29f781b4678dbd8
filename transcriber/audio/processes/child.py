"""The process that decodes what strangers send: it has nothing that would be worth taking.

    python -m transcriber.audio.processes.child streams|recording|archive SECONDS BYTES
    python -m transcriber.audio.processes.child template

Its owner is at the other end of the socket on standard input. It decodes the streams of many live
sessions, or one whole recording, or moves the sound of one to other containers. Once it has
imported what it needs it can open no file and no connection any more, gets so much memory and, for
each message, so much time, and ends with its owner. What it says is not trusted either, see `wire`.

A template decodes nothing itself: the others are forked from it, see `starters`.
"""

from __future__ import annotations

import base64
import contextlib
import importlib
import io
import os
import pkgutil
import resource
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import av
import numpy as np
import soundfile

from transcriber.audio.container_thread import Piece
from transcriber.audio.decode import Part, decode_recording
from transcriber.audio.duration import duration_s
from transcriber.audio.errors import AudioError, NotAudio, TooLong, Undecodable
from transcriber.audio.pcm import PcmFormat
from transcriber.audio.processes import wire
from transcriber.audio.processes.limits import allow
from transcriber.audio.processes.moving import Moving
from transcriber.audio.stream import Checkpoint, StreamDecoder

# A thread for each stream, so their stacks are kept small.
_STACK_BYTES = 1 << 20
_WATCH_S = 1.0
_NOBODY = 65534


class Streams:
    """The streams in this process, and what can be asked of them.

    Args:
        connection: to the owner.
        seconds: of processor time that one message may take.
    """

    def __init__(self, connection: socket.socket, seconds: int) -> None:
        self._connection = connection
        self._seconds = seconds
        self._streams: dict[int, StreamDecoder] = {}

    def run(self) -> None:
        """Answer until the owner goes away."""
        while True:
            try:
                head, body = wire.receive(self._connection)
            except wire.Broken:
                return
            allow(self._seconds)
            wire.send(self._connection, *self._answer(head, bytes(body)))

    def _answer(self, head: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        number = head["stream"]
        for over in [*head["over"], *([number] if head["do"] == "open" else [])]:
            if over in self._streams:
                self._streams.pop(over).close()
        if head["do"] == "open":
            self._streams[number] = StreamDecoder(head["max_s"], load_checkpoint(head))
            return {}, b""
        stream = self._streams[number]
        asked: dict[str, Callable[[], list[Piece]]] = {
            "feed": lambda: stream.feed(body, PcmFormat(*head["pcm"]) if head["pcm"] else None),
            "lost": stream.lost,
            "finish": stream.finish,
        }
        try:
            pieces = asked[head["do"]]()
        except AudioError as error:
            return dump_error(error) | dump_checkpoint(stream.checkpoint()), b""
        told = [[len(one.samples), one.gap_s, one.damaged] for one in pieces]
        samples = b"".join(np.ascontiguousarray(one.samples, "<f4").tobytes() for one in pieces)
        return {"pieces": told} | dump_checkpoint(stream.checkpoint()), samples


class Recording:
    """One whole recording: its file is handed over with the first message.

    Args:
        connection: to the owner.
        seconds: of processor time that one block may take.
    """

    def __init__(self, connection: socket.socket, seconds: int) -> None:
        self._connection = connection
        self._seconds = seconds

    def run(self) -> None:
        """Say that it is there, how long it is, then block after block, and that it is done."""
        _, files, _, _ = socket.recv_fds(self._connection, 1, 1)
        head, _ = wire.receive(self._connection)
        wire.send(self._connection, {"begun": True})
        with os.fdopen(files[0], "rb") as file:
            self._decode(list(_parts(file, head["parts"])), head["max_s"])

    def _decode(self, parts: list[Part], max_s: float) -> None:
        allow(self._seconds)
        try:
            wire.send(self._connection, {"duration_s": duration_s(parts, max_s)})
            for block in decode_recording(parts, max_s):
                samples = np.ascontiguousarray(block, "<f4").tobytes()
                wire.send(self._connection, {}, samples)
                allow(self._seconds)
        except AudioError as error:
            wire.send(self._connection, dump_error(error))
        else:
            wire.send(self._connection, {"done": True})


def _parts(file: BinaryIO, parts: list[list[Any]]) -> Iterator[Part]:
    """Yield the parts of a file that holds them one after the other."""
    for length, pcm in parts:
        data = file if len(parts) == 1 else io.BytesIO(file.read(length))
        yield Part(data, PcmFormat(*pcm) if pcm else None)


def dump_error(error: AudioError) -> dict[str, Any]:
    """Return an error as a message."""
    limit_s = error.limit_s if isinstance(error, TooLong) else 0.0
    return {"error": type(error).__name__, "detail": str(error), "limit_s": limit_s}


def load_error(head: dict[str, Any]) -> AudioError:
    """Return the error in a message.

    Raises:
        KeyError, TypeError, ValueError: there is none that could be.
    """
    if head["error"] == TooLong.__name__:
        return TooLong(float(head["limit_s"]))
    kinds = {"NotAudio": NotAudio, "Undecodable": Undecodable}
    return kinds[head["error"]](str(head["detail"]))


def dump_checkpoint(checkpoint: Checkpoint | None) -> dict[str, Any]:
    """Return a checkpoint as a part of a message."""
    if checkpoint is None:
        return {"checkpoint": None}
    init = base64.b64encode(checkpoint.init).decode()
    return {"checkpoint": [checkpoint.container, init, checkpoint.clock_s]}


def load_checkpoint(head: dict[str, Any]) -> Checkpoint | None:
    """Return the checkpoint in a message."""
    if head.get("checkpoint") is None:
        return None
    container, init, clock_s = head["checkpoint"]
    return Checkpoint(container, base64.b64decode(init), clock_s)


def _import_all() -> None:
    """Import and use once what decoding may import later, when no file can be opened any more."""
    for module in pkgutil.walk_packages(av.__path__, "av."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros(1600, np.float32), 16_000, format="WAV")
    stream = StreamDecoder(1.0)
    stream.feed(buffer.getvalue())
    stream.close()
    buffer.seek(0)
    list(decode_recording([Part(buffer)], 1.0))


def _lock_in(memory_bytes: int, handed: int) -> None:
    """Give up the right to open anything but `handed` files, and to take more memory than that."""
    threading.stack_size(_STACK_BYTES)
    open_files = len(list(Path("/proc/self/fd").iterdir())) - 1 + handed  # but for the listing
    held = _virtual_bytes() + memory_bytes
    if os.geteuid() == 0:  # root could take all of it back
        # A container's root may be nobody else's already, and may not change its groups.
        with contextlib.suppress(OSError):
            os.setgroups([])
        with contextlib.suppress(OSError):
            os.setgid(_NOBODY)
            os.setuid(_NOBODY)
    for limit, value in (
        (resource.RLIMIT_NOFILE, open_files),
        (resource.RLIMIT_AS, held),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))


def _virtual_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize()


def _end_with(owner: int) -> None:
    """End when the owner has ended, also in the middle of something."""
    while os.getppid() == owner:
        threading.Event().wait(_WATCH_S)
    os._exit(1)


_KINDS: dict[str, type[Streams | Recording | Moving]] = {
    "streams": Streams,
    "recording": Recording,
    "archive": Moving,
}


class Template:
    """Forks the processes that its owner asks for, and tells how each ended.

    Args:
        connection: to the owner.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def run(self) -> None:
        """Answer until the owner goes away."""
        with contextlib.suppress(OSError):  # it has gone
            while True:
                asked, files, _, _ = socket.recv_fds(self._connection, 1, 1)
                if not asked:
                    return
                head, _ = wire.receive(self._connection)
                wire.send(self._connection, self._answer(head, files))

    def _answer(self, head: dict[str, Any], files: list[int]) -> dict[str, Any]:
        try:
            if "ended" in head:
                _, status = os.waitpid(head["ended"], 0)
                return {"status": os.waitstatus_to_exitcode(status)}
            return {"pid": self._fork(files[0], *head["fork"])}
        except OSError as error:  # no room for another process, and those that run go on
            return {"failed": str(error)}
        finally:
            for file in files:
                os.close(file)

    def _fork(self, file: int, kind: str, seconds: str, memory_bytes: str) -> int:
        owner = os.getpid()
        if pid := os.fork():
            return pid
        status = 1
        try:
            self._connection.close()  # it leads to the service, and is none of its business
            _serve(owner, kind, socket.socket(fileno=file), int(seconds), int(memory_bytes))
            status = 0
        except Exception:  # noqa: BLE001 - told, and this process ends
            traceback.print_exc()
        finally:
            os._exit(status)


def _serve(
    owner: int, kind: str, connection: socket.socket, seconds: int, memory_bytes: int
) -> None:
    """Lock this process in, and serve the owner at the other end of the connection."""
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError):
            Path("/proc/self/comm").write_text(f"decode-{kind}")  # what `ps` and `top` show
        _lock_in(memory_bytes, handed=int(kind != "streams"))
    threading.Thread(target=_end_with, args=(owner,), daemon=True).start()
    with contextlib.suppress(OSError):  # the owner has gone
        wire.send(connection, {"ready": os.getpid()})
        _KINDS[kind](connection, seconds).run()


def main() -> int:
    """Serve the owner; the exit status is of no use to anybody."""
    owner, kind = os.getppid(), sys.argv[1]
    connection = socket.socket(fileno=os.dup(0))
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)  # what is forked must not reach the owner by this way
    _import_all()
    if kind == "template":
        Template(connection).run()
    else:
        _serve(owner, kind, connection, *map(int, sys.argv[2:]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
