"""Word error rates, normalised as Whisper's authors do."""

from __future__ import annotations

from dataclasses import dataclass

import jiwer
from whisper_normalizer.basic import BasicTextNormalizer
from whisper_normalizer.english import EnglishTextNormalizer

_english, _basic = EnglishTextNormalizer(), BasicTextNormalizer()


@dataclass(frozen=True)
class Errors:
    """Word errors against a reference of so many words; sums give the rate of several texts."""

    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0
    words: int = 0

    def __add__(self, other: Errors) -> Errors:
        return Errors(
            self.substitutions + other.substitutions,
            self.deletions + other.deletions,
            self.insertions + other.insertions,
            self.words + other.words,
        )

    @property
    def count(self) -> int:
        """All errors together."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def wer(self) -> float:
        """Word error rate in per cent."""
        return 100 * self.count / max(1, self.words)


def normalised(text: str, language: str = "en") -> str:
    """Return the text in the form that is compared."""
    normaliser = _english if language == "en" else _basic
    result: str = normaliser(text)
    return result


def errors(reference: str, text: str, language: str = "en") -> Errors:
    """Compare a text with its reference."""
    output = jiwer.process_words(normalised(reference, language), normalised(text, language))
    words = output.hits + output.substitutions + output.deletions
    return Errors(output.substitutions, output.deletions, output.insertions, words)
