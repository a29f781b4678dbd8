"""A session's stream in a decoder process, which may end at any moment without harm.

Its owner keeps the newest bytes and where the stream stood before them. In another process these
are decoded once more, from their first whole cluster on, and the stream is where it was.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from transcriber.audio.child import dump_checkpoint, load_checkpoint, load_error
from transcriber.audio.children import ChildEnded, Children, ChildReplaced
from transcriber.audio.container_thread import Piece
from transcriber.audio.decode import SAMPLE_RATE_HZ, Samples
from transcriber.audio.errors import AudioError, NotAudio, Undecodable
from transcriber.audio.pcm import PcmFormat
from transcriber.audio.stream import Checkpoint

# So much is kept to be decoded again: several clusters of any recorder, in no more bytes than this.
_KEPT_S = 12.0
_KEPT_BYTES = 1 << 20
# What ends so many processes is refused; that others have ended them is no fault of these bytes.
_MOST_ENDED, _MOST_TRIES = 2, 20


@dataclass(frozen=True)
class _Kept:
    """Bytes that were fed, where the stream stood before, and the samples that they brought."""

    before: Checkpoint | None
    data: bytes
    pcm: PcmFormat | None
    samples: int


class RemoteStream:
    """See `Stream`, which this is, and the module."""

    def __init__(self, children: Children, max_chunk_s: float) -> None:
        self._max_s = max_chunk_s
        self._child, self._number = children.place()
        self._generation: int | None = None  # of the process that holds the stream
        self._checkpoint: Checkpoint | None = Checkpoint()
        self._kept: deque[_Kept] = deque()

    @property
    def pid(self) -> int | None:
        """The id of the process that it is in."""
        return self._child.pid

    def feed(self, data: bytes, pcm: PcmFormat | None = None) -> list[Piece]:
        """Decode the next bytes of the session.

        Raises:
            NotAudio, Undecodable, TooLong: see `StreamDecoder.feed`; so is what ends the process.
        """
        if not data:
            return []
        before = self._checkpoint
        try:
            pieces = self._ask("feed", data, pcm)
        except NotAudio:
            raise
        except AudioError:
            self._kept.clear()  # the stream stands behind what could not be decoded
            raise
        self._keep(_Kept(before, data, pcm, sum(len(one.samples) for one in pieces)))
        return pieces

    def lost(self) -> list[Piece]:
        """Some bytes will never come: pick the stream up again at its next whole cluster."""
        if self._generation is None:
            return []
        pieces = self._ask("lost")
        self._kept.clear()  # what comes next is not what followed
        return pieces

    def finish(self) -> list[Piece]:
        """End the session's audio and return what was still held back.

        Raises:
            Undecodable: a stream was begun and never brought out any sound.
        """
        return self._ask("finish") if self._generation is not None else []

    def close(self) -> None:
        """Give up what the process holds of it."""
        if self._generation is not None:
            self._child.forget(self._generation, self._number)
        self._generation = None
        self._kept.clear()

    def _ask(self, what: str, data: bytes = b"", pcm: PcmFormat | None = None) -> list[Piece]:
        """Ask it of the process, and of another one if that ends; what ends two is refused."""
        ended = 0
        for _ in range(_MOST_TRIES):
            try:
                self._open()
                return self._once(what, data, pcm)
            except ChildReplaced:
                continue
            except ChildEnded:
                ended += 1
                if ended == _MOST_ENDED:
                    break
        self._open_behind()
        raise Undecodable("These bytes end whatever decodes them.")

    def _once(self, what: str, data: bytes, pcm: PcmFormat | None) -> list[Piece]:
        assert self._generation is not None
        fmt = [pcm.rate_hz, pcm.channels, pcm.order] if pcm else None
        head, body = self._child.ask(self._generation, self._head(what, pcm=fmt), data)
        return _understood(lambda: self._read(head, body))

    def _read(self, head: dict[str, Any], body: bytearray) -> list[Piece]:
        self._checkpoint = load_checkpoint(head)
        if "error" in head:
            raise load_error(head)
        samples: Samples = np.frombuffer(body, "<f4")
        pieces, at = [], 0
        for count, gap_s, damaged in head["pieces"]:
            pieces.append(Piece(samples[at : at + count], float(gap_s), bool(damaged)))
            at += count
        return pieces

    def _open(self) -> None:
        """Have the stream in a process that runs: as it is, or rebuilt from what was kept."""
        if self._generation == self._child.generation:
            return
        again = list(self._kept)
        before = again[0].before if again else self._checkpoint
        self._open_at(before)
        for one in again:
            with contextlib.suppress(AudioError):
                self._once("feed", one.data, one.pcm)

    def _open_behind(self) -> None:
        """Go on behind bytes that nothing can decode: where they began, as if they were lost."""
        self._kept.clear()
        with contextlib.suppress(ChildEnded, AudioError):
            self._open_at(self._checkpoint)

    def _open_at(self, checkpoint: Checkpoint | None) -> None:
        generation = self._child.generation
        head = self._head("open", max_s=self._max_s) | dump_checkpoint(checkpoint)
        self._child.ask(generation, head)
        self._generation = generation

    def _head(self, what: str, **more: Any) -> dict[str, Any]:
        return {"do": what, "stream": self._number, **more}

    def _keep(self, new: _Kept) -> None:
        """Keep the newest bytes, from a place on where the stream can be picked up."""
        self._kept.append(new)
        if self._checkpoint == Checkpoint() and new.pcm is None:  # whole files: nothing goes on
            self._kept.clear()
        samples = sum(one.samples for one in self._kept)
        size = sum(len(one.data) for one in self._kept)
        while len(self._kept) > 1:
            first, second = self._kept[0], self._kept[1]
            enough = samples - first.samples >= _KEPT_S * SAMPLE_RATE_HZ
            if second.before is None and size <= _KEPT_BYTES:
                return
            if not enough and size <= _KEPT_BYTES:
                return
            self._kept.popleft()
            samples, size = samples - first.samples, size - len(first.data)


def _understood(read: Callable[[], list[Piece]]) -> list[Piece]:
    """Return what `read` makes of an answer.

    Raises:
        ChildEnded: it makes no sense, so the process is not what it was.
    """
    try:
        return read()
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, AudioError):
            raise
        raise ChildEnded(f"it answers {type(error).__name__}") from None
