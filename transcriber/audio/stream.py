"""Decoding a stream whose bytes arrive chunk by chunk, with nothing lost at the borders.

Only the first blob of a MediaRecorder has a header, so a chunk can't be decoded alone. Each
container is therefore opened once and stays open, see `container_thread`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from transcriber.audio.container_thread import ContainerThread, Piece
from transcriber.audio.containers import (
    ACCEPTED_TEXT,
    HEAD_BYTES,
    MP4,
    WEBM,
    Container,
    starts_new_stream,
)
from transcriber.audio.errors import AudioError, NotAudio, TooLong, Undecodable
from transcriber.audio.pcm import PcmFormat, PcmReader
from transcriber.audio.recover import InitSegment, clusters_begun, from_next_cluster
from transcriber.audio.resample import Resampler, pcm_frame
from transcriber.audio.whole import decode_whole

# Bytes kept while no sound comes out, to be decoded again if the demuxer turns out to be misled.
_MAX_UNHEARD_BYTES = 1 << 20


@dataclass(frozen=True)
class Checkpoint:
    """What it takes to pick a stream up again at its next whole cluster, in another decoder.

    Attributes:
        container: of the stream that is open; None: nothing is.
        init: the bytes before its first cluster.
        clock_s: where its clock stood.
    """

    container: str | None = None
    init: bytes = b""
    clock_s: float | None = None


class Stream(Protocol):
    """Where a session's bytes become audio; see `StreamDecoder`."""

    def feed(self, data: bytes, pcm: PcmFormat | None = None) -> list[Piece]:
        """Decode the next bytes of the session."""

    def lost(self) -> list[Piece]:
        """Some bytes will never come."""

    def finish(self) -> list[Piece]:
        """End the session's audio and return what was still held back."""

    def close(self) -> None:
        """Give up what it holds."""


class StreamDecoder:
    """The audio of one live session: continuing containers, new ones in between, and raw PCM.

    Not thread-safe: its session feeds it from one thread at a time.

    Args:
        max_chunk_s: the most seconds of audio that one call may bring out.
        checkpoint: where another decoder of the same session has broken off.
    """

    def __init__(self, max_chunk_s: float, checkpoint: Checkpoint | None = None) -> None:
        self._max_s = max_chunk_s
        self._resampler = Resampler()
        self._thread: ContainerThread | None = None
        self._init = InitSegment()
        self._broken: tuple[Container, float | None] | None = None
        self._tail = b""
        self._unheard = b""  # what the demuxer got since it last brought out any sound
        self._pcm: PcmReader | None = None
        if checkpoint is not None and checkpoint.container is not None:
            container = {one.name: one for one in (WEBM, MP4)}[checkpoint.container]
            self._init = InitSegment(container)
            self._init.data, self._init.complete = checkpoint.init, True
            self._broken = (container, checkpoint.clock_s)

    def checkpoint(self) -> Checkpoint | None:
        """Return where the stream stands; None where another decoder could not pick it up."""
        current = self._current()
        if current is None:
            return Checkpoint()
        if current not in (WEBM, MP4) or not self._init.complete:
            return None
        clock_s = self._thread.clock_s if self._thread else self._broken and self._broken[1]
        return Checkpoint(current.name, self._init.data, clock_s)

    def feed(self, data: bytes, pcm: PcmFormat | None = None) -> list[Piece]:
        """Decode the next bytes of the session.

        Args:
            data: one or more whole blobs, or bytes cut anywhere.
            pcm: the format, if the bytes are declared as raw PCM.

        Raises:
            NotAudio: nothing is open that these bytes could continue, and they start nothing.
                The decoder is as it was before.
            Undecodable: damaged; what follows is picked up again at the next whole cluster.
            TooLong: more than `max_chunk_s` seconds came out of this one call.
        """
        if not data:
            return []
        if pcm is not None:
            return self._feed_pcm(data, pcm)
        current = self._current()
        container = starts_new_stream(data[:HEAD_BYTES], current)
        if container is None and self._is_over():
            self.lost()
        if container is None and (current is None or self._is_over()):
            raise NotAudio(f"The chunk is not audio of an accepted kind: {ACCEPTED_TEXT}.")
        pieces = self._end_stream() if container is not None else []
        try:
            return pieces + self._feed_container(data, container)
        except TooLong:
            self.lost()
            raise TooLong(self._max_s) from None
        except Undecodable:
            self.lost()
            if self._broken is not None:  # the damage may lie before these bytes
                pieces += self._resume(data)
            if not pieces:
                raise
            return pieces

    def lost(self) -> list[Piece]:
        """Some bytes will never come: pick the stream up again at its next whole cluster.

        Returns what the bytes before the loss still complete.
        """
        if self._pcm is not None:
            self._pcm.drop_rest()
        thread = self._thread
        if thread is None or thread.container not in (WEBM, MP4) or not self._init.complete:
            return []
        self._broken, self._tail = (thread.container, thread.clock_s), b""
        pieces = self._close_thread()
        self._broken = (thread.container, thread.clock_s)
        return pieces

    def finish(self) -> list[Piece]:
        """End the session's audio and return what was still held back.

        Raises:
            Undecodable: a stream was begun and never brought out any sound.
        """
        thread = self._thread
        pieces = self._end_stream()
        if thread is not None and not thread.heard:
            raise Undecodable(f"The {thread.container.name} stream holds no audio.")
        tail = self._resampler.flush()
        return [*pieces, Piece(tail)] if len(tail) else pieces

    def close(self) -> None:
        """Stop the thread and give up what it holds; for sessions that go away."""
        self._close_thread()

    def _current(self) -> Container | None:
        if self._thread is not None:
            return self._thread.container
        return self._broken[0] if self._broken else None

    def _is_over(self) -> bool:
        return self._thread is not None and self._thread.done

    def _feed_pcm(self, data: bytes, fmt: PcmFormat) -> list[Piece]:
        pieces = self._end_stream() if self._pcm is None or self._pcm.format != fmt else []
        if self._pcm is None:
            self._pcm = PcmReader(fmt)
        samples = self._pcm.read(data)
        if len(samples) > self._max_s * fmt.rate_hz:
            raise TooLong(self._max_s)
        if not len(samples):
            return pieces
        return [*pieces, Piece(self._resampler.push(pcm_frame(samples, fmt.rate_hz)))]

    def _feed_container(self, data: bytes, started: Container | None) -> list[Piece]:
        if started is not None:
            samples = decode_whole(data, started, self._resampler, self._max_s)
            if samples is not None:
                return [Piece(samples)] if len(samples) else []
            self._init, self._unheard = InitSegment(started), b""
            self._thread = ContainerThread(started, self._resampler, None)
        elif self._broken is not None:
            return self._resume(data)
        assert self._thread is not None
        self._init.feed(data)
        pieces = self._thread.feed(data, self._max_s)
        if pieces or started is not None:
            self._unheard = b""
            return pieces
        return self._check_progress(self._thread, data)

    def _check_progress(self, thread: ContainerThread, data: bytes) -> list[Piece]:
        """No sound came out of `data`: start again if a whole cluster has brought none.

        A few damaged bytes can read as the length of an element that never ends; the demuxer
        would skip all the rest of the session in silence.
        """
        self._unheard = (self._unheard + data)[-_MAX_UNHEARD_BYTES:]
        if not self._init.complete or clusters_begun(thread.container, self._unheard) < 2:
            return []
        again, self._broken, self._tail = self._unheard, (thread.container, thread.clock_s), b""
        self._close_thread()
        return self._resume(again)

    def _resume(self, data: bytes) -> list[Piece]:
        """Reopen a broken stream at the first cluster in `data`, if there is one."""
        assert self._broken is not None
        container, clock_s = self._broken
        data = self._tail + data
        found = from_next_cluster(container, data)
        if found is None:
            self._tail = data[-HEAD_BYTES:]
            return []
        self._broken, self._tail, self._unheard = None, b"", b""
        self._thread = ContainerThread(container, self._resampler, clock_s)
        pieces = self._thread.feed(self._init.data + found, self._max_s)
        return [replace(pieces[0], damaged=True), *pieces[1:]] if pieces else []

    def _end_stream(self) -> list[Piece]:
        self._pcm, self._broken, self._tail = None, None, b""
        return self._close_thread()

    def _close_thread(self) -> list[Piece]:
        thread, self._thread = self._thread, None
        if thread is None:
            return []
        try:
            return thread.close()
        except AudioError:  # damage at the very end costs only what can't be decoded anyway
            return []


__all__ = ["Checkpoint", "Piece", "Stream", "StreamDecoder"]
