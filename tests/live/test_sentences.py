"""Where sentences end, and long text cut there."""

from __future__ import annotations

import pytest

from transcriber.engine.window import Hypothesis, Word
from transcriber.live.sentences import LONG_S, ends_sentence, in_sentences


def heard(text: str, word_s: float) -> Hypothesis:
    """Return a hypothesis whose words take so many seconds each."""
    words = tuple(
        Word(f" {word}", number * word_s, (number + 1) * word_s, 0.9)
        for number, word in enumerate(text.split())
    )
    return Hypothesis(f" {text}", 0.0, words[-1].end, words, tokens=(1, 2, 3))


@pytest.mark.parametrize("text", [" Done.", " Really?", " «Да!»", " نعم؟", " 好。", ' "Yes."'])
def test_a_sentence_ends_with_the_mark_of_its_script(text: str) -> None:
    assert ends_sentence(text)


@pytest.mark.parametrize("text", ["", " and then", " well,", " I mean...", " I mean…", " 3.5 and"])
def test_anything_else_ends_no_sentence(text: str) -> None:
    assert not ends_sentence(text)


def test_what_is_short_stays_as_it_is() -> None:
    one = heard("One two three. Four five six.", LONG_S / 6)
    assert list(in_sentences(one)) == [one]


def test_what_is_long_is_cut_where_sentences_end() -> None:
    one = heard("One two three. Four, five six? Seven eight nine", 2.0)
    parts = list(in_sentences(one))
    assert [part.text for part in parts] == [
        *(" One two three.", " Four, five six?", " Seven eight nine"),
    ]
    assert "".join(part.text for part in parts) == one.text
    assert [(part.start, part.end) for part in parts] == [(0.0, 6.0), (6.0, 12.0), (12.0, 18.0)]
    assert tuple(word for part in parts for word in part.words) == one.words


def test_no_part_is_too_short_to_read() -> None:
    one = heard("Said Mr. Hale as he returned from showing his guests out. Yes.", 0.9)
    assert [part.text for part in in_sentences(one)] == [one.text]


def test_one_long_sentence_and_text_without_words_stay_whole() -> None:
    endless = heard("and so on " * 10, 1.0)
    assert [part.text for part in in_sentences(endless)] == [endless.text.rstrip()]
    shown = Hypothesis(" One. Two.", 0.0, 20.0)
    assert list(in_sentences(shown)) == [shown]
