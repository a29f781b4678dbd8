"""Other ways to decode the same audio with the same weights, in this process, for comparison.

Live ones run in virtual time: a pass starts when its audio is over and the pass before has ended,
takes as long as it was measured to take, and its words are shown at its end.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from faster_whisper import WhisperModel

from benchmarks.quality.agreement import LocalAgreement, Segment
from benchmarks.quality.run import Run, Shown, Word
from tests.support.recordings import RATE_HZ, Recording, Samples

BEAM_SIZE = 5
NAIVE_S = 2.0
# What the service takes where COMPUTE_TYPE is not set.
COMPUTE_TYPES = {"cpu": "int8", "cuda": "float16"}


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def service_threads() -> int:
    """Return the threads of a pass in the service where CPU_THREADS is not set."""
    return max(1, cores() // 2)


class FasterWhisper:
    """faster-whisper as it is, and the recipes made of it.

    Args:
        path: folder with the weights.
        device: `cpu` or `cuda`.
        cpu_threads: threads of one pass on a CPU.
        task: `transcribe` or `translate`.
        detect: leave the language to the model.
        workers: how many calls may be in the model at once.
    """

    def __init__(
        self,
        path: Path,
        device: str,
        cpu_threads: int,
        task: str = "transcribe",
        detect: bool = False,
        workers: int = 1,
    ) -> None:
        self._whisper: Any = WhisperModel(
            str(path),
            device=device,
            compute_type=COMPUTE_TYPES[device],
            cpu_threads=cpu_threads,
            num_workers=workers,
        )
        self._task = task
        self._detect = detect

    def whole(self, recording: Recording) -> Run:
        """Decode the whole file as `transcribe` does; words come from a second, untimed call."""
        run = Run("whole file", recording, "")
        samples = recording.samples()
        with _cost(run):
            run.text = "".join(one.text for one in self.segments(samples, recording))
        for segment in self.segments(samples, recording, word_timestamps=True):
            run.words += _words(segment)
        return run

    def naive(self, recording: Recording) -> Run:
        """Decode every two seconds by themselves."""
        run = Run(f"naive {NAIVE_S:g} s", recording, "", timed=True)
        samples = recording.samples()
        now_s = 0.0
        for start in range(0, len(samples), round(NAIVE_S * RATE_HZ)):
            piece = samples[start : start + round(NAIVE_S * RATE_HZ)]
            end_s = (start + len(piece)) / RATE_HZ
            with _cost(run) as took_s:
                run.text += "".join(one.text for one in self.segments(piece, recording))
            now_s = max(now_s, end_s) + took_s()
            run.chunk_ends_s.append(end_s)
            run.log.append(Shown(now_s, run.text, ""))
        run.batch_ends_s = run.chunk_ends_s
        run.seams_s = run.borders_s
        return run

    def agreement(self, recording: Recording, every_s: float) -> Run:
        """Run LocalAgreement-2 with a pass every so many seconds, or as often as it can."""
        run = Run(f"agreement {every_s:g} s", recording, "", timed=True)
        samples = recording.samples()
        duration_s = len(samples) / RATE_HZ

        stream = self.agreement_stream(recording)
        heard_s = now_s = 0.0
        while heard_s < duration_s:
            # Late, it takes all audio there is by then.
            now_s = max(now_s, min(heard_s + every_s, duration_s))
            heard_s = min(now_s, duration_s)
            with _cost(run) as took_s:
                stream.hear(samples[: round(heard_s * RATE_HZ)])
            now_s += took_s()
            run.chunk_ends_s.append(heard_s)
            if heard_s >= duration_s:
                stream.finish()
            run.log.append(Shown(now_s, text_of(stream.committed), text_of(stream.tail)))
        run.batch_ends_s = [*np.arange(every_s, duration_s, every_s).tolist(), duration_s]
        run.words = stream.committed
        run.text = text_of(run.words)
        return run

    def agreement_stream(self, recording: Recording) -> LocalAgreement:
        """Return a stream of LocalAgreement-2 that hears a recording's audio with this model."""

        def decode(audio: Samples, prompt: str) -> list[Segment]:
            found = self.segments(
                audio, recording, word_timestamps=True, initial_prompt=prompt or None
            )
            return [Segment(one.end, tuple(_words(one)), one.no_speech_prob) for one in found]

        return LocalAgreement(decode)

    def segments(self, audio: Samples, recording: Recording, **options: Any) -> list[Any]:
        """Decode samples (float32, shape (n,), 16 kHz) in a recording's language."""
        segments, _ = self._whisper.transcribe(
            audio,
            beam_size=BEAM_SIZE,
            language=None if self._detect else recording.language or None,
            task=self._task,
            **options,
        )
        return list(segments)

    def warm_up(self, recording: Recording) -> None:
        """Make the first call, which takes longer than any other."""
        self.segments(recording.samples()[: 2 * RATE_HZ], recording, word_timestamps=True)


@contextmanager
def _cost(run: Run) -> Iterator[Callable[[], float]]:
    """Add the block's time to the run; afterwards the yielded call tells it, in seconds."""
    start_s, start_cpu_s = time.perf_counter(), time.process_time()
    took: list[float] = []
    yield lambda: took[0]
    took.append(time.perf_counter() - start_s)
    run.model_s += took[0]
    run.cpu_s += time.process_time() - start_cpu_s


def _words(segment: Any) -> list[Word]:
    return [Word(one.word, one.start, one.end, one.probability) for one in segment.words or []]


def text_of(words: list[Word]) -> str:
    """Return words as text."""
    return "".join(word.text for word in words)
