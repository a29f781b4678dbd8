"""Subtitles that can be read: where a transcript is parted into cues, and a cue into lines.

The limits are those that broadcasters agree on: two lines of 42 characters, shown for one to seven
seconds, parted where sentences and clauses end or somebody pauses. Of all ways to part a transcript
the cheapest is taken (dynamic programming, as Knuth and Plass part a paragraph into lines).
"""

from __future__ import annotations

import itertools
import math
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from transcriber.engine.window import Word
from transcriber.live.sentences import ends_sentence
from transcriber.live.transcript import Segment

LINE_CHARS, LINES = 42, 2
LEAST_S, MOST_S = 1.0, 7.0
# A silence that long is no part of a cue; a shorter one is as good as a comma.
SILENCE_S, PAUSE_S = 2.0, 0.3
_CLAUSE_ENDS = ",;:،؛、，；：—–"  # noqa: RUF001 (each script's own)
# What it costs to part words where nothing ends, where a clause ends, where a sentence does; and
# each cue as such, so that there are few.
_ANYWHERE, _CLAUSE, _SENTENCE, _CUE = 12.0, 4.0, 0.0, 3.0
# What it costs that a cue can't be shown for a second, as the next one begins before.
_HASTY = 40.0
_RIGHT_TO_LEFT_MARK = "\u200f"


@dataclass(frozen=True)
class Cue:
    """What is shown at once: its lines, and the words of each; seconds from the recording's start.

    Without words of their own times, segments' words are placed by their length.
    """

    start: float
    end: float
    lines: tuple[tuple[Word, ...], ...]

    def texts(self) -> list[str]:
        """Return each line's text; in one from right to left a mark keeps its punctuation there."""
        texts = [_text(line) for line in self.lines]
        if not runs_to_the_left(" ".join(texts)):
            return texts
        return [f"{_RIGHT_TO_LEFT_MARK}{text}{_RIGHT_TO_LEFT_MARK}" for text in texts]


def cues(segments: Sequence[Segment]) -> list[Cue]:
    """Return the cues of a transcript, in order of time, none beginning before the last has ended.

    A gap, where audio was lost, is a cue of its own.
    """
    found: list[Cue] = []
    for words in _runs(segments):
        found.extend(_parted(words))
    starts = [cue.start for cue in found[1:]] + [math.inf] * bool(found)
    return [_in_time(cue, next_s) for cue, next_s in zip(found, starts, strict=True)]


def runs_to_the_left(text: str) -> bool:
    """Tell whether a text is written from right to left, by its first letter."""
    kinds = (unicodedata.bidirectional(character) for character in text)
    return next((kind for kind in kinds if kind in ("L", "R", "AL")), "L") != "L"


def _runs(segments: Sequence[Segment]) -> Iterator[list[Word]]:
    """Yield the words between gaps and long silences."""
    run: list[Word] = []
    for segment in segments:
        for word in _words(segment):
            if run and (segment.gap or word.start - run[-1].end >= SILENCE_S):
                yield run
                run = []
            # Alignment may put a word before the end of the one before it.
            start = max(word.start, run[-1].end if run else 0.0)
            run.append(replace(word, start=start, end=max(word.end, start)))
        if segment.gap and run:
            yield run
            run = []
    if run:
        yield run


def _words(segment: Segment) -> Iterator[Word]:
    """Yield a segment's words, none longer than a line; without times of their own by length."""
    words = segment.words or (Word(segment.text, segment.start, segment.end, 0.0),)
    for word in words:
        pieces = list(_pieces(word.word))
        letters = sum(map(len, pieces))
        at, seconds = word.start, word.end - word.start
        for piece in pieces:
            end = at + seconds * len(piece) / letters
            yield Word(piece, at, end, word.probability)
            at = end


def _pieces(text: str) -> Iterator[str]:
    """Yield a text's words with the blank before them, those longer than a line in pieces."""
    for n, word in enumerate(text.split()):
        blank = " " if n or text[:1].isspace() else ""
        for at in range(0, len(word), LINE_CHARS):
            yield (blank if at == 0 else "") + word[at : at + LINE_CHARS]


def _parted(words: list[Word]) -> list[Cue]:
    """Part words into cues at the least cost."""
    line = _reach(words)
    both = [line[end] if end < len(words) else end for end in line]
    best: list[tuple[float, int]] = [(0.0, 0)]  # up to each word: the cost, and where its cue began
    for end in range(1, len(words) + 1):
        options: list[tuple[float, int]] = []
        for start in range(end - 1, -1, -1):
            too_long = end > both[start] or _seconds(words, start, end) > MOST_S
            if too_long and options:
                break
            options.append((best[start][0] + _cost(words, start, end), start))
        best.append(min(options))
    borders = [len(words)]
    while borders[-1] > 0:
        borders.append(best[borders[-1]][1])
    borders.reverse()
    return [_cue(words[start:end]) for start, end in itertools.pairwise(borders)]


def _reach(words: Sequence[Word]) -> list[int]:
    """Return for each word the place behind the last one that fits into a line with it."""
    reach: list[int] = []
    end, chars = 0, 0
    for word in words:
        blank = len(word.word) - len(word.word.lstrip())
        while end < len(words) and chars + len(words[end].word) - blank <= LINE_CHARS:
            chars += len(words[end].word)
            end += 1
        reach.append(end)
        chars -= len(word.word)
    return reach


def _seconds(words: Sequence[Word], start: int, end: int) -> float:
    return words[end - 1].end - words[start].start


def _cost(words: Sequence[Word], start: int, end: int) -> float:
    """Return the cost of a cue, and of ending it there."""
    cost = _CUE
    if end < len(words):
        cost += _border(words[end - 1], words[end])
        shown_s = words[end].start - words[start].start
    else:
        shown_s = LEAST_S
    return cost + (_HASTY if shown_s < LEAST_S else 0.0)


def _border(word: Word, following: Word) -> float:
    if ends_sentence(word.word):
        return _SENTENCE
    pauses = following.start - word.end >= PAUSE_S
    return _CLAUSE if pauses or word.word.rstrip()[-1:] in _CLAUSE_ENDS else _ANYWHERE


def _cue(words: Sequence[Word]) -> Cue:
    return Cue(words[0].start, words[-1].end, _lines(words))


def _lines(words: Sequence[Word]) -> tuple[tuple[Word, ...], ...]:
    """Return words in one line or two, of which the upper ends a clause, or both are alike."""
    if len(_text(words)) <= LINE_CHARS:
        return (tuple(words),)
    options = []
    for at in range(1, len(words)):
        upper, lower = len(_text(words[:at])), len(_text(words[at:]))
        if max(upper, lower) <= LINE_CHARS:
            options.append((_border(words[at - 1], words[at]) + abs(upper - lower) / 4, at))
    _, at = min(options)
    return tuple(words[:at]), tuple(words[at:])


def _text(words: Sequence[Word]) -> str:
    return "".join(word.word for word in words).strip()


def _in_time(cue: Cue, next_s: float) -> Cue:
    """Show a cue long enough to be read, and not beyond the beginning of the next."""
    end = min(max(cue.end, cue.start + LEAST_S), cue.start + MOST_S)
    return replace(cue, end=min(end, next_s))
