"""The usual ways to make Whisper live, in this process, on a pool of three workers."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import psutil

from benchmarks.capacity.stage import Used
from benchmarks.quality.run import Run
from benchmarks.quality.systems import FasterWhisper, text_of
from tests.support.recordings import RATE_HZ, Recording, Samples

WORKERS = 3


class Usual:
    """One call of `WhisperModel.transcribe` per chunk; the chunk's time is that until its end.

    Args:
        whisper: the model, for as many calls at once as there are workers.
    """

    name = "chunk by chunk"

    def __init__(self, whisper: FasterWhisper) -> None:
        self._whisper = whisper
        self._pool = ThreadPoolExecutor(WORKERS)
        self._lock = threading.Lock()
        self._passes = 0

    def live(self, recording: Recording, chunk_s: float) -> Run:
        """Decode each chunk by itself when its audio is over."""
        run = Run(self.name, recording, "")
        clock, samples = _Clock(), recording.samples()
        run.batch_ends_s = run.chunk_ends_s = _ends_s(recording, chunk_s)
        asked: list[Future[str]] = []
        for at, end_s in enumerate(run.batch_ends_s):
            clock.wait_for(end_s)
            start = round(at * chunk_s * RATE_HZ)
            piece = samples[start : round(end_s * RATE_HZ)]
            asked.append(self._pool.submit(self._chunk, run, clock, piece, end_s))
        run.text = "".join(one.result() for one in asked)
        return run

    def used(self) -> Used:
        """Return what this process has used."""
        with self._lock:
            passes = self._passes
        memory_mb = psutil.Process().memory_info().rss / 1e6
        return Used(time.process_time(), passes, passes, memory_mb)

    def _chunk(self, run: Run, clock: _Clock, piece: Samples, end_s: float) -> str:
        start_s = time.perf_counter()
        segments = self._whisper.segments(piece, run.recording)
        self._note(run, clock, [end_s], start_s)
        return "".join(segment.text for segment in segments)

    def _note(self, run: Run, clock: _Clock, ends_s: list[float], start_s: float) -> None:
        with self._lock:
            self._passes += 1
            run.model_s += time.perf_counter() - start_s
            run.reply_ms += [round(1000 * (clock.now_s() - end_s)) for end_s in ends_s]


class GrowingBuffer(Usual):
    """LocalAgreement-2: each call hears the session's buffer, with all audio there is by then."""

    name = "growing buffer"

    def live(self, recording: Recording, chunk_s: float) -> Run:
        """Decode the buffer when a chunk's audio is over, and the call before has come back."""
        run = Run(self.name, recording, "")
        clock, samples = _Clock(), recording.samples()
        run.batch_ends_s = ends_s = _ends_s(recording, chunk_s)
        stream = self._whisper.agreement_stream(recording)

        def hear(new_s: list[float]) -> None:
            start_s = time.perf_counter()
            stream.hear(samples[: round(new_s[-1] * RATE_HZ)])
            self._note(run, clock, new_s, start_s)

        first = 0
        while first < len(ends_s):
            clock.wait_for(ends_s[first])
            new_s = [end_s for end_s in ends_s[first:] if end_s <= clock.now_s()] or [ends_s[first]]
            run.chunk_ends_s.append(new_s[-1])
            self._pool.submit(hear, new_s).result()
            first += len(new_s)
        stream.finish()
        run.text = text_of(stream.committed)
        return run


class _Clock:
    """Seconds since the audio began."""

    def __init__(self) -> None:
        self._start_s = time.monotonic()
        self._never = threading.Event()

    def now_s(self) -> float:
        return time.monotonic() - self._start_s

    def wait_for(self, audio_s: float) -> None:
        self._never.wait(max(0.0, audio_s - self.now_s()))


def _ends_s(recording: Recording, chunk_s: float) -> list[float]:
    count = -(-recording.duration_s // chunk_s)
    return [min(recording.duration_s, (n + 1) * chunk_s) for n in range(int(count))]
