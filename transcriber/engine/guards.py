"""Which hypotheses to believe: Whisper writes fluent sentences also where nobody speaks."""

from __future__ import annotations

import difflib
import re

from transcriber.engine.window import UNSURE_LOGPROB, Hypothesis

_WORD = re.compile(r"\S+")
_MARK = re.compile(r"[\W_]+")
# So many words in a row that stand in the prefix are no chance.
_ECHO_WORDS = 6
# Nobody says that many words twice, one right after the other.
_ONCE = 5
# Fewer words that an earlier pass heard, and this one did not, are how hypotheses differ.
_MANY_LEFT_OUT = 3

# The threshold of OpenAI's decoder: silence if the model itself doubts that there is speech, and
# is unsure of the words.
NO_SPEECH_PROB = 0.6
# Words of less than a tenth, on the mean, are what the last step of the ladder makes of no speech.
_GIBBERISH_LOGPROB = -2.3


def letters(text: str) -> int:
    """Return how many letters and digits a text has: marks alone say nothing."""
    return sum(character.isalnum() for character in text)


def without_loop(text: str) -> str:
    """Return the text up to where it starts to repeat itself to the end, with one repetition.

    A pass without the ladder may run into a loop: "the Pacific. The Pacific. The Pacific."
    """
    size, count = repeated(text)
    spans = [match.span() for match in _WORD.finditer(text)]
    return text[: spans[len(spans) - size * (count - 1) - 1][1]] if count > 1 else text


def repeated(text: str, before: str = "") -> tuple[int, int]:
    """Return how many words a text repeats at its end, and how often they stand there; else 0, 1.

    People repeat a word or two; four times the same, three times the same several words, or twice
    the same sentence, at the very end of what was heard, may well be the model.

    Args:
        text: what was heard.
        before: what stands before it; a sentence that is repeated may begin there.
    """
    words = [sound(word) for word in f"{before} {text}".split()]
    for size in range(1, len(words) // 2 + 1):
        unit, count = words[-size:], 1
        while words[-size * (count + 1) : -size * count] == unit:
            count += 1
        if count >= (4 if size == 1 else 3 if size < _ONCE else 2):
            return size, count
    return 0, 1


def echoes(prefix: str, text: str) -> bool:
    """Tell whether a text says again what its forced prefix said, instead of going on.

    Where little or nothing is spoken behind the prefix, the model may begin it anew, at once or
    after the few words that were left to hear.
    """
    before, words = (_runs([sound(word) for word in one.split()]) for one in (prefix, text))
    return not before.isdisjoint(words)


def _runs(words: list[str]) -> set[tuple[str, ...]]:
    """Return all that is said in so many words that to say it twice is no chance."""
    return {tuple(words[at : at + _ECHO_WORDS]) for at in range(len(words) - _ECHO_WORDS + 1)}


def left_out(shown: str, text: str) -> int:
    """Return how many words of what passes before heard have no counterpart in a text.

    A few are how hypotheses differ, and count as none; of many the model has skipped some speech.
    """
    before, words = ([sound(word) for word in one.split()] for one in (shown, text))
    matcher = difflib.SequenceMatcher(None, before, words, autojunk=False)
    runs = [
        (last - first) - (to - start)
        for tag, first, last, start, to in matcher.get_opcodes()
        if tag in ("delete", "replace")
    ]
    return sum(run for run in runs if run >= _MANY_LEFT_OUT)


def sound(word: str) -> str:
    """Return a word without marks and case, as it is compared."""
    return _MARK.sub("", word).casefold()


def trustworthy(hypothesis: Hypothesis) -> bool:
    """Tell whether the hypothesis is likely speech; one without a letter never is."""
    if letters(hypothesis.text) == 0 or hypothesis.avg_logprob < _GIBBERISH_LOGPROB:
        return False
    return not (
        hypothesis.no_speech_prob > NO_SPEECH_PROB and hypothesis.avg_logprob < UNSURE_LOGPROB
    )
