"""How probable each word of a hypothesis is, without aligning it with the audio."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from transcriber.engine.asking import Asked


def parts(ask: Asked, tokens: Sequence[int], result: Any) -> list[tuple[str, float]]:
    """Return the pieces of text that a greedy search wrote, and the probability of each.

    Args:
        ask: what was asked.
        tokens: the new text's.
        result: CTranslate2's, with the logits of every step.
    """
    steps = [
        (token, np.asarray(logits, np.float32).ravel())
        for token, logits in zip(result.sequences_ids[0], result.logits[0], strict=False)
    ][len(ask.forced) :]
    found = [_probability(logits, token) for token, logits in steps if token < ask.tokenizer.eot]
    texts, groups = ask.tokenizer.split_to_word_tokens(list(tokens))
    ends = np.cumsum([len(group) for group in groups]).tolist()
    starts = [0, *ends[:-1]]
    least = [min(found[a:b], default=0.0) for a, b in zip(starts, ends, strict=True)]
    return list(zip(texts, least, strict=True))


def word_probabilities(pieces: Iterable[tuple[str, float]]) -> tuple[float, ...]:
    """Join pieces of text to words that are split at spaces; a word is as likely as its worst.

    Marks don't count: whether a comma stands there is another question.
    """
    words: list[float] = []
    for text, probability in pieces:
        if not words or text[:1].isspace():
            words.append(1.0)
        if any(character.isalnum() for character in text):
            words[-1] = min(words[-1], probability)
    return tuple(words)


def _probability(logits: Any, token: int) -> float:
    return float(1.0 / np.exp(logits - logits[token]).sum())
