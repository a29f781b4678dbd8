"""A number of live sessions at once on one system, and whether the system holds them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from benchmarks.beside.systems import Session, System
from benchmarks.quality import measures
from benchmarks.quality.run import Run
from benchmarks.quality.summary import Summary
from tests.support.recordings import Recording

# Words may come so much later than with one session alone.
MOST_LATER_S = 2.0
# The last text may come so long after the audio's end.
MOST_AFTER_END_S = 10.0
# Sessions begin within this time: nobody begins at once.
_SPREAD_S = 1.0

_COLUMNS = (
    ("sessions", "", 9),
    ("words", "right %", 9),
    ("WER", "%", 7),
    ("shown", "p50 s", 8),
    ("", "p95 s", 7),
    ("final", "p50 s", 8),
    ("", "p95 s", 7),
    ("last", "s", 7),
    ("CPU", "s/s", 8),
)
HEAD = tuple(
    f"{'':18}" + "".join(f"{column[row]:>{column[2]}}" for column in _COLUMNS) for row in (0, 1)
)


@dataclass(frozen=True)
class Stage:
    """What a number of sessions at once gave.

    Attributes:
        summary: of all of them together.
        texts: (name of the recording, final text) of each.
        after_end_s: from the end of a recording to its last text, at the latest.
    """

    system: str
    sessions: int
    summary: Summary
    texts: Sequence[tuple[str, str]]
    after_end_s: float

    @property
    def right(self) -> float:
        """Words right, in per cent of those spoken."""
        errors = self.summary.errors
        wrong = errors.substitutions + errors.deletions
        return 100 * (errors.words - wrong) / max(1, errors.words)

    def shown_s(self, per_cent: float) -> float | None:
        """Return a percentile of the delays of first right appearances; None: no word came."""
        return measures.percentiles(self.summary.shown_s(), per_cent)[0]

    def final_s(self, per_cent: float) -> float | None:
        """Return the same of becoming final."""
        return measures.percentiles(self.summary.final_s(), per_cent)[0]

    def holds(self, alone: Stage) -> bool:
        """Tell whether words come about as soon as with one session, and the last ones in time."""
        now_s, before_s = self.shown_s(95), alone.shown_s(95)
        if now_s is None or before_s is None:
            return False
        return now_s <= before_s + MOST_LATER_S and self.after_end_s <= MOST_AFTER_END_S

    def as_json(self) -> dict[str, Any]:
        """Return the figures by name, and what they were computed from."""
        return {
            "sessions": self.sessions,
            "right_percent": round(self.right, 2),
            "after_end_s": round(self.after_end_s, 3),
            "texts": self.texts,
            **self.summary.as_json(),
        }


def run_stage(name: str, system: System, recordings: Sequence[Recording], sessions: int) -> Stage:
    """Let so many sessions speak at once; one alone plays all recordings one after the other.

    Raises:
        PeerFailed: a session failed.
    """
    before_s = system.cpu_s()
    if sessions == 1:
        runs = [system.open()(one) for one in recordings]
    else:
        runs = _at_once(system, [recordings[n % len(recordings)] for n in range(sessions)])
    summary = Summary(name)
    for run in runs:
        summary.add(run, None)
    # Of the whole system: what each session saw of it would count the others too.
    summary.cpu_s = system.cpu_s() - before_s
    texts = [(run.recording.path.name, run.text) for run in runs]
    return Stage(name, sessions, summary, texts, max(_after_end_s(run) for run in runs))


def until_not_held(measure: Callable[[int], Stage], numbers: Sequence[int]) -> list[Stage]:
    """Measure one session, then growing numbers until one is not held.

    Args:
        measure: measures so many sessions.
        numbers: how many, ascending.
    """
    stages = [measure(1)]
    for number in numbers:
        if number > 1 and stages[-1].holds(stages[0]):
            stages.append(measure(number))
    return stages


def held(stages: Sequence[Stage]) -> int:
    """Return the largest number of sessions that was held; the first stage is one alone."""
    return max((one.sessions for one in stages if one.holds(stages[0])), default=0)


def line(stage: Stage, alone: Stage | None = None) -> str:
    """Return a stage's line under `HEAD`; one that is not held, beside one alone, is marked."""
    shown = f"{_seconds(stage.shown_s(50)):>8}{_seconds(stage.shown_s(95)):>7}"
    final = f"{_seconds(stage.final_s(50)):>8}{_seconds(stage.final_s(95)):>7}"
    cpu = stage.summary.cpu_s / stage.summary.audio_s
    mark = "  not held" if alone and not stage.holds(alone) else ""
    return (
        f"{stage.system:18}{stage.sessions:9}{stage.right:9.1f}{stage.summary.errors.wer:7.1f}"
        f"{shown}{final}{stage.after_end_s:7.2f}{cpu:8.3f}{mark}"
    )


def _at_once(system: System, recordings: Sequence[Recording]) -> list[Run]:
    # All are ready before the first one speaks: loading a model takes from who is heard already.
    opened = [(system.open(), one) for one in recordings]
    pause = threading.Event()

    def speak(number: int, session: Session, recording: Recording) -> Run:
        pause.wait(_SPREAD_S * number / len(opened))
        return session(recording)

    with ThreadPoolExecutor(len(opened)) as threads:
        asked = [threads.submit(speak, number, *one) for number, one in enumerate(opened)]
    return [one.result() for one in asked]


def _after_end_s(run: Run) -> float:
    return max(0.0, run.log[-1].at_s - run.audio_s) if run.log else 0.0


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
