"""One container being decoded in a thread of its own, while its bytes still come.

The container is opened on a reader that blocks while it has no bytes. `feed` hands it bytes and
returns as soon as the thread asks for more: whatever those bytes complete has been decoded by then,
so the result does not depend on timing.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

from transcriber.audio.containers import Container
from transcriber.audio.decode import decoded_frames, open_container
from transcriber.audio.errors import AudioError, TooLong, Undecodable
from transcriber.audio.resample import SAMPLE_RATE_HZ, Resampler, Samples

log = logging.getLogger(__name__)

# A jump of the container's clock below this is jitter, above it lost audio.
MIN_GAP_S = 0.15
# A jump beyond this is a broken clock and no gap anybody recorded through.
MAX_GAP_S = 3600.0
# Long enough for the largest chunk on a busy machine; a decoder that takes longer hangs.
DECODE_TIMEOUT_S = 60.0


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


class ContainerThread:
    """One container being decoded. Only `feed` and `close` are called from outside."""

    def __init__(self, container: Container, resampler: Resampler, clock_s: float | None) -> None:
        self.container = container
        self.clock_s = clock_s  # where the container's clock stood after the last frame
        self.done = False
        self.heard = False  # whether any sound has come out
        self._resampler = resampler
        self._pipe = _Pipe()
        self._pieces: list[Piece] = []
        self._gap_s = 0.0  # before the frames that are to be resampled together
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
        self._release()  # the thread waits, or has ended
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
        except Exception as error:  # a bug must cost these bytes, not leave them in silence
            log.exception("Decoding a %s stream failed", self.container.name)
            reason = type(error).__name__
            self._error = Undecodable(f"The {self.container.name} can't be decoded ({reason}).")
        finally:
            self.done = True
            self._pipe.finished()

    def _emit(self, frame: object) -> None:
        gap_s = self._gap_before(frame)
        if gap_s:
            self._release()
            self._gap_s = gap_s
        samples = self._resampler.gather(frame)
        if len(samples):
            self._add(samples)

    def _release(self) -> None:
        samples = self._resampler.release()
        if len(samples) or self._gap_s:
            self._add(samples)

    def _add(self, samples: Samples) -> None:
        self._budget -= len(samples)
        if self._budget < 0:
            raise TooLong(0)
        self.heard = True
        self._pieces.append(Piece(samples, self._gap_s))
        self._gap_s = 0.0

    def _gap_before(self, frame: object) -> float:
        pts, base = getattr(frame, "pts", None), getattr(frame, "time_base", None)
        if not self.container.has_clock or pts is None or base is None:
            return 0.0
        start_s = float(pts * base)
        expected_s = start_s if self.clock_s is None else self.clock_s
        gap_s = start_s - expected_s
        if -MIN_GAP_S < gap_s < MIN_GAP_S:
            # Small differences are kept, not forgotten: many of them in a row are a gap, and
            # without that a recording of hours would drift away from its own clock.
            start_s, gap_s = expected_s, 0.0
        samples, rate_hz = getattr(frame, "samples", 0), getattr(frame, "sample_rate", 1)
        self.clock_s = start_s + samples / rate_hz
        return gap_s if 0 < gap_s <= MAX_GAP_S else 0.0
