"""Which hypotheses to believe: Whisper writes fluent sentences also where nobody speaks."""

from __future__ import annotations

import re

from transcriber.engine.window import UNSURE_LOGPROB, Hypothesis

_WORD = re.compile(r"\S+")
_MARK = re.compile(r"[\W_]+")
# So many words in a row that stand in the prefix are no chance.
_ECHO_WORDS = 6

# The threshold of OpenAI's decoder: silence if the model itself doubts that there is speech, and
# is unsure of the words.
NO_SPEECH_PROB = 0.6


def letters(text: str) -> int:
    """Return how many letters and digits a text has: marks alone say nothing."""
    return sum(character.isalnum() for character in text)


def without_loop(text: str) -> str:
    """Return the text up to where it starts to repeat itself to the end, with one repetition.

    A greedy pass without the ladder may run into a loop: "the Pacific. The Pacific. The Pacific."
    People repeat a word or two; four times the same, or three times the same several words, at the
    very end of what was heard, is the model.
    """
    spans = [match.span() for match in _WORD.finditer(text)]
    words = [_MARK.sub("", text[start:end]).casefold() for start, end in spans]
    for size in range(1, len(words) // 3 + 1):
        unit, count = words[-size:], 1
        while words[-size * (count + 1) : -size * count] == unit:
            count += 1
        if count >= (4 if size == 1 else 3):
            return text[: spans[len(words) - size * (count - 1) - 1][1]]
    return text


def echoes(prefix: str, text: str) -> bool:
    """Tell whether a text says again what its forced prefix said, instead of going on.

    Where little or nothing is spoken behind the prefix, the model may begin it anew.
    """
    before, words = (
        [_MARK.sub("", word).casefold() for word in one.split()] for one in (prefix, text)
    )
    size = min(len(words), _ECHO_WORDS)
    if size < _ECHO_WORDS:
        return False
    return any(before[at : at + size] == words[:size] for at in range(len(before) - size + 1))


def trustworthy(hypothesis: Hypothesis) -> bool:
    """Tell whether the hypothesis is likely speech; one without a letter never is."""
    if letters(hypothesis.text) == 0:
        return False
    return not (
        hypothesis.no_speech_prob > NO_SPEECH_PROB and hypothesis.avg_logprob < UNSURE_LOGPROB
    )
