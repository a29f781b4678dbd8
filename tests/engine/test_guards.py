"""Which hypotheses to believe."""

from __future__ import annotations

import pytest

from transcriber.engine.guards import echoes, left_out, repeated, trustworthy, without_loop
from transcriber.engine.window import Hypothesis


def heard(
    text: str = " hello", no_speech_prob: float = 0.1, avg_logprob: float = -0.3
) -> Hypothesis:
    return Hypothesis(text, 0.0, 1.0, no_speech_prob=no_speech_prob, avg_logprob=avg_logprob)


@pytest.mark.parametrize(
    "hypothesis, believed",
    [
        pytest.param(heard(), True, id="clear speech"),
        pytest.param(heard(no_speech_prob=0.9), True, id="perhaps silence, but sure words"),
        pytest.param(heard(avg_logprob=-1.5), True, id="unsure words, but speech"),
        pytest.param(heard(no_speech_prob=0.9, avg_logprob=-1.5), False, id="neither"),
        pytest.param(heard(avg_logprob=-2.5), False, id="gibberish"),
        pytest.param(heard(""), False, id="nothing"),
        pytest.param(heard(" \n"), False, id="blanks"),
    ],
)
def test_a_hypothesis_is_believed_unless_it_doubts_itself(
    hypothesis: Hypothesis, believed: bool
) -> None:
    assert trustworthy(hypothesis) is believed


@pytest.mark.parametrize(
    "text, kept",
    [
        (" It is the Pacific. The Pacific. The Pacific. The Pacific.", " It is the Pacific."),
        (" and I said no no no no no no", " and I said no"),
        (" we went on and on and on and on and", " we went on and"),
        (" No, no, no!", " No, no, no!"),
        (
            " It is also quite different. It is also quite different.",
            " It is also quite different.",
        ),
        (" Day by day, day by day", " Day by day, day by day"),
        (" one two three four five", " one two three four five"),
        ("", ""),
    ],
)
def test_a_loop_at_the_end_is_told_once(text: str, kept: str) -> None:
    assert without_loop(text) == kept


@pytest.mark.parametrize(
    "before, text, size, count",
    [
        ("All right,", " so they are okay. All right, so they are okay.", 6, 2),
        ("We saw the two of them.", " We saw the two of them.", 6, 2),
        ("", " no no no no no", 1, 5),
        ("We saw them.", " We saw them.", 0, 1),
        ("All right,", " so they are okay.", 0, 1),
    ],
)
def test_what_is_repeated_may_begin_in_what_was_said_before(
    before: str, text: str, size: int, count: int
) -> None:
    assert repeated(text, before) == (size, count)


@pytest.mark.parametrize(
    "prefix, text, is_echo",
    [
        ("It was here, that lobster Newburg was made.", " It was here that lobster Newburg", True),
        ("It was here that dinners were arranged.", " It was here that lobster was made", False),
        ("here is a long pause and I think", " this: Here is a long pause, and I", True),
        ("words, words, words", " words, words", False),
        ("", " one two three four five six seven", False),
    ],
)
def test_to_say_the_prefix_again_is_an_echo(prefix: str, text: str, is_echo: bool) -> None:
    assert echoes(prefix, text) == is_echo


@pytest.mark.parametrize(
    "shown, text, count",
    [
        (" in his power to do for them", " In his power.", 4),
        (" but a crayfish. The Pacific", " The Pacific crayfish", 3),
        (" and while many contend that", " and while many intend that it", 0),
        (" is not too deli", " is not", 0),
        ("", " anything", 0),
    ],
)
def test_words_that_passes_before_heard_are_left_out_if_they_are_many(
    shown: str, text: str, count: int
) -> None:
    assert left_out(shown, text) == count
