"""The tables that people read."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.quality import measures
from benchmarks.quality.run import Run
from benchmarks.quality.summary import Summary

Value = float | int | None


@dataclass(frozen=True)
class Column:
    """One figure of every system, under a title that neighbours may share."""

    group: str
    title: str
    width: int
    decimals: int
    value: Callable[[Summary], Value]

    def cell(self, one: Summary) -> str:
        """Return the figure of one system, right-aligned; a dash where there is none."""
        value = self.value(one)
        text = "-" if value is None else f"{value:.{self.decimals}f}"
        return f"{text:>{self.width}}"


def text_table(found: Sequence[Summary]) -> list[str]:
    """How right the final text is, and what it cost."""
    whole = next((one for one in found if one.system == "whole file"), None)

    def ratio(one: Summary) -> Value:
        return _cost(one) / _cost(whole) if whole and whole.model_s else None

    starts, ends = (lambda one: one.starts_s), (lambda one: one.ends_s)
    columns = [
        Column("", "words", 7, 0, lambda one: one.errors.words),
        Column("", "WER %", 7, 2, lambda one: one.errors.wer if one.errors.words else None),
        Column("", "sub", 5, 0, lambda one: one.errors.substitutions),
        Column("", "del", 5, 0, lambda one: one.errors.deletions),
        Column("", "ins", 5, 0, lambda one: one.errors.insertions),
        Column("to whole", "WER %", 9, 2, _difference),
        Column("errors per 100 words", "border", 8, 2, lambda one: one.borders.near),
        Column("errors per 100 words", "else", 7, 2, lambda one: one.borders.elsewhere),
        Column("errors per 100 words", "seam", 7, 2, lambda one: one.seams.near),
        Column("calib.", "error", 7, 3, lambda one: measures.calibration_error(one.judged)),
        *_percentiles("start s", starts, (50, 95), 6),
        *_percentiles("end s", ends, (50, 95), 6),
        Column("model", "s/s", 7, 3, _cost),
        Column("to", "whole", 6, 1, ratio),
        Column("CPU", "s/s", 7, 3, lambda one: one.cpu_s / one.audio_s),
    ]
    return _table("final text", found, columns)


def time_table(found: Sequence[Summary]) -> list[str]:
    """How soon words are shown and final, and how calmly."""
    columns = [
        Column("", "words", 7, 0, lambda one: len(one.delays)),
        Column("", "missed", 7, 0, lambda one: len(one.delays) - len(one.shown_s())),
        *_percentiles("batch", lambda one: [delay.batch_s for delay in one.delays], (50, 95), 6),
        *_percentiles("shown", lambda one: one.shown_s(), (50, 95, 100), 6),
        *_percentiles("less batch", lambda one: one.shown_s(less_batch=True), (50, 95), 6),
        *_percentiles("final", lambda one: one.final_s(), (50, 95, 100), 6),
        *_percentiles("less batch", lambda one: one.final_s(less_batch=True), (50, 95), 6),
        Column("partial", "max", 8, 2, lambda one: measures.longest_partial_s(one.delays)),
        Column("taken", "back", 7, 3, lambda one: one.flicker.rate),
        Column("stable", "back %", 7, 2, lambda one: one.flicker.stable_rate),
        Column("stable", "of", 6, 0, lambda one: one.flicker.stable_shown),
    ]
    timed = [one for one in found if one.delays]
    return _table("delay in s", timed, columns)


def calibration_table(found: Sequence[Summary]) -> list[str]:
    """What share of the words is right, by the probability that they were told with."""
    judged = [one for one in found if one.judged]
    if not judged:
        return []
    width = _name_width("probability", judged)
    table = [
        f"{'probability':{width}}"
        + "".join(f"{f'{n / 5:.1f} to {(n + 1) / 5:.1f}':>20}" for n in range(5))
    ]
    for one in judged:
        cells = ["-"] * 5
        for each in measures.calibration(one.judged, bins=5):
            cells[min(int(each.claimed * 5), 4)] = f"{100 * each.right:.0f} % of {each.words}"
        table.append(f"{one.system:{width}}" + "".join(f"{cell:>20}" for cell in cells))
    return table


def sound_table(runs: Sequence[Run]) -> list[str]:
    """Words written in sounds without speech: final, and at most at a time on the screen."""
    systems = list(dict.fromkeys(run.system for run in runs))
    width = max(len(name) for name in systems) + 2
    table = [
        f"{'words: final/most shown':28}{'s':>6}" + "".join(f"{name:>{width}}" for name in systems)
    ]
    by_place = {(run.system, run.recording.path.name): run for run in runs}
    for sound in dict.fromkeys(run.recording.path.name for run in runs):
        row = [by_place[name, sound] for name in systems]
        cells = [f"{_words(run)}/{_most_shown(run)}" for run in row]
        line = f"{sound:28}{row[0].audio_s:6.0f}"
        table.append(line + "".join(f"{cell:>{width}}" for cell in cells))
    line = f"{'final words per minute':34}"
    for name in systems:
        own = [run for run in runs if run.system == name]
        per_minute = 60 * sum(map(_words, own)) / sum(run.audio_s for run in own)
        line += f"{per_minute:{width}.2f}"
    return [*table, line]


def _table(name: str, found: Sequence[Summary], columns: Sequence[Column]) -> list[str]:
    """Return two lines of titles and one line per system; nothing without systems."""
    if not found:
        return []
    width = _name_width(name, found)
    groups = f"{'':{width}}"
    for group, members in itertools.groupby(columns, key=lambda column: column.group):
        groups += f"{group:>{sum(column.width for column in members)}}"
    titles = f"{name:{width}}" + "".join(f"{one.title:>{one.width}}" for one in columns)
    rows = [
        f"{one.system:{width}}" + "".join(column.cell(one) for column in columns) for one in found
    ]
    return [groups.rstrip(), titles, *rows]


def _name_width(name: str, found: Sequence[Summary]) -> int:
    return max(len(name), *(len(one.system) for one in found)) + 1


def _percentiles(
    group: str, values: Callable[[Summary], Sequence[float]], wanted: Sequence[int], width: int
) -> list[Column]:
    """Return columns with percentiles of all values of a system together; 100 is the maximum."""

    def column(percent: int, place: int) -> Column:
        title = "max" if percent == 100 else f"p{percent}"
        # A blank more sets the group apart.
        return Column(
            group,
            title,
            width + (place == 0),
            2,
            lambda one: measures.percentiles(values(one), percent)[0],
        )

    return [column(percent, place) for place, percent in enumerate(wanted)]


def _difference(one: Summary) -> Value:
    return one.difference.wer if one.difference.words else None


def _cost(one: Summary) -> float:
    return one.model_s / one.audio_s


def _words(run: Run) -> int:
    return measures.word_count(run.text, run.recording.language)


def _most_shown(run: Run) -> int:
    texts = [run.text, *(f"{one.final} {one.partial}" for one in run.log)]
    return max(measures.word_count(text, run.recording.language) for text in texts)
