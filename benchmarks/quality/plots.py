"""Pictures of a run: one per recording, and the trade-off between delay and errors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.quality import measures
from benchmarks.quality.alignment import Spoken, delays, spoken
from benchmarks.quality.run import Run
from benchmarks.quality.summary import Summary

_SHOWN, _FINAL, _ERROR = "#8fb8de", "#1f4e79", "#c0392b"
_MARKERS = "osD^v"
# More borders than this are drawn as nothing but a grey field.
_MOST_BORDERS = 120
# One stray word must not flatten all the others.
_HIGHEST_S = 30.0


def plot_recordings(runs: Sequence[Run], folder: Path) -> list[Path]:
    """Draw each recording: the delay of every word, a row per system. Return the files."""
    paths: list[Path] = []
    folder.mkdir(parents=True, exist_ok=True)
    for name in dict.fromkeys(run.recording.path for run in runs):
        own = [run for run in runs if run.recording.path == name and run.timed]
        if own and spoken(own[0].recording).timed:
            path = folder / f"{name.stem}.png"
            _plot_recording(own, path)
            paths.append(path)
    return paths


def _plot_recording(runs: Sequence[Run], path: Path) -> None:
    recording = runs[0].recording
    said = spoken(recording)
    size = (max(9.0, recording.duration_s / 6), 1 + 1.9 * len(runs))
    # Without pyplot nothing looks for a screen, and nothing has to be closed.
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(len(runs), 1, sharex=True, sharey=True, squeeze=False)
    for axis, run in zip(axes[:, 0], runs, strict=True):
        _draw(axis, run, said)
    axes[0, 0].legend(loc="upper right", ncols=4, fontsize="small", framealpha=0.9)
    axes[-1, 0].set_xlabel("seconds of audio")
    figure.suptitle(f"{recording.path.name}: seconds from a word's end to the screen")
    figure.savefig(path, dpi=110)


def _draw(axis: Axes, run: Run, said: Spoken) -> None:
    found = delays(said, run.log, run.batch_ends_s)
    if len(run.borders_s) <= _MOST_BORDERS:
        for border_s in run.borders_s:
            axis.axvline(border_s, color="#e6e6e6", linewidth=0.7, zorder=0)
    shown = [(one.end_s, one.shown_s) for one in found if one.shown_s is not None]
    final = [(one.end_s, one.final_s) for one in found if one.final_s is not None]
    for one in found:
        if one.shown_s is not None and one.final_s is not None:
            both_s = [one.shown_s, one.final_s]
            axis.plot([one.end_s] * 2, both_s, color="#cccccc", linewidth=0.6, zorder=1)
    axis.scatter(*_columns(shown), s=9, color=_SHOWN, label="shown", zorder=3)
    axis.scatter(*_columns(final), s=20, color=_FINAL, label="final", zorder=2)
    errors_s = measures.error_times_s(said, run.text)
    zeros = [0.0] * len(errors_s)
    axis.scatter(errors_s, zeros, s=34, marker="x", color=_ERROR, label="error", zorder=4)
    top_s = max([1.0, *(delay_s for _, delay_s in [*shown, *final])])
    low, high = axis.get_ylim()
    axis.set_ylim(min(low, -0.5), min(_HIGHEST_S, max(high, 1.05 * top_s)))
    wer = measures.text_errors(run.recording.text, run.text, said.language).wer
    axis.set_title(f"{run.system}   WER {wer:.1f} %", loc="left", fontsize="medium")
    axis.set_ylabel("s")
    axis.grid(axis="y", color="#eeeeee")
    axis.set_axisbelow(True)


def _columns(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]


def plot_trade_off(found: Sequence[Summary], path: Path) -> Path | None:
    """Draw the median delay to final against the errors, a point per system; None: no times."""
    points = [
        (one.system, measures.percentiles(one.final_s(), 50)[0], one.errors.wer)
        for one in found
        if one.delays and one.errors.words
    ]
    if not points:
        return None
    whole = [one for one in found if one.errors.words and not one.delays]
    figure = Figure(figsize=(9, 5.5), layout="constrained")
    axis = figure.subplots()
    for at, (name, delay_s, wer) in enumerate(points):
        if delay_s is not None:
            marker = _MARKERS[at // 10 % len(_MARKERS)]
            axis.plot([delay_s], [wer], marker, color=f"C{at % 10}", markersize=9, label=name)
    for one, line in zip(whole, ("--", ":"), strict=False):
        axis.axhline(one.errors.wer, color="#777777", linestyle=line, label=one.system)
    axis.set_xlabel("median seconds from a word's end until it is final")
    axis.set_ylabel("word errors, %")
    axis.set_xlim(0, 1.1 * max(delay_s or 0 for _, delay_s, _ in points))
    axis.set_ylim(0, 1.1 * max(1.0, *(wer for *_, wer in points)))
    figure.legend(loc="outside right center", fontsize="small")
    axis.grid(color="#eeeeee")
    axis.set_axisbelow(True)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    return path
