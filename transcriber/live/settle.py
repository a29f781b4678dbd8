"""Which words of a hypothesis will not change any more, though the utterance goes on.

What Whisper writes last, where the audio breaks off, is what it changes most once it hears more. A
word with enough audio behind it has been heard with all the context that decides it. So the words
whose end lies `hold_s` before the window's end may become final, and the rest is decoded again with
them as its forced prefix. Each border between two decodings costs accuracy, the less the better the
place: the words up to a clause's end become final together, and only what has been open for long is
cut elsewhere. At a pause, a text that ends a sentence becomes final as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from transcriber.engine.window import SAMPLE_RATE_HZ, Hypothesis, Window, Word
from transcriber.live.endpoint import Utterance

HOLD_S = 1.2  # the default; see the setting FINAL_HOLD_S
# How much new audio there is between two passes that may make words final, unless a pause comes.
CAREFUL_EVERY_S = 1.9
# No less than this becomes final while speech goes on: the shorter the pieces, the more borders.
LEAST_S = 0.8
# An open piece that is by so much longer than what is held is cut where its words lie farthest
# apart, if no clause has ended.
LONG_S = 3.8
# A silence this long between two words is as good as a comma.
_BREATH_S = 0.12
# How far before the last word that may become final such a place is looked for.
_SEARCH_S = 2.0
_CLAUSE_ENDS = ",;:،؛、，；："  # noqa: RUF001 (each script's own)
_SENTENCE_ENDS = ".?!…؟۔。！？।"  # noqa: RUF001 (each script's own)


@dataclass(frozen=True)
class Hearing:
    """A pass over the open piece: how things stood when its window was made; in samples.

    Attributes:
        start, end: the open piece, as far as it is in the window.
        last_speech: where the newest speech ended.
        pause_cut: where the piece would end in the pause at the window's end, if there is one.
    """

    window: Window
    start: int
    end: int
    last_speech: int
    pause_cut: int | None

    def covers(self, piece: Utterance) -> bool:
        """Tell whether it heard all of a piece, and enough of the pause after it."""
        same = (self.start, self.last_speech) == (piece.start, piece.speech_end)
        return same and self.pause_cut is not None


@dataclass(frozen=True)
class Settlement:
    """What of a hypothesis is final: its first words, the others if there are any, and the border.

    `cut` is where the audio of the others begins, in samples; their times count from there.
    """

    final: Hypothesis
    rest: Hypothesis | None
    cut: int


def settle(
    heard: Hearing, hypothesis: Hypothesis, hold_s: float = HOLD_S, whole_only: bool = False
) -> Settlement | None:
    """Return what a careful pass over the open piece makes final; None if nothing.

    Args:
        heard: the pass.
        hypothesis: what the model heard; times are seconds from the open piece's start.
        hold_s: a word whose end lies nearer to the window's end than that is not final yet.
        whole_only: nothing less than all of it, since the words of a translation have no places
            of their own in the audio.
    """
    words = hypothesis.words
    if not words or not hypothesis.sure:
        return None
    in_pause = heard.pause_cut is not None
    seconds = (heard.end - heard.start) / SAMPLE_RATE_HZ
    count = settled_words(hypothesis, seconds, in_pause, hold_s)
    if count == len(words):
        assert heard.pause_cut is not None
        cut = heard.pause_cut
    elif count == 0 or whole_only:
        return None
    else:
        between_s = (words[count - 1].end + words[count].start) / 2
        cut = heard.start + int(between_s * SAMPLE_RATE_HZ)
    final, rest = _split(hypothesis, count, (cut - heard.start) / SAMPLE_RATE_HZ)
    return Settlement(final, rest, cut)


def settled_words(heard: Hypothesis, seconds: float, in_pause: bool, hold_s: float = HOLD_S) -> int:
    """Return how many of the words are final.

    Args:
        heard: the hypothesis, with words; times are seconds from the open piece's start.
        seconds: length of the open piece as it was heard.
        in_pause: whether a pause that may end a sentence lies at its end.
        hold_s: as in `settle`.
    """
    words = heard.words
    if in_pause and ends_sentence(heard.text):
        return len(words)
    # The last word stays open whatever its time: nothing follows that would confirm its border.
    places = [
        n
        for n, word in enumerate(words[:-1], 1)
        if word.end >= LEAST_S and _latest_end(words[:n]) <= seconds - hold_s
    ]
    clauses = [n for n in places if _ends_clause(words[n - 1], words[n])]
    if clauses or not places or seconds < hold_s + LONG_S:
        return max(clauses, default=0)
    near = [n for n in places if words[n - 1].end >= words[places[-1] - 1].end - _SEARCH_S]
    return max(near, key=lambda n: (words[n].start - words[n - 1].end, n))


def _latest_end(words: tuple[Word, ...]) -> float:
    """Return the latest end; alignment may put a word's before that of the one before it."""
    return max(word.end for word in words)


def _ends_clause(word: Word, following: Word) -> bool:
    marked = word.word.rstrip()[-1:] in _CLAUSE_ENDS or ends_sentence(word.word)
    return marked or following.start - word.end >= _BREATH_S


def ends_sentence(text: str) -> bool:
    """Tell whether a text ends with a sentence; three dots mean that it was broken off."""
    text = text.rstrip("\"'”») ")
    return bool(text) and text[-1] in _SENTENCE_ENDS and not text.endswith("...")


def _split(heard: Hypothesis, count: int, seconds: float) -> tuple[Hypothesis, Hypothesis | None]:
    """Return the first `count` words, none beyond `seconds`, and the others, counted from there."""
    words = tuple(
        replace(word, start=min(word.start, seconds), end=min(word.end, seconds))
        for word in heard.words[:count]
    )
    first = replace(
        heard,
        text="".join(word.word for word in words),
        words=words,
        start=words[0].start,
        end=words[-1].end,
        tokens=heard.tokens if count == len(heard.words) else (),
    )
    others = tuple(
        replace(word, start=max(0.0, word.start - seconds), end=max(0.0, word.end - seconds))
        for word in heard.words[count:]
    )
    if not others:
        return first, None
    rest = replace(
        heard,
        text="".join(word.word for word in others),
        words=others,
        start=others[0].start,
        end=others[-1].end,
        tokens=(),
    )
    return first, rest
