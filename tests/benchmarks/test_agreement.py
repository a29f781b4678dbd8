"""Plain LocalAgreement-2, which the service is compared with, does as it is known to."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from benchmarks.quality.agreement import LocalAgreement, Segment
from benchmarks.quality.run import Word
from tests.support.recordings import RATE_HZ, Samples


class Passes:
    """Answers each pass with the next of the given texts, a word a second."""

    def __init__(self, *texts: str) -> None:
        self._texts = iter(texts)
        self.prompts: list[str] = []
        self.seconds: list[float] = []

    def __call__(self, samples: Samples, prompt: str) -> Sequence[Segment]:
        self.prompts.append(prompt)
        self.seconds.append(len(samples) / RATE_HZ)
        segments: list[Segment] = []
        at_s = 0.0
        for sentence in next(self._texts).split("|"):
            words = [
                Word(f" {text}", at_s + n, at_s + n + 1.0)
                for n, text in enumerate(sentence.split())
            ]
            at_s += len(words)
            segments.append(Segment(at_s, tuple(words)))
        return segments


def audio(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE_HZ), np.float32)


def texts(words: Sequence[Word]) -> str:
    return "".join(word.text for word in words).strip()


def test_words_become_final_when_two_passes_agree() -> None:
    stream = LocalAgreement(Passes("one dog", "one dock ran", "one dock ran over"))
    stream.hear(audio(2))
    assert (texts(stream.committed), texts(stream.tail)) == ("", "one dog")
    stream.hear(audio(3))
    assert (texts(stream.committed), texts(stream.tail)) == ("one", "dock ran")
    stream.hear(audio(4))
    assert (texts(stream.committed), texts(stream.tail)) == ("one dock ran", "over")
    stream.finish()
    assert texts(stream.committed) == "one dock ran over"


def test_a_long_buffer_is_cut_at_a_segment_and_its_text_becomes_the_prompt() -> None:
    first = "a b c d e f g h|i j k l m n o"
    passes = Passes(first, f"{first} p", "i j k l m n o p q")
    stream = LocalAgreement(passes)
    stream.hear(audio(15))
    stream.hear(audio(16))
    stream.hear(audio(17))
    assert passes.seconds == [15, 16, 9]
    assert passes.prompts == ["", "", "a b c d e f g h"]
    assert texts(stream.committed) == "a b c d e f g h i j k l m n o p"


def test_what_was_committed_is_not_committed_again_when_times_move() -> None:
    stream = LocalAgreement(Passes("one dog", "one dog", "one dog ran", "one dog ran"))
    for seconds in (2, 3, 4, 5):
        stream.hear(audio(seconds))
    assert texts(stream.committed) == "one dog ran"
    assert all(one.start_s < later.start_s for one, later in pairwise(stream.committed))
