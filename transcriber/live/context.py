"""What the final lane knows besides the piece: the pieces just before it, and how fast one speaks.

A piece that is decoded alone loses words for want of context; a long prompt brings old errors back.
Measured best: the audio of the pieces just before, with their text as a forced prefix, so that the
model hears them but can't write them again.
"""

from __future__ import annotations

import statistics
from collections import deque
from dataclasses import dataclass

from transcriber.engine.guards import letters
from transcriber.engine.window import SAMPLE_RATE_HZ
from transcriber.live.endpoint import Utterance

LEFT_S = 8.0  # audio before the piece, in whole pieces
_MOST_S = 29.0  # with the piece itself: Whisper's window less a margin
_MARGIN_S = 0.5  # a piece may begin that much before the place where an utterance was parted
_ADJOINING_S = 1.0  # silence between two pieces that still belong together
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
    """Where the window starts, in samples, and the text of its final pieces."""

    start: int
    text: str = ""


class Context:
    """Remembers the latest final pieces of one session."""

    def __init__(self) -> None:
        self._pieces: deque[tuple[Utterance, str]] = deque()
        self._rates: deque[float] = deque(maxlen=_REMEMBERED)
        self._border = 0  # what lies before it is no context for what lies behind

    def left_of(self, start: int, heard_to: int) -> Left:
        """Return the final pieces to put before audio from `start` to `heard_to`, in samples."""
        left = Left(start)
        for before, text in reversed(self._pieces):
            near = left.start - before.end < _ADJOINING_S * SAMPLE_RATE_HZ
            short = start - before.start <= LEFT_S * SAMPLE_RATE_HZ
            fits = heard_to - before.start <= _MOST_S * SAMPLE_RATE_HZ
            parted = before.end <= self._border <= start + _MARGIN_S * SAMPLE_RATE_HZ
            if parted or not (near and short and fits):
                break
            left = Left(before.start, f"{text.strip()} {left.text}".strip())
        return left

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

    def note(self, piece: Utterance, text: str, sure: bool) -> None:
        """Remember a piece that became final; an unsure one is no context for the next."""
        text = text.strip()
        if not sure:
            self._pieces.clear()
            return
        if piece.speech_s >= 1.0:
            self._rates.append(letters(text) / piece.speech_s)
        if text:
            self._pieces.append((piece, text))
        while self._pieces and piece.end - self._pieces[0][0].start > 2 * LEFT_S * SAMPLE_RATE_HZ:
            self._pieces.popleft()

    def part(self, position: int) -> None:
        """What lies before a position, in samples, is no context for what lies behind."""
        self._border = position

    def forget(self) -> None:
        """What comes next does not adjoin: audio was lost."""
        self._pieces.clear()
