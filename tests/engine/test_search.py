"""Where words end if the model leaves off before the speech does."""

from __future__ import annotations

import pytest

from transcriber.engine.search import not_beyond
from transcriber.engine.window import Word


def words(*times: tuple[float, float]) -> tuple[Word, ...]:
    return tuple(Word(f" {at}", start, end, 0.9) for at, (start, end) in enumerate(times))


def times(found: tuple[Word, ...]) -> list[tuple[float, float]]:
    return [(word.start, word.end) for word in found]


@pytest.mark.parametrize(
    "aligned, left_at_s, expected",
    [
        pytest.param([(7.5, 7.9), (7.9, 10.9)], 8.1, [(7.5, 7.9), (7.9, 8.1)], id="the last word"),
        pytest.param(
            [(7.5, 7.9), (7.9, 10.9), (10.9, 10.9)],
            8.1,
            [(7.5, 7.9), (7.9, 8.1), (8.1, 8.1)],
            id="the last but one",
        ),
        pytest.param(
            [(7.5, 7.9), (8.3, 10.9)], 8.1, [(7.5, 7.9), (8.1, 8.1)], id="a little too early"
        ),
        pytest.param(
            [(7.5, 8.12), (8.12, 10.9)],
            8.1,
            [(7.5, 8.12), (8.12, 8.12)],
            id="hardly behind another",
        ),
        pytest.param([(7.5, 7.9), (7.9, 8.4)], 8.1, None, id="a word that is as long as words are"),
        pytest.param([(7.5, 7.9), (9.0, 10.9)], 8.1, None, id="a word that begins far behind"),
        pytest.param(
            [(7.5, 8.3), (8.3, 8.8), (8.8, 9.4)], 8.1, None, id="words that take their time"
        ),
        pytest.param([(7.5, 7.9), (7.9, 10.9)], None, None, id="it did not leave off"),
    ],
)
def test_no_word_lasts_beyond_where_the_model_left_off(
    aligned: list[tuple[float, float]],
    left_at_s: float | None,
    expected: list[tuple[float, float]] | None,
) -> None:
    assert times(not_beyond(left_at_s, words(*aligned))) == (expected or aligned)
