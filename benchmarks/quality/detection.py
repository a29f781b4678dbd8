"""Whether a live session finds the language, and whether it keeps it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.quality.run import Run

# A language may be told after so much speech.
SPEECH_S = 3.0


@dataclass(frozen=True)
class Detection:
    """The languages told in one run.

    Attributes:
        expected: as the manifest says.
        told: in the first reply after 3 s of speech; None: none, or there was less speech.
        enough: whether there were 3 s of speech.
        flips: how often a told language changed afterwards, over the whole session.
    """

    recording: str
    expected: str
    told: str | None
    enough: bool
    flips: int


def detection(run: Run) -> Detection:
    """Judge the languages of a run's replies."""
    late = [language for heard_s, language in run.languages if heard_s >= SPEECH_S]
    known = [language for _, language in run.languages if language is not None]
    flips = sum(one != before for before, one in itertools.pairwise(known))
    told = late[0] if late else None
    recording = run.recording
    return Detection(recording.path.name, recording.language, told, bool(late), flips)


def lines(runs: Sequence[Run]) -> list[str]:
    """Return a table: right of total and flips per system, and each recording that went wrong."""
    heads = f"{'right':>7}{'none yet':>10}{'wrong':>7}{'flips':>7}{'too short':>11}"
    table = [f"{'language after 3 s':30}{heads}"]
    for system in dict.fromkeys(run.system for run in runs if run.languages):
        found = [detection(run) for run in runs if run.system == system]
        judged = [one for one in found if one.enough]
        right = sum(one.told == one.expected for one in judged)
        flips = sum(one.flips for one in found)
        short = len(found) - len(judged)
        unknown = sum(one.told is None for one in judged)
        wrong = len(judged) - right - unknown
        table.append(f"{system:30}{right:7d}{unknown:10d}{wrong:7d}{flips:7d}{short:11d}")
        table += [
            f"    {one.recording}: {one.expected}, told {one.told}, {one.flips} flips"
            for one in found
            if one.flips or (one.enough and one.told != one.expected)
        ]
    return table
