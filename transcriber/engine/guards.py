"""Which hypotheses to believe: Whisper writes fluent sentences also where nobody speaks."""

from __future__ import annotations

from transcriber.engine.window import UNSURE_LOGPROB, Hypothesis

# The threshold of OpenAI's decoder: silence if the model itself doubts that there is speech, and
# is unsure of the words.
NO_SPEECH_PROB = 0.6


def letters(text: str) -> int:
    """Return how many letters and digits a text has: marks alone say nothing."""
    return sum(character.isalnum() for character in text)


def trustworthy(hypothesis: Hypothesis) -> bool:
    """Tell whether the hypothesis is likely speech; one without a letter never is."""
    if letters(hypothesis.text) == 0:
        return False
    return not (
        hypothesis.no_speech_prob > NO_SPEECH_PROB and hypothesis.avg_logprob < UNSURE_LOGPROB
    )
