"""The words that were spoken, when, and when each of them stood on the screen."""

from __future__ import annotations

import bisect
import difflib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.quality.run import Shown
from tests.support.recordings import Recording
from tests.support.scores import normalised

# A word may be understood before it has ended, but not sooner than this.
_EARLIEST_S = 0.5


@dataclass(frozen=True)
class Spoken:
    """The reference of one recording, normalised, word by word.

    Attributes:
        starts_s, ends_s: None where the manifest does not know it.
    """

    words: tuple[str, ...]
    starts_s: tuple[float | None, ...]
    ends_s: tuple[float | None, ...]
    language: str
    duration_s: float

    @property
    def timed(self) -> bool:
        """Whether the time of any word is known."""
        return any(end_s is not None for end_s in self.ends_s)

    def all_ends_s(self) -> list[float]:
        """Return the end of every word, interpolated where it is unknown."""
        return _interpolated(self.ends_s, self.duration_s)

    def middles_s(self) -> list[float]:
        """Return the middle of every word, interpolated where it is unknown."""
        starts_s = _interpolated(self.starts_s, self.duration_s)
        return [(a + b) / 2 for a, b in zip(starts_s, self.all_ends_s(), strict=True)]


@dataclass(frozen=True)
class Delay:
    """How long after its end one word was shown; all in seconds.

    Attributes:
        end_s: the word's end in the recording.
        shown_s: from there to its first right appearance, partial or final; None: never.
        final_s: from there to where it stood in the final text; None: never.
        batch_s: from there to the end of its batch: the waiting that no server can spare.
    """

    end_s: float
    shown_s: float | None
    final_s: float | None
    batch_s: float = 0.0


def spoken(recording: Recording) -> Spoken:
    """Return a recording's words; without times where its manifest has none."""
    words = normalised(recording.text, recording.language).split()
    timed = _manifest_words(recording)
    starts_s: list[float | None] = [None] * len(words)
    ends_s: list[float | None] = [None] * len(words)
    matcher = difflib.SequenceMatcher(None, words, [word for word, _, _ in timed], autojunk=False)
    for block in matcher.get_matching_blocks():
        for i in range(block.size):
            _, starts_s[block.a + i], ends_s[block.a + i] = timed[block.b + i]
    return Spoken(
        tuple(words), tuple(starts_s), tuple(ends_s), recording.language, recording.duration_s
    )


def delays(said: Spoken, log: Sequence[Shown], batch_ends_s: Sequence[float]) -> list[Delay]:
    """Return the delay of each word whose end is known, in the order of the words.

    Args:
        said: the reference.
        log: what stood on the screen, in order of time.
        batch_ends_s: as in `Run`, ascending; empty: unknown.
    """
    latest_s = [end_s - _EARLIEST_S for end_s in np.maximum.accumulate([0, *said.all_ends_s()])[1:]]
    shown: dict[int, float] = {}
    final: dict[int, float] = {}
    before = Shown(0.0, "", "")
    for now in log:
        # What stands there before it was spoken is another word of the same letters.
        heard = said.words[: bisect.bisect_left(latest_s, now.at_s)]
        if now.final != before.final:
            _note(final, heard, now.final, now.at_s, said.language)
        if (now.final, now.partial) != (before.final, before.partial):
            _note(shown, heard, f"{now.final} {now.partial}", now.at_s, said.language)
        before = now
    return [
        Delay(
            end_s,
            _since(shown.get(place), end_s),
            _since(final.get(place), end_s),
            _batch_s(batch_ends_s, end_s),
        )
        for place, end_s in enumerate(said.ends_s)
        if end_s is not None
    ]


def _manifest_words(recording: Recording) -> list[tuple[str, float | None, float | None]]:
    """Return (word, start, end) of the manifest; a word that is normalised to two is two."""
    if not recording.text:
        return []
    manifest = json.loads((recording.path.parent / "manifest.json").read_text(encoding="utf-8"))
    item = next(one for one in manifest if one["file"] == recording.path.name)
    return [
        (part, word["start"], word["end"])
        for word in item.get("words") or []
        for part in normalised(word["word"], recording.language).split()
    ]


def _interpolated(times_s: Sequence[float | None], duration_s: float) -> list[float]:
    known = [(at, time_s) for at, time_s in enumerate(times_s) if time_s is not None]
    places = [-1.0, *(float(at) for at, _ in known), float(len(times_s))]
    values = [0.0, *(time_s for _, time_s in known), duration_s]
    return [float(value) for value in np.interp(np.arange(len(times_s)), places, values)]


def _note(
    first_s: dict[int, float], heard: Sequence[str], text: str, at_s: float, language: str
) -> None:
    """Keep the moment for each of the heard words that stand in the text for the first time."""
    seen = normalised(text, language).split()
    blocks = difflib.SequenceMatcher(None, heard, seen, autojunk=False).get_matching_blocks()
    for block in blocks:
        for place in range(block.a, block.a + block.size):
            first_s.setdefault(place, at_s)


def _since(at_s: float | None, end_s: float) -> float | None:
    return None if at_s is None else round(at_s - end_s, 3)


def _batch_s(batch_ends_s: Sequence[float], end_s: float) -> float:
    at = bisect.bisect_left(batch_ends_s, end_s)
    return round(batch_ends_s[at] - end_s, 3) if at < len(batch_ends_s) else 0.0
