"""What a pass knows besides the piece: the words just before it, and how fast one speaks.

A piece that is decoded alone loses words for want of context; a long prompt brings old errors back.
Measured best: the audio just before, with its text as a forced prefix, so that the model hears it
but can't write it again. It is the sound that matters: with 5 s of it instead of 8 the errors grew
by a fifth, and the same text as a prompt made up for nothing.
"""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from transcriber.engine.guards import letters
from transcriber.engine.window import PREFIX_S, SAMPLE_RATE_HZ, Word
from transcriber.live.endpoint import Utterance

_MOST_S = 29.0  # with the piece itself: Whisper's window less a margin
_MARGIN_S = 0.5  # a piece may begin that much before the place where an utterance was parted
_ADJOINING_S = 1.0  # silence between two words that still belong together
_FEW = 3  # pieces after which their rate of speech means something
_REMEMBERED = 50
# Far fewer letters a second than this speaker's usual: the model stopped early.
_SHORT = 0.7
# Letters a second before that is known: few, but more than a model that stopped has written.
_FEW_A_SECOND = 8.0
# A character is a syllable or more in these languages.
_FEW_SYLLABLES_A_SECOND = 2.5
_SYLLABIC = ("ja", "ko", "yue", "zh")
_MIN_SPEECH_S = 2.0
# That much speech holds a word, and a word has that many letters.
_WORD_S, _A_WORD = 0.5, 2


@dataclass(frozen=True)
class Left:
    """Where the window starts, in samples, and the text from there to the piece."""

    start: int
    text: str = ""


@dataclass(frozen=True)
class _Said:
    """A final word, or a piece whose words have no times; where it lies, in samples."""

    start: int
    end: int
    text: str


class Context:
    """Remembers the latest final words of one session."""

    def __init__(self) -> None:
        self._said: deque[_Said] = deque()
        self._rates: deque[float] = deque(maxlen=_REMEMBERED)
        self._border = 0  # what lies before it is no context for what lies behind

    def left_of(self, start: int, heard_to: int) -> Left:
        """Return the final words to put before audio from `start` to `heard_to`, in samples."""
        left = Left(start)
        for before in reversed(self._said):
            near = left.start - before.end < _ADJOINING_S * SAMPLE_RATE_HZ
            short = start - before.start <= PREFIX_S * SAMPLE_RATE_HZ
            fits = heard_to - before.start <= _MOST_S * SAMPLE_RATE_HZ
            parted = before.end <= self._border <= start + _MARGIN_S * SAMPLE_RATE_HZ
            if parted or not (near and short and fits):
                break
            left = Left(before.start, before.text + left.text)
        return Left(left.start, left.text.strip())

    def least_letters(self, speech_s: float, shown: str = "", language: str | None = None) -> int:
        """Return the letters below which the model has probably stopped early; 0: none needed.

        Args:
            speech_s: seconds of speech in what it hears.
            shown: what was heard there before.
            language: the session's, if it is known.
        """
        least = self._least_letters(speech_s, language)
        return max(least, int(_SHORT * letters(shown)))

    def _least_letters(self, speech_s: float, language: str | None) -> int:
        if speech_s < _MIN_SPEECH_S:
            return _A_WORD if speech_s >= _WORD_S else 0
        known = len(self._rates) >= _FEW
        few = _FEW_SYLLABLES_A_SECOND if language in _SYLLABIC else _FEW_A_SECOND
        rate = statistics.median(self._rates) if known else few
        return int(_SHORT * rate * speech_s)

    def note(self, piece: Utterance, text: str, sure: bool, words: Sequence[Word] = ()) -> None:
        """Remember a piece that became final; an unsure one is no context for the next.

        Args:
            piece: where it was.
            text: what was said in it.
            sure: whether it was heard without trouble.
            words: the same with times, in seconds from the piece's start, where these are known.
        """
        if not sure:
            self._said.clear()
            return
        if piece.speech_s >= 1.0:
            self._rates.append(letters(text) / piece.speech_s)
        self._said += _parts(piece, text, words)
        while self._said and piece.end - self._said[0].start > 2 * PREFIX_S * SAMPLE_RATE_HZ:
            self._said.popleft()

    def part(self, position: int) -> None:
        """What lies before a position, in samples, is no context for what lies behind."""
        self._border = position

    def forget(self) -> None:
        """What comes next does not adjoin: audio was lost."""
        self._said.clear()


def _parts(piece: Utterance, text: str, words: Sequence[Word]) -> Iterator[_Said]:
    """Cut a piece between its words, where a window may begin."""
    if not text.strip():
        return
    if not words:
        yield _Said(piece.start, piece.end, f" {text.strip()}")
        return
    start = piece.start
    for n, word in enumerate(words):
        last = n == len(words) - 1
        between_s = word.end if last else (word.end + words[n + 1].start) / 2
        end = max(start, min(piece.end, piece.start + int(between_s * SAMPLE_RATE_HZ)))
        yield _Said(start, piece.end if last else end, word.word)
        start = end
