"""Decoding a stream whose bytes arrive chunk by chunk, with nothing lost at the borders.

Only the first blob of a MediaRecorder has a header, so a chunk can't be decoded alone. Each
container is therefore opened once, on a reader that blocks while it has no bytes, in a thread of
its own; `feed` hands it bytes and returns as soon as the thread asks for more. Whatever those
bytes complete has been decoded by then, so the result does not depend on timing.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

from transcriber.audio.containers import (
    ACCEPTED_TEXT,
    HEAD_BYTES,
    MP4,
    WEBM,
    Container,
    starts_new_stream,
)
from transcriber.audio.decode import (
    NO_SAMPLES,
    SAMPLE_RATE_HZ,
    Resampler,
    Samples,
    decoded_frames,
    open_container,
    pcm_frame,
)
from transcriber.audio.errors import AudioError, NotAudio, TooLong, Undecodable
from transcriber.audio.pcm import PcmFormat, PcmReader
from transcriber.audio.recover import InitSegment, clusters_begun, from_next_cluster
from transcriber.audio.whole import decode_whole

# A jump of the container's clock below this is jitter, above it lost audio.
MIN_GAP_S = 0.15
# A jump beyond this is a broken clock and no gap anybody recorded through.
MAX_GAP_S = 3600.0
# Long enough for the largest chunk on a busy machine; a decoder that takes longer hangs.
DECODE_TIMEOUT_S = 60.0
# Bytes kept while no sound comes out, to be decoded again if the demuxer turns out to be misled.
_MAX_UNHEARD_BYTES = 1 << 20


@dataclass(frozen=True)
class Piece:
    """Decoded audio: `samples` (n,) float32 at 16 kHz, after `gap_s` seconds that are missing.

    `damaged` tells that they are missing because of damage; else nothing may have been recorded.
    """

    samples: Samples
    gap_s: float = 0.0
    damaged: bool = False


class _Pipe:
    """The reader that a container is opened on: blocks while empty, ends when closed."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._changed = threading.Condition()
        self._closed = False
        self._starved = False
        self._finished = False

    def read(self, size: int) -> bytes:
        with self._changed:
            while not self._buffer and not self._closed:
                self._starved = True
                self._changed.notify_all()
                self._changed.wait()
            data = bytes(self._buffer[:size])
            del self._buffer[:size]
            return data

    def write(self, data: bytes) -> None:
        with self._changed:
            self._buffer += data
            self._starved = False
            self._changed.notify_all()

    def close(self) -> None:
        """No more bytes will come; a blocked reader gets its end of file."""
        with self._changed:
            self._closed = True
            self._starved = False
            self._changed.notify_all()

    def finished(self) -> None:
        """Called by the reading thread when it ends, so that nobody waits for it any more."""
        with self._changed:
            self._finished = self._closed = True
            self._changed.notify_all()

    def wait_starved(self, timeout_s: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._starved or self._finished, timeout_s)


class _ContainerThread:
    """One container being decoded. Only `feed` and `close` are called from outside."""

    def __init__(self, container: Container, resampler: Resampler, clock_s: float | None) -> None:
        self.container = container
        self.clock_s = clock_s  # where the container's clock stood after the last frame
        self.done = False
        self.heard = False  # whether any sound has come out
        self._resampler = resampler
        self._pipe = _Pipe()
        self._pieces: list[Piece] = []
        self._error: AudioError | None = None
        self._budget = 0
        self._thread = threading.Thread(
            target=self._run, name=f"decode-{container.name}", daemon=True
        )
        self._thread.start()

    def feed(self, data: bytes, max_s: float) -> list[Piece]:
        self._budget = int(max_s * SAMPLE_RATE_HZ)
        self._pipe.write(data)
        return self._take()

    def close(self) -> list[Piece]:
        """Let the demuxer see the end, and return what that brings out."""
        self._pipe.close()
        pieces = self._take()
        self._thread.join(DECODE_TIMEOUT_S)
        return pieces

    def _take(self) -> list[Piece]:
        if not self._pipe.wait_starved(DECODE_TIMEOUT_S):
            self._pipe.close()
            raise Undecodable(f"Decoding the {self.container.name} stream takes too long.")
        pieces, self._pieces = self._pieces, []
        if self._error is not None:
            error, self._error = self._error, None
            # Damage that comes after sound shows with the next bytes: the thread has ended.
            if not pieces or isinstance(error, TooLong):
                raise error
        return pieces

    def _run(self) -> None:
        try:
            with open_container(self._pipe, self.container) as opened:
                for frame in decoded_frames(opened):
                    self._emit(frame)
        except AudioError as error:
            self._error = error
        finally:
            self.done = True
            self._pipe.finished()

    def _emit(self, frame: object) -> None:
        gap_s = self._gap_before(frame)
        samples = self._resampler.push(frame)
        self._budget -= len(samples)
        if self._budget < 0:
            raise TooLong(0)
        if len(samples) or gap_s:
            self.heard = True
            self._pieces.append(Piece(samples, gap_s))

    def _gap_before(self, frame: object) -> float:
        pts, base = getattr(frame, "pts", None), getattr(frame, "time_base", None)
        if not self.container.has_clock or pts is None or base is None:
            return 0.0
        start_s, expected_s = float(pts * base), self.clock_s
        samples, rate_hz = getattr(frame, "samples", 0), getattr(frame, "sample_rate", 1)
        self.clock_s = start_s + samples / rate_hz
        if expected_s is None or not MIN_GAP_S <= start_s - expected_s <= MAX_GAP_S:
            return 0.0
        return start_s - expected_s


class StreamDecoder:
    """The audio of one live session: continuing containers, new ones in between, and raw PCM.

    Not thread-safe: its session feeds it from one thread at a time.
    """

    def __init__(self, max_chunk_s: float) -> None:
        self._max_s = max_chunk_s
        self._resampler = Resampler()
        self._thread: _ContainerThread | None = None
        self._init = InitSegment()
        self._broken: tuple[Container, float | None] | None = None
        self._tail = b""
        self._unheard = b""  # what the demuxer got since it last brought out any sound
        self._pcm: PcmReader | None = None

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
            self._thread = _ContainerThread(started, self._resampler, None)
        elif self._broken is not None:
            return self._resume(data)
        assert self._thread is not None
        self._init.feed(data)
        pieces = self._thread.feed(data, self._max_s)
        if pieces or started is not None:
            self._unheard = b""
            return pieces
        return self._check_progress(self._thread, data)

    def _check_progress(self, thread: _ContainerThread, data: bytes) -> list[Piece]:
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
        self._thread = _ContainerThread(container, self._resampler, clock_s)
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


__all__ = ["NO_SAMPLES", "Piece", "StreamDecoder"]
