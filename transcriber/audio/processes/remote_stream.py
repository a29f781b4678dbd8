"""A session's stream in a decoder process, which may end at any moment without harm.

Its owner keeps the newest bytes and where the stream stood before them. In another process these
are decoded once more, from their first whole cluster on, and the stream is where it was.
"""

from __future__ import annotations

import contextlib
from collections import deque
from dataclasses import dataclass
from typing import Any

from transcriber.audio.container_thread import MAX_GAP_S, Piece
from transcriber.audio.errors import AudioError, NoDecoder, NotAudio, Undecodable
from transcriber.audio.pcm import PcmFormat
from transcriber.audio.processes import wire
from transcriber.audio.processes.child import dump_checkpoint, load_checkpoint, load_error
from transcriber.audio.processes.children import (
    ChildEnded,
    ChildNotStarted,
    Children,
    ChildReplaced,
)
from transcriber.audio.resample import SAMPLE_RATE_HZ
from transcriber.audio.stream import Checkpoint

# So much is kept to be decoded again: several clusters of any recorder, in no more bytes than this.
_KEPT_S = 12.0
_KEPT_BYTES = 1 << 20
# What ends so many processes is refused; that others have ended them is no fault of these bytes.
_MOST_ENDED, _MOST_TRIES = 2, 20
# Where a stream is picked up behind damage, both sides of it may be as long as a chunk may be.
_MOST_TIMES = 2


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
            NoDecoder: there is none at the moment; nothing has changed.
        """
        if not data:
            return []
        before = self._checkpoint
        try:
            pieces = self._ask("feed", data, pcm)
        except (NotAudio, NoDecoder):
            raise
        except AudioError:
            self._kept.clear()  # the stream stands behind what could not be decoded
            raise
        self._keep(_Kept(before, data, pcm, sum(len(one.samples) for one in pieces)))
        return pieces

    def lost(self) -> list[Piece]:
        """Some bytes will never come: pick the stream up again at its next whole cluster."""
        pieces: list[Piece] = []
        if self._generation is not None:
            with contextlib.suppress(AudioError):  # more is lost than was thought
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
            except ChildNotStarted:
                raise NoDecoder("No decoder can be started at the moment.") from None
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
        try:
            checkpoint = load_checkpoint(head)
            answer = load_error(head) if "error" in head else self._pieces(head["pieces"], body)
        except (KeyError, TypeError, ValueError) as error:
            self._child.distrust(self._generation)
            raise ChildEnded(f"it answers {type(error).__name__}") from None
        self._checkpoint = checkpoint
        if isinstance(answer, AudioError):
            raise answer
        return answer

    def _pieces(self, told: list[list[Any]], body: bytearray) -> list[Piece]:
        """Return the pieces in an answer.

        Raises:
            TypeError, ValueError: they make no sense, so the process is not what it was.
        """
        samples = wire.samples_of(body)
        pieces, at = [], 0
        for count, gap_s, damaged in told:
            if count < 0 or not 0 <= gap_s <= MAX_GAP_S:
                raise ValueError("no such piece")
            pieces.append(Piece(samples[at : at + count], float(gap_s), bool(damaged)))
            at += count
        if at != len(samples) or at > (_MOST_TIMES * self._max_s + 1) * SAMPLE_RATE_HZ:
            raise ValueError("no such audio")
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
        with contextlib.suppress(ChildEnded, ChildNotStarted, AudioError):
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
