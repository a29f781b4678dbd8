"""A number of live sessions at once on one system, and what came of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from benchmarks.quality import measures
from benchmarks.quality.run import Run
from tests.support.recordings import Recording
from tests.support.scores import Errors

# Of the chunks; if more have to wait for an earlier one's reply, a backlog builds up.
_BACKLOG = 0.05


@dataclass(frozen=True)
class Used:
    """What a system has used since it began: CPU seconds, passes of the model, windows in them."""

    cpu_s: float
    passes: int
    windows: int
    rss_mb: float


class System(Protocol):
    """Something that transcribes several live sessions at once."""

    name: str

    def live(self, recording: Recording, chunk_s: float) -> Run:
        """Transcribe a recording in real time, in chunks of so many seconds."""

    def used(self) -> Used:
        """Return what it has used."""


@dataclass(frozen=True)
class Stage:
    """What a number of sessions at once saw.

    Attributes:
        server_ms: the time of each chunk at the server, from its arrival to its reply.
        gathered: the share of the chunks that had to wait for the replies to earlier ones.
        model_s, cpu_s: seconds in the model, and CPU seconds, for `audio_s` seconds of audio.
        windows: per pass of the model.
        rss_mb: memory at the end.
    """

    system: str
    sessions: int
    chunk_s: float
    server_ms: Sequence[float]
    gathered: float
    model_s: float
    cpu_s: float
    audio_s: float
    wall_s: float
    windows: float
    rss_mb: float
    errors: Errors

    def holds(self, target_ms: float) -> bool:
        """Tell whether 95 % of the replies came within the target, and no backlog built up."""
        return self.percentile(95) <= target_ms and self.gathered <= _BACKLOG

    def percentile(self, per_cent: int) -> float:
        """Return a percentile of the server's times, in milliseconds."""
        return measures.percentiles(self.server_ms, per_cent)[0] or 0.0

    def as_json(self) -> dict[str, Any]:
        """Return the figures by name."""
        return {
            "system": self.system,
            "sessions": self.sessions,
            "chunk_s": self.chunk_s,
            "replies": len(self.server_ms),
            **{f"p{n}_ms": round(self.percentile(n)) for n in (50, 95, 99)},
            "gathered": round(self.gathered, 3),
            "model_s_per_s": round(self.model_s / self.audio_s, 4),
            "cpu_s_per_s": round(self.cpu_s / self.audio_s, 4),
            "cores_busy": round(self.cpu_s / self.wall_s, 3),
            "windows_per_pass": round(self.windows, 2),
            "rss_mb": round(self.rss_mb, 1),
            "wer": round(self.errors.wer, 2),
        }


def run_stage(
    system: System, recordings: Sequence[Recording], sessions: int, chunk_s: float
) -> Stage:
    """Let so many sessions speak at once, their chunks spread evenly over time."""
    before, start_s = system.used(), time.monotonic()
    pause = threading.Event()

    def speak(number: int) -> Run:
        pause.wait(chunk_s * number / sessions)
        return system.live(recordings[number % len(recordings)], chunk_s)

    with ThreadPoolExecutor(sessions) as threads:
        runs = list(threads.map(speak, range(sessions)))
    after = system.used()
    passes = after.passes - before.passes
    return Stage(
        system=system.name,
        sessions=sessions,
        chunk_s=chunk_s,
        server_ms=[one for run in runs for one in run.reply_ms],
        gathered=1
        - _sum(runs, lambda run: len(run.chunk_ends_s) / len(run.batch_ends_s)) / sessions,
        model_s=_sum(runs, lambda run: run.model_s),
        cpu_s=after.cpu_s - before.cpu_s,
        audio_s=_sum(runs, lambda run: run.audio_s),
        wall_s=time.monotonic() - start_s,
        windows=(after.windows - before.windows) / passes if passes else 0.0,
        rss_mb=after.rss_mb,
        errors=sum(map(_errors, runs), Errors()),
    )


def most_that_hold(
    measure: Callable[[int], Stage], numbers: Sequence[int], target_ms: float
) -> list[Stage]:
    """Measure growing numbers of sessions until one does not hold, then those between.

    Args:
        measure: measures so many sessions.
        numbers: ascending.
        target_ms: see `Stage.holds`.
    """
    stages: list[Stage] = []
    low = high = 0
    for number in numbers:
        stages.append(measure(number))
        if not stages[-1].holds(target_ms):
            high = number
            break
        low = number
    # Between them by halves, to an eighth of the number.
    while high - low > max(1, high // 8):
        middle = (low + high) // 2
        stages.append(measure(middle))
        low, high = (middle, high) if stages[-1].holds(target_ms) else (low, middle)
    return sorted(stages, key=lambda stage: stage.sessions)


def held(stages: Sequence[Stage], target_ms: float) -> int:
    """Return the largest number of sessions that held."""
    return max((one.sessions for one in stages if one.holds(target_ms)), default=0)


def _sum(runs: Sequence[Run], value: Callable[[Run], float]) -> float:
    return sum(value(run) for run in runs)


def _errors(run: Run) -> Errors:
    return measures.text_errors(run.recording.text, run.text, run.recording.language)
