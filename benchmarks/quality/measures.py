"""What is measured of one run: pure functions of the reference and of what a system gave."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import jiwer
import numpy as np

from benchmarks.quality.alignment import Delay, Spoken
from benchmarks.quality.run import Shown, Word
from tests.support.scores import Errors, errors, normalised

NEAR_S = 0.5
BINS = 10
_Counts = TypeVar("_Counts", "Places", "Flicker")


@dataclass(frozen=True)
class Places:
    """Errors and reference words within half a second of a border, and elsewhere."""

    near_errors: int = 0
    near_words: int = 0
    else_errors: int = 0
    else_words: int = 0

    def __add__(self, other: Places) -> Places:
        return _added(self, other)

    @property
    def near(self) -> float | None:
        """Errors near a border per 100 words there; None where there are no words."""
        return _per_cent(self.near_errors, self.near_words)

    @property
    def elsewhere(self) -> float | None:
        """Errors elsewhere per 100 words there."""
        return _per_cent(self.else_errors, self.else_words)


@dataclass(frozen=True)
class Flicker:
    """How often shown words were taken back.

    Attributes:
        taken: partial words changed or deleted by the next text, counted each time.
        spoken: words of the reference.
        stable_shown: words that were told to be stable before they were final.
        stable_taken: those of them that were taken back all the same.
    """

    taken: int = 0
    spoken: int = 0
    stable_shown: int = 0
    stable_taken: int = 0

    def __add__(self, other: Flicker) -> Flicker:
        return _added(self, other)

    @property
    def rate(self) -> float | None:
        """Words taken back per word spoken."""
        return self.taken / self.spoken if self.spoken else None

    @property
    def stable_rate(self) -> float | None:
        """Stable words taken back per 100 stable words."""
        return _per_cent(self.stable_taken, self.stable_shown)


def text_errors(reference: str, text: str, language: str) -> Errors:
    """Compare two texts; without a reference every word is an insertion."""
    words = normalised(reference, language)
    if words:
        return errors(reference, text, language)
    return Errors(insertions=word_count(text, language))


def word_count(text: str, language: str) -> int:
    """Return how many normalised words a text has."""
    return len(normalised(text, language).split())


def error_times_s(said: Spoken, text: str) -> list[float]:
    """Return where in the audio each word error is: at its reference word, or between two."""
    middles_s = said.middles_s()
    edges_s = [0.0, *middles_s, said.duration_s]
    times_s: list[float] = []
    for chunk in _aligned(said.words, normalised(text, said.language).split()):
        if chunk.type in ("substitute", "delete"):
            times_s += middles_s[chunk.ref_start_idx : chunk.ref_end_idx]
        elif chunk.type == "insert":
            at = chunk.ref_start_idx
            between_s = (edges_s[at] + edges_s[at + 1]) / 2
            times_s += [between_s] * (chunk.hyp_end_idx - chunk.hyp_start_idx)
    return times_s


def border_errors(said: Spoken, text: str, borders_s: Sequence[float]) -> Places:
    """Count errors near borders and elsewhere; nothing where no word times are known.

    Args:
        borders_s: ascending, without the start and the end of the recording.
    """
    if not said.timed or not borders_s:
        return Places()
    near_errors = [_is_near(time_s, borders_s) for time_s in error_times_s(said, text)]
    near_words = [_is_near(time_s, borders_s) for time_s in said.middles_s()]
    return Places(
        near_errors=sum(near_errors),
        near_words=sum(near_words),
        else_errors=len(near_errors) - sum(near_errors),
        else_words=len(near_words) - sum(near_words),
    )


def judged_words(said: Spoken, words: Sequence[Word]) -> list[tuple[float, bool]]:
    """Return (probability, whether it is right) of every word that has a probability."""
    parts = [
        (part, word.probability)
        for word in words
        if word.probability is not None
        for part in normalised(word.text, said.language).split()
    ]
    right: set[int] = set()
    for chunk in _aligned(said.words, [part for part, _ in parts]):
        if chunk.type == "equal":
            right.update(range(chunk.hyp_start_idx, chunk.hyp_end_idx))
    return [(probability, at in right) for at, (_, probability) in enumerate(parts)]


@dataclass(frozen=True)
class Bin:
    """Words of like probability: how many, what they claim on average, and how many are right."""

    words: int
    claimed: float
    right: float


def calibration(judged: Sequence[tuple[float, bool]], bins: int = BINS) -> list[Bin]:
    """Return bins of equal width in probability, those without words left out."""
    found: list[Bin] = []
    for n in range(bins):
        inside = [one for one in judged if min(int(one[0] * bins), bins - 1) == n]
        if inside:
            claimed = float(np.mean([probability for probability, _ in inside]))
            right = sum(right for _, right in inside) / len(inside)
            found.append(Bin(len(inside), round(claimed, 4), round(right, 4)))
    return found


def calibration_error(judged: Sequence[tuple[float, bool]]) -> float | None:
    """Return the expected calibration error, 0 to 1; None without words."""
    bins = calibration(judged)
    if not bins:
        return None
    return sum(one.words * abs(one.claimed - one.right) for one in bins) / len(judged)


def time_errors_s(said: Spoken, words: Sequence[Word]) -> tuple[list[float], list[float]]:
    """Return how far starts and ends of right words are from the manifest's, in seconds."""
    parts = [
        (part, word) for word in words for part in normalised(word.text, said.language).split()
    ]
    starts_s: list[float] = []
    ends_s: list[float] = []
    for chunk in _aligned(said.words, [part for part, _ in parts]):
        if chunk.type != "equal":
            continue
        for i in range(chunk.ref_end_idx - chunk.ref_start_idx):
            at, word = chunk.ref_start_idx + i, parts[chunk.hyp_start_idx + i][1]
            start_s, end_s = said.starts_s[at], said.ends_s[at]
            if start_s is not None:
                starts_s.append(round(abs(word.start_s - start_s), 3))
            if end_s is not None:
                ends_s.append(round(abs(word.end_s - end_s), 3))
    return starts_s, ends_s


def flicker(log: Sequence[Shown], spoken_words: int) -> Flicker:
    """Count partial words that the next shown text changes or deletes."""
    taken = stable_shown = stable_taken = frontier = final_words = 0
    before = Shown(0.0, "", "")
    for now in log:
        assert now.final.startswith(before.final), "final text changed"
        if now.final != before.final:
            final_words = len(_shown_words(now.final))
        kept = _kept(
            _shown_words(before.partial),
            _shown_words(now.final[len(before.final) :] + now.partial),
        )
        taken += kept.count(False)
        old_stable = len(_shown_words(before.partial[: before.stable_chars]))
        stable_taken += kept[:old_stable].count(False)
        stable = final_words + len(_shown_words(now.partial[: now.stable_chars]))
        frontier = max(frontier, final_words)
        stable_shown += max(0, stable - frontier)
        frontier = max(frontier, stable)
        before = now
    return Flicker(taken, spoken_words, stable_shown, stable_taken)


def longest_partial_s(delays: Sequence[Delay]) -> float | None:
    """Return the longest time from a word's first right appearance until it is final."""
    stretches = [
        one.final_s - one.shown_s
        for one in delays
        if one.final_s is not None and one.shown_s is not None
    ]
    return max(stretches, default=None)


def percentiles(values: Sequence[float], *wanted: float) -> list[float | None]:
    """Return percentiles of all values together; None without values."""
    if not values:
        return [None] * len(wanted)
    return [round(float(value), 4) for value in np.percentile(values, wanted)]


def _aligned(reference: Sequence[str], text: Sequence[str]) -> list[Any]:
    """Return jiwer's alignment, which makes as few errors as can be."""
    if not reference:
        return []
    found = jiwer.process_words(" ".join(reference), " ".join(text))
    alignment: list[Any] = found.alignments[0]
    return alignment


def _is_near(time_s: float, borders_s: Sequence[float]) -> bool:
    at = bisect.bisect_left(borders_s, time_s)
    return any(abs(border_s - time_s) <= NEAR_S for border_s in borders_s[max(0, at - 1) : at + 1])


def _shown_words(text: str) -> list[str]:
    """Return words as a reader sees them: numbers and fillers stay as they are."""
    return normalised(text, "").split()


def _kept(before: Sequence[str], after: Sequence[str]) -> list[bool]:
    """Tell for each word whether it still stands."""
    kept = [False] * len(before)
    for chunk in _aligned(before, after):
        if chunk.type == "equal":
            kept[chunk.ref_start_idx : chunk.ref_end_idx] = [True] * (
                chunk.ref_end_idx - chunk.ref_start_idx
            )
    return kept


def _added(one: _Counts, other: _Counts) -> _Counts:
    sums = {item.name: getattr(one, item.name) + getattr(other, item.name) for item in fields(one)}
    return type(one)(**sums)


def _per_cent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None
