"""Which words of a hypothesis will not change any more, though the utterance goes on.

What Whisper writes last, where the audio breaks off, is what it changes most once it hears more. A
word with enough audio behind it has been heard with all the context that decides it. So the words
whose end lies `hold_s` before the window's end may become final, and the rest is decoded again with
them as its forced prefix. Each border between two decodings costs accuracy, the less the better the
place: the words up to a clause's end become final together, and only what has been open for long is
cut elsewhere, where two passes have heard the same words. At a pause, a text that ends a sentence
becomes final as a whole.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from transcriber.engine.guards import sound
from transcriber.engine.window import SAMPLE_RATE_HZ, Hypothesis, Word
from transcriber.live.hearing import Hearing
from transcriber.live.sentences import ends_sentence

HOLD_S = 1.2  # the default; see the setting FINAL_HOLD_S
# So many words follow the last one that becomes final while speech goes on: to one who speaks or
# sings slowly, the seconds that are held are less than a word.
_FOLLOWING = 3
# No less than this becomes final while speech goes on: the shorter the pieces, the more borders.
LEAST_S = 0.8
# An open piece that is by so much longer than what is held is cut where its words lie farthest
# apart, if no clause has ended.
LONG_S = 2.6
# Words that are less probable than this, on the mean, wait for more context, but not for ever; and
# where two passes have heard the same, words that are more likely wrong than right.
LEAST_PROBABILITY, LEAST_AGREED = 0.8, 0.5
PATIENCE_S = 10.2
# A silence this long between two words is as good as a comma.
_BREATH_S = 0.12
# How far before the last word that may become final such a place is looked for.
_SEARCH_S = 2.0
# In a short pause after so little speech the model often ends a sentence where there is none. It
# is believed after a pause that is longer.
BRIEF_S = 2.0
SURE_PAUSE_S = 0.6
_CLAUSE_ENDS = ",;:،؛、，；："  # noqa: RUF001 (each script's own)


@dataclass(frozen=True)
class Settlement:
    """What of a hypothesis is final: its first words, the others if there are any, and the border.

    `cut` is where the audio of the others begins, in samples; their times count from there.
    """

    final: Hypothesis
    rest: Hypothesis | None
    cut: int


def settle(
    heard: Hearing,
    hypothesis: Hypothesis,
    before: Sequence[Word] = (),
    hold_s: float = HOLD_S,
    whole_only: bool = False,
) -> Settlement | None:
    """Return what a careful pass over the open piece makes final; None if nothing.

    Args:
        heard: the pass.
        hypothesis: what the model heard; times are seconds from the open piece's start.
        before: what the careful pass before it heard of the same piece.
        hold_s: a word whose end lies nearer to the window's end than that is not final yet.
        whole_only: nothing less than all of it, since the words of a translation have no places
            of their own in the audio.
    """
    words = hypothesis.words
    if not words or not hypothesis.sure:
        return None
    agreed = _agreed(before, words)
    count = settled_words(hypothesis, heard.seconds, agreed, heard.pause_s, hold_s)
    if count == len(words):
        assert heard.pause_cut is not None
        cut = heard.pause_cut
    elif count == 0 or whole_only:
        return None
    else:
        between_s = (words[count - 1].end + words[count].start) / 2
        cut = heard.start + int(between_s * SAMPLE_RATE_HZ)
    seconds = (cut - heard.start) / SAMPLE_RATE_HZ
    final = _part(hypothesis, words[:count], 0.0, seconds)
    rest = _part(hypothesis, words[count:], seconds, math.inf) if count < len(words) else None
    return Settlement(final, rest, cut)


def settled_words(
    heard: Hypothesis,
    seconds: float,
    agreed: int = 0,
    pause_s: float = 0.0,
    hold_s: float = HOLD_S,
) -> int:
    """Return how many of the words are final.

    Args:
        heard: the hypothesis, with words; times are seconds from the open piece's start.
        seconds: length of the open piece as it was heard.
        agreed: how many of the words the pass before has heard too.
        pause_s: length of the pause at its end, if it is one that may end a sentence, else 0.
        hold_s: as in `settle`.
    """
    words = heard.words
    brief = words[-1].end - words[0].start < BRIEF_S
    ended = pause_s >= SURE_PAUSE_S if brief else pause_s > 0
    if ended and ends_sentence(heard.text):
        return len(words)
    # The last words stay open whatever their time: little follows that would confirm the border.
    places = [
        n
        for n, word in enumerate(words[:-_FOLLOWING], 1)
        if word.end >= LEAST_S and _latest_end(words[:n]) <= seconds - hold_s
    ]
    if seconds < PATIENCE_S:
        places = [n for n in places if _is_certain(words, n, agreed)]
    clauses = [n for n in places if _ends_clause(words[n - 1], words[n])]
    if clauses or not places or seconds < hold_s + LONG_S:
        return max(clauses, default=0)
    near = [n for n in places if words[n - 1].end >= words[places[-1] - 1].end - _SEARCH_S]
    return max(near, key=lambda n: (words[n].start - words[n - 1].end, n))


def _agreed(before: Sequence[Word], words: Sequence[Word]) -> int:
    """Return how many words two passes have heard alike, up to the first that they have not."""
    pairs = zip(before, words, strict=False)
    alike = [sound(one.word) == sound(other.word) for one, other in pairs]
    return (*alike, False).index(False)


def _is_certain(words: tuple[Word, ...], count: int, agreed: int) -> bool:
    """Tell whether the first words need no more context, so that a border may follow them."""
    probability = _probability(words[:count])
    if count <= agreed:
        return probability >= LEAST_AGREED
    return probability >= LEAST_PROBABILITY and _ends_clause(words[count - 1], words[count])


def _probability(words: tuple[Word, ...]) -> float:
    return sum(word.probability for word in words) / len(words)


def _latest_end(words: tuple[Word, ...]) -> float:
    """Return the latest end; alignment may put a word's before that of the one before it."""
    return max(word.end for word in words)


def _ends_clause(word: Word, following: Word) -> bool:
    marked = word.word.rstrip()[-1:] in _CLAUSE_ENDS or ends_sentence(word.word)
    return marked or following.start - word.end >= _BREATH_S


def _part(heard: Hypothesis, words: tuple[Word, ...], start_s: float, end_s: float) -> Hypothesis:
    """Return some of the words, their times from `start_s`; none reaches beyond `end_s`."""

    def within(time_s: float) -> float:
        return min(max(time_s, start_s), end_s) - start_s

    words = tuple(replace(one, start=within(one.start), end=within(one.end)) for one in words)
    return replace(
        heard,
        text="".join(word.word for word in words),
        words=words,
        start=words[0].start,
        end=words[-1].end,
        # They are known for all of the words together only.
        tokens=heard.tokens if len(words) == len(heard.words) else (),
    )
