"""LocalAgreement: the words on which passes in a row agree are stable.

After Macháček, Dabre and Bojar, "Turning Whisper into Real-Time Transcription System" (2023);
the policy itself is from Liu, Spanakis and Niehues, "Low-Latency Sequence-to-Sequence Speech
Recognition and Translation by Partial Hypothesis Selection" (2020).

A reader is disturbed by words that come and go, so not each hypothesis is shown as it is: one that
contradicts what two agreed on has to be heard twice, and one that leaves out words more often.
"""

from __future__ import annotations

import difflib
import re
from collections import deque

_WORD = re.compile(r"\S+")
_NOT_SOUND = re.compile(r"[\W_]+")
# So many hypotheses in a row against what is shown are believed, whatever they say.
_PATIENCE = 4
# By so many words a hypothesis does not become shorter while one speaks, unless it left them out.
_MANY = 3
# Audio between two passes after which the next one is too far to leave a word to it.
_SOON_S = 1.0
# Words are stable when all passes over so much audio say the same, two at least: passes that follow
# each other closely err together.
STABLE_AFTER_S = 1.0


class LocalAgreement:
    """Follows the hypotheses of one utterance: what of the newest to show, and what is stable.

    Attributes:
        newest: the newest hypothesis that was believed, with all its words.
    """

    def __init__(self) -> None:
        self.newest = ""
        # What was believed lately, and where its audio ended.
        self._heard: deque[tuple[float, list[str]]] = deque()
        self._agreed: list[str] = []  # what the newest two say
        self._against: list[list[str]] = []  # the newest hypotheses, if all contradict
        self._shown = ("", 0)

    def update(self, text: str, end_s: float, cut_off: bool = False) -> tuple[str, int]:
        """Take the newest hypothesis and return what to show, and how much of it is stable.

        Args:
            text: the hypothesis.
            end_s: where the audio ends that it was heard in, in seconds of the recording.
            cut_off: whether the audio breaks off in speech: the last word may be half of one, so
                where passes follow closely on each other it is left out until the next.

        Returns:
            The text to show, and how many of its first characters are stable. These are whole
            words; they are measured against the new text, so that words which differ only in case
            or punctuation still agree. For text without spaces, each run is one word.
        """
        spans = [match.span() for match in _WORD.finditer(text)]
        words = [_sound(text[start:end]) for start, end in spans]
        if not self._is_believed(words):
            return self._shown
        soon = bool(self._heard) and end_s - self._heard[-1][0] <= _SOON_S
        self.newest, self._against = text, []
        self._agreed = words[: _common(self._heard[-1][1], words)] if self._heard else []
        self._heard.append((end_s, words))
        while len(self._heard) > 2 and self._heard[1][0] <= end_s - STABLE_AFTER_S:
            self._heard.popleft()
        count = len(words)
        if cut_off and soon and count > max(1, len(self._agreed)):
            count -= 1
        shown = text[: spans[count - 1][1]] if count < len(words) else text
        stable = self._stable(end_s - STABLE_AFTER_S)
        self._shown = shown, spans[stable - 1][1] if stable else 0
        return self._shown

    def loses(self, text: str) -> bool:
        """Tell whether a hypothesis leaves out words that two agreed on, not changing them."""
        return self._loses([_sound(word) for word in _WORD.findall(text)])

    def forget(self, text: str) -> None:
        """The beginning of the hypothesis is final: what follows is compared without it."""
        count = len(_WORD.findall(text))
        self._heard = deque((end_s, words[count:]) for end_s, words in self._heard)
        self._agreed = self._agreed[count:]
        self._against = []
        self.newest = _behind(self.newest, count)
        shown, stable = self._shown
        self._shown = _behind(shown, count), len(_behind(shown[:stable], count))

    def _stable(self, before_s: float) -> int:
        """Return how many words all hypotheses say, if one of them is old enough."""
        if self._heard[0][0] > before_s:
            return 0
        newest = self._heard[-1][1]
        return min(_common(words, newest) for _, words in self._heard)

    def _is_believed(self, words: list[str]) -> bool:
        """Tell whether a hypothesis says what was agreed on, or has been heard often enough.

        With a forced prefix the model now and then leaves out what comes first.
        """
        count = len(self._agreed)
        if words[:count] == self._agreed:
            return True
        again = bool(self._against) and self._against[-1][:count] == words[:count]
        self._against.append(words)
        return len(self._against) >= _PATIENCE or (again and not self._loses(words))

    def _loses(self, words: list[str]) -> bool:
        count = len(self._agreed)
        if words[:count] == self._agreed:
            return False
        if len(words) <= len(self._heard[-1][1]) - _MANY:
            return True
        matcher = difflib.SequenceMatcher(None, self._agreed, words, autojunk=False)
        return any(tag == "delete" for tag, *_ in matcher.get_opcodes())


def _behind(text: str, count: int) -> str:
    """Return what follows the first `count` words."""
    ends = [match.end() for match in _WORD.finditer(text)]
    return text[ends[min(count, len(ends)) - 1] :] if count and ends else text


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
