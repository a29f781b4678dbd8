"""Where sentences end, and long text cut there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from transcriber.engine.window import Hypothesis

# Longer segments are cut: a reader of subtitles gets no more at once, if sentences are that short.
LONG_S = 10.0
# No part is shorter, so that "Mr." is none.
_LEAST_S = 2.0
_ENDS = ".?!؟۔。！？।"  # noqa: RUF001 (each script's own)


def ends_sentence(text: str) -> bool:
    """Tell whether a text ends with a sentence; three dots mean that it was broken off."""
    text = text.rstrip("\"'”») ")
    return bool(text) and text[-1] in _ENDS and not text.endswith("...")


def in_sentences(heard: Hypothesis) -> Iterator[Hypothesis]:
    """Yield a hypothesis whole, or a long one whose words are known in parts that end sentences."""
    words = heard.words
    if not words or heard.end - heard.start <= LONG_S:
        yield heard
        return
    first = 0
    for last, word in enumerate(words):
        left_s = words[-1].end - word.end
        long_enough = word.end - words[first].start >= _LEAST_S and left_s >= _LEAST_S
        if last == len(words) - 1 or (long_enough and ends_sentence(word.word)):
            part = words[first : last + 1]
            yield replace(
                heard,
                text="".join(one.word for one in part),
                start=part[0].start,
                end=max(one.end for one in part),
                words=part,
                tokens=(),  # they are known for all of the words together only
            )
            first = last + 1
