"""Which words of the open piece are final, though one speaks on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from transcriber.engine.window import SAMPLE_RATE_HZ, Hypothesis, Lane, Window, Word
from transcriber.live.hearing import Hearing
from transcriber.live.settle import (
    BRIEF_S,
    HOLD_S,
    LEAST_AGREED,
    LEAST_PROBABILITY,
    LEAST_S,
    LONG_S,
    PATIENCE_S,
    SURE_PAUSE_S,
    settle,
    settled_words,
)

START_S = 100.0  # where the open piece begins in the recording


def samples(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE_HZ)


def heard(count: int, end: str = "", logprob: float = -0.3, word_s: float = 0.5) -> Hypothesis:
    """Return a hypothesis of so many words, one right after the other."""
    words = [Word(f" w{n}", n * word_s, (n + 1) * word_s, 0.9) for n in range(count)]
    text = "".join(word.word for word in words) + end
    return Hypothesis(text, 0.0, count * word_s, tuple(words), logprob, tokens=(1, 2, 3))


def hearing(seconds: float, speech_s: float, pause: bool = False) -> Hearing:
    """Return a pass over an open piece, in whose pause it would end 0.2 s after the speech."""
    window = Window(np.zeros(samples(seconds), np.float32), Lane.FINAL, open=True)
    start, speech = samples(START_S), samples(START_S + speech_s)
    cut = speech + samples(0.2) if pause else None
    return Hearing(window, start, start + samples(seconds), speech, cut)


# -- how many words -------------------------------------------------------------------------------


def test_where_no_clause_ends_what_has_been_open_for_long_is_cut() -> None:
    short_s = HOLD_S + LONG_S - 0.5
    assert settled_words(heard(int(2 * short_s)), short_s, agreed=20) == 0
    assert settled_words(heard(20), seconds=10.0, agreed=20) == 17


@pytest.mark.parametrize("agreed, count", [(0, 0), (5, 5), (19, 17)])
def test_between_clauses_it_is_cut_only_behind_words_that_two_passes_heard(
    agreed: int, count: int
) -> None:
    assert settled_words(heard(20), PATIENCE_S - 0.1, agreed) == count


def test_no_second_pass_is_needed_where_a_clause_ends() -> None:
    words = heard(20).words
    words = (*words[:4], replace(words[4], word=" w4,"), *words[5:])
    assert settled_words(replace(heard(20), words=words), PATIENCE_S - 0.1) == 5


def test_it_is_cut_where_words_lie_farthest_apart() -> None:
    words = heard(20).words
    words = (*words[:15], replace(words[15], start=7.55), *words[16:])
    assert settled_words(replace(heard(20), words=words), 10.0, agreed=20) == 15


@pytest.mark.parametrize("mark", [",", ";", ".", "؟", "、", "。"])
def test_before_that_words_become_final_up_to_the_last_clause_that_has_ended(mark: str) -> None:
    words = heard(6).words
    words = (*words[:2], replace(words[2], word=f" w2{mark}"), *words[3:])
    assert settled_words(replace(heard(6), words=words), 3.0) == 3
    assert settled_words(replace(heard(6), words=words), 2.6) == 0, "too near"


def test_a_breath_is_as_good_as_a_comma() -> None:
    words = heard(6).words
    words = (*words[:2], replace(words[2], end=1.3), *words[3:])
    assert settled_words(replace(heard(6), words=words), 3.0) == 3


@pytest.mark.parametrize("hold_s", [0.8, HOLD_S, 2.5])
@pytest.mark.parametrize("seconds", np.arange(1.0, 12.0, 0.7))
def test_what_breaks_off_at_the_end_is_not_final(seconds: float, hold_s: float) -> None:
    words = heard(int(2 * seconds)).words
    found = settled_words(heard(int(2 * seconds)), seconds, agreed=99, hold_s=hold_s)
    assert all(word.end <= seconds - hold_s for word in words[:found])


def test_the_last_three_words_stay_open_however_long_ago_they_were_said() -> None:
    """To one who sings or speaks slowly the seconds that are held may be less than a word."""
    slow = heard(8, word_s=2.0)
    assert settled_words(slow, seconds=20.0) == 5
    assert settled_words(slow, seconds=20.0, pause_s=0.4) == 5
    assert settled_words(heard(3, word_s=2.0), seconds=20.0) == 0


@pytest.mark.parametrize("agreed, least", [(0, LEAST_PROBABILITY), (20, LEAST_AGREED)])
def test_improbable_words_wait_for_more_context_but_not_for_ever(agreed: int, least: float) -> None:
    words = [replace(word, word=f"{word.word},") for word in heard(20).words]
    likely, guessed = (
        replace(heard(20), words=tuple(replace(word, probability=least + by) for word in words))
        for by in (0.01, -0.01)
    )
    before_s = PATIENCE_S - 0.1
    assert settled_words(likely, before_s, agreed) > 0
    assert settled_words(guessed, before_s, agreed) == 0
    assert settled_words(guessed, PATIENCE_S + 0.1, agreed) > 0


def test_one_improbable_word_among_others_holds_nothing_up() -> None:
    words = heard(20).words
    words = (words[0], replace(words[1], probability=0.4), *words[2:])
    assert settled_words(replace(heard(20), words=words), PATIENCE_S - 0.1, agreed=20) == 17


def test_no_stretch_is_too_short_to_be_worth_a_border() -> None:
    syllables = heard(8, word_s=0.1)
    assert syllables.words[-2].end < LEAST_S
    assert settled_words(syllables, seconds=10.0, agreed=8) == 0


def test_a_word_behind_one_that_may_change_is_not_final_even_if_the_model_times_it_so() -> None:
    times = ((0, 1), (1, 9.5), (2, 3), (3, 4), (4, 5), (5, 6))
    words = tuple(Word(" word", start, end, 0.9) for start, end in times)
    hypothesis = Hypothesis(" word" * 6, 0.0, 9.5, words)
    assert settled_words(hypothesis, seconds=10.0, agreed=6) == 1


def test_at_a_pause_a_whole_sentence_is_final_with_its_last_word() -> None:
    assert settled_words(heard(4, end="."), seconds=2.4, pause_s=0.4) == 4


def test_a_few_words_are_a_sentence_only_if_the_pause_is_long() -> None:
    """In a short one the model ends sentences that go on."""
    few = heard(3, end=".")
    assert few.end < BRIEF_S
    assert settled_words(few, few.end + 0.4, pause_s=0.4) == 0
    assert settled_words(few, few.end + SURE_PAUSE_S, pause_s=SURE_PAUSE_S) == 3


def test_the_same_sentence_without_a_pause_may_go_on() -> None:
    assert settled_words(heard(4, end="."), seconds=2.4) == 0


def test_a_pause_within_a_sentence_makes_nothing_more_final() -> None:
    assert settled_words(heard(4), seconds=2.4, pause_s=0.4) == 0
    assert settled_words(heard(20), seconds=10.4, agreed=20, pause_s=0.4) < 20


# -- what becomes of them -----------------------------------------------------------------------


def test_the_text_is_parted_between_two_words_and_so_is_the_audio() -> None:
    found = settle(hearing(10.0, 10.0), heard(20), heard(19).words)
    assert found is not None
    assert found.rest is not None
    assert found.final.text + found.rest.text == heard(20).text
    count = len(found.final.words)
    assert found.cut == samples(START_S + count * 0.5)
    assert (found.final.start, found.final.end) == (0.0, count * 0.5)
    assert found.rest.text.startswith(f" w{count} ")


def test_the_border_lies_in_the_middle_between_two_words() -> None:
    words = tuple(Word(" a", start, start + 1, 0.9) for start in (0, 2, 3, 4))
    found = settle(hearing(5.0, 5.0), Hypothesis(" a" * 4, 0.0, 5.0, words), words)
    assert found is not None
    assert found.cut == samples(START_S + 1.5)


def test_no_final_word_reaches_over_the_border() -> None:
    times = ((0, 1.6), (1.2, 3), (3, 4), (4, 5))
    words = tuple(Word(" a,", start, end, 0.9) for start, end in times)
    found = settle(hearing(3.8, 3.8), Hypothesis(" a," * 4, 0.0, 5.0, words))
    assert found is not None
    border_s = found.cut / SAMPLE_RATE_HZ - START_S
    assert found.final.words[-1].end == found.final.end == pytest.approx(border_s)
    assert found.rest is not None
    assert found.rest.words[0].start == 0.0


def test_a_whole_sentence_ends_where_the_pause_does() -> None:
    pass_ = hearing(2.4, 2.0, pause=True)
    found = settle(pass_, heard(4, end="."))
    assert found is not None
    assert (found.cut, found.rest) == (pass_.pause_cut, None)
    assert len(found.final.words) == 4
    assert found.final.tokens == heard(4).tokens, "which are only known for all of it"


@pytest.mark.parametrize(
    "hypothesis",
    [
        pytest.param(heard(20, logprob=-1.2), id="guessed"),
        pytest.param(Hypothesis(heard(20).text, 0, 10, heard(20).words, -0.3, 0, 3.0), id="a loop"),
        pytest.param(Hypothesis(" w0 w1.", 0, 1), id="without words"),
        pytest.param(heard(2), id="too little"),
    ],
)
def test_what_cant_be_relied_on_stays_open(hypothesis: Hypothesis) -> None:
    assert settle(hearing(10.0, 10.0), hypothesis, hypothesis.words) is None
    assert settle(hearing(10.4, 10.0, pause=True), hypothesis, hypothesis.words) is None


def test_only_what_two_passes_heard_alike_is_final_whatever_its_case_and_marks() -> None:
    before = heard(20).words
    now = (*before[:8], replace(before[8], word=" other"), *before[9:])
    said = (replace(now[0], word=" W0"), *now[1:])
    hypothesis = Hypothesis("".join(word.word for word in said), 0.0, 10.0, said, -0.3)
    found = settle(hearing(10.0, 10.0), hypothesis, before)
    assert found is not None
    assert len(found.final.words) == 8


def test_a_translation_becomes_final_whole_or_not_at_all() -> None:
    assert settle(hearing(10.0, 10.0), heard(20), heard(20).words, whole_only=True) is None
    found = settle(hearing(2.4, 2.0, pause=True), heard(4, end="."), whole_only=True)
    assert found is not None
    assert found.rest is None
