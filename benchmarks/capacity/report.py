"""The tables and the picture of how many sessions are held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from benchmarks.capacity.stage import Stage, held

_COLUMNS = (
    ("sessions", "", 9),
    ("p50", "ms", 7),
    ("p95", "ms", 7),
    ("p99", "ms", 7),
    ("late", "%", 7),
    ("model", "s/s", 8),
    ("CPU", "s/s", 8),
    ("cores", "busy", 7),
    ("windows", "a pass", 9),
    ("memory", "MB", 8),
    ("WER", "%", 7),
)
HEAD = tuple(
    f"{'':16}" + "".join(f"{column[row]:>{column[2]}}" for column in _COLUMNS) for row in (0, 1)
)


def line(stage: Stage, target_ms: float) -> str:
    """Return a stage's line under `HEAD`; one that did not hold is marked."""
    times = "".join(f"{stage.percentile(n):7.0f}" for n in (50, 95, 99))
    audio_s = stage.audio_s
    mark = "" if stage.holds(target_ms) else "  does not hold"
    return (
        f"{stage.system:16}{stage.sessions:9}{times}{100 * stage.gathered:7.1f}"
        f"{stage.model_s / audio_s:8.3f}{stage.cpu_s / audio_s:8.3f}"
        f"{stage.cpu_s / stage.wall_s:7.2f}{stage.windows:9.2f}{stage.rss_mb:8.0f}"
        f"{stage.errors.wer:7.1f}{mark}"
    )


def ratio_table(found: Mapping[str, Sequence[Stage]], target_ms: float) -> list[str]:
    """Return how many sessions each system held, and how many times that the first one holds."""
    ours = held(next(iter(found.values())), target_ms)
    lines = [f"{'':16}{'sessions held':>14}{'ours to that':>14}"]
    for name, stages in found.items():
        most = held(stages, target_ms)
        lines.append(f"{name:16}{most:14}" + (f"{ours / most:14.1f}" if most else f"{'-':>14}"))
    return lines


def plot(found: Mapping[str, Sequence[Stage]], target_ms: float, path: Path) -> None:
    """Draw the 95th and 50th percentile of the server's time over the number of sessions."""
    figure = Figure(figsize=(9, 5.5), layout="constrained")
    axis = figure.subplots()
    for at, (name, stages) in enumerate(found.items()):
        numbers = [one.sessions for one in stages]
        for per_cent, style in ((95, "-o"), (50, ":")):
            values = [one.percentile(per_cent) for one in stages]
            axis.plot(numbers, values, style, color=f"C{at}", label=f"{name}, p{per_cent}")
    axis.axhline(target_ms, color="#777777", linestyle="--", label="target")
    axis.set_xlabel("live sessions at once")
    axis.set_ylabel("milliseconds from a chunk's arrival to its reply")
    axis.set_yscale("log")
    axis.grid(color="#eeeeee")
    axis.set_axisbelow(True)
    axis.legend(fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
