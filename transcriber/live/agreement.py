"""LocalAgreement-2: the words on which two passes in a row agree are stable.

After Macháček, Dabre and Bojar, "Turning Whisper into Real-Time Transcription System" (2023);
the policy itself is from Liu, Spanakis and Niehues, "Low-Latency Sequence-to-Sequence Speech
Recognition and Translation by Partial Hypothesis Selection" (2020).
"""

from __future__ import annotations

import re

_WORD = re.compile(r"\S+")
_NOT_SOUND = re.compile(r"[\W_]+")


class LocalAgreement:
    """Follows the hypotheses of one utterance and tells how much of the newest is stable."""

    def __init__(self) -> None:
        self._previous: list[str] = []
        self._stable = 0

    def update(self, text: str) -> int:
        """Take the newest hypothesis and return how many of its characters are stable.

        The count covers whole words. It is measured against the new text, so words that differ
        only in case or punctuation still agree. For text without spaces, each run is one word.
        """
        spans = [match.span() for match in _WORD.finditer(text)]
        words = [_sound(text[start:end]) for start, end in spans]
        self._stable = _common(self._previous, words)
        self._previous = words
        return spans[self._stable - 1][1] if self._stable else 0

    def forget(self, text: str) -> None:
        """The beginning of the hypothesis is final: what follows is compared without it."""
        words = len(_WORD.findall(text))
        self._previous = self._previous[words:]
        self._stable = max(0, self._stable - words)


def _sound(word: str) -> str:
    return _NOT_SOUND.sub("", word).casefold()


def _common(left: list[str], right: list[str]) -> int:
    """Return the length of the common prefix."""
    count = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        count += 1
    return count
