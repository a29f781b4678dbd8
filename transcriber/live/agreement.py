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
from collections.abc import Sequence

from transcriber.engine.guards import sound

_WORD = re.compile(r"\S+")
# So many hypotheses in a row against what is shown are believed, whatever they say.
_PATIENCE = 4
# By so many words a hypothesis does not become shorter while one speaks, unless it left them out.
_MANY = 3
# Words are stable when all passes over so much audio say the same, two at least: passes that follow
# each other closely err together.
STABLE_AFTER_S = 1.4
# Where the audio breaks off, last words less probable than this wait for the next pass.
LIKELY = 0.9
_MOST_HELD = 3
_A_WORD = 15  # letters, at most


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
        self._confirmed: list[str] = []  # what the newest careful pass said
        self._against: list[list[str]] = []  # the newest hypotheses, if all contradict
        self._shown = ("", 0)

    def update(
        self, text: str, end_s: float, cut_off: bool = False, likely: Sequence[float] = ()
    ) -> tuple[str, int]:
        """Take the newest hypothesis and return what to show, and how much of it is stable.

        Args:
            text: the hypothesis.
            end_s: where the audio ends that it was heard in, in seconds of the recording.
            cut_off: whether the audio breaks off in speech and more comes soon: the last word may
                be half of one, so it is left out until the next pass.
            likely: the probability of each word, where that is known.

        Returns:
            The text to show, and how many of its first characters are stable. These are whole
            words; they are measured against the new text, so that words which differ only in case
            or punctuation still agree. For text without spaces, each run is one word.
        """
        spans = [match.span() for match in _WORD.finditer(text)]
        words = [sound(text[start:end]) for start, end in spans]
        if not self._is_believed(words):
            return self._shown
        self.newest, self._against = text, []
        self._agreed = words[: _common(self._heard[-1][1], words)] if self._heard else []
        self._heard.append((end_s, words))
        while len(self._heard) > 2 and self._heard[1][0] <= end_s - STABLE_AFTER_S:
            self._heard.popleft()
        count = self._heard_whole(words, likely) if cut_off else len(words)
        shown = text[: spans[count - 1][1] if count else 0] if count < len(words) else text
        stable = self._stable(end_s - STABLE_AFTER_S)
        self._shown = shown, spans[stable - 1][1] if stable else 0
        return self._shown

    def confirm(self, text: str) -> None:
        """Take what a careful pass heard: only what it says too can be stable.

        Quick passes agree on words that a wider search gives up.
        """
        self._confirmed = [sound(word) for word in _WORD.findall(text)]

    def loses(self, text: str, older: bool = False) -> bool:
        """Tell whether a hypothesis leaves out words that two agreed on, not changing them.

        `older`: of less audio than these, so it is not to blame for the last of them.
        """
        words = [sound(word) for word in _WORD.findall(text)]
        return self._loses(words, self._agreed[: len(words)] if older else self._agreed)

    def forget(self, text: str) -> tuple[str, int]:
        """The beginning of the hypotheses is final: return what is shown without it.

        They may have heard it in other words.
        """
        final = [sound(word) for word in _WORD.findall(text)]
        self._heard = deque((end_s, words[_end(final, words) :]) for end_s, words in self._heard)
        self._agreed = self._agreed[_end(final, self._agreed) :]
        self._confirmed = self._confirmed[_end(final, self._confirmed) :]
        self._against = []
        self.newest = rest_behind(text, self.newest)
        shown, stable = self._shown
        rest = rest_behind(text, shown)
        self._shown = rest, max(0, len(rest) - (len(shown) - stable))
        return self._shown

    def _heard_whole(self, words: list[str], likely: Sequence[float]) -> int:
        """Return how many of the words are worth showing where the audio breaks off."""
        # Where words are not spaced, all of them are one.
        alone = len(words) == 1 and len(words[0]) > _A_WORD
        least = max(1 if alone else 0, len(self._agreed), len(words) - _MOST_HELD)
        count = len(words)
        while count > least:
            known = count <= len(likely)
            if known and likely[count - 1] >= LIKELY:
                break
            count -= 1
            if not known:
                break
        return count

    def _stable(self, before_s: float) -> int:
        """Return how many words all hypotheses say, if one of them is old enough."""
        if self._heard[0][0] > before_s:
            return 0
        newest = self._heard[-1][1]
        every = [*(words for _, words in self._heard), self._confirmed]
        return min(_common(words, newest) for words in every)

    def _is_believed(self, words: list[str]) -> bool:
        """Tell whether a hypothesis says what was agreed on, or has been heard often enough.

        With a forced prefix the model now and then leaves out what comes first.
        """
        count = len(self._agreed)
        if words[:count] == self._agreed:
            return True
        again = bool(self._against) and self._against[-1][:count] == words[:count]
        self._against.append(words)
        return len(self._against) >= _PATIENCE or (again and not self._loses(words, self._agreed))

    def _loses(self, words: list[str], agreed: list[str]) -> bool:
        if words[: len(agreed)] == agreed:
            return False
        if agreed is self._agreed and len(words) <= len(self._heard[-1][1]) - _MANY:
            return True
        matcher = difflib.SequenceMatcher(None, agreed, words, autojunk=False)
        return any(tag == "delete" for tag, *_ in matcher.get_opcodes())


def rest_behind(final: str, text: str) -> str:
    """Return what follows in a text that begins with words which are final, heard alike or not."""
    ends = [match.end() for match in _WORD.finditer(text)]
    count = _end(*([sound(word) for word in _WORD.findall(one)] for one in (final, text)))
    return text[ends[count - 1] :] if count else text


def _end(final: list[str], words: list[str]) -> int:
    """Return how many of the words are what is final: up to its last one that both have."""
    matcher = difflib.SequenceMatcher(None, final, words, autojunk=False)
    *blocks, _ = matcher.get_matching_blocks()
    behind = blocks[-1].b + len(final) - blocks[-1].a if blocks else len(final)
    return min(behind, len(words))


def _common(left: list[str], right: list[str]) -> int:
    """Return the length of the common prefix."""
    count = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        count += 1
    return count
