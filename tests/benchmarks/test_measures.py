"""The figures of the benchmarks, on cases small enough to be counted by hand."""

from __future__ import annotations

import pytest

from benchmarks.quality.alignment import Delay, Spoken
from benchmarks.quality.measures import (
    Bin,
    Flicker,
    Places,
    border_errors,
    calibration,
    calibration_error,
    error_times_s,
    flicker,
    judged_words,
    longest_partial_s,
    percentiles,
    text_errors,
    time_errors_s,
    word_count,
)
from benchmarks.quality.run import Shown, Word
from tests.support.scores import Errors


def said(text: str = "one dog ran over the hill") -> Spoken:
    """Return words of half a second each, one a second: the first from 0.0 to 0.5."""
    words = tuple(text.split())
    starts_s = tuple(float(n) for n in range(len(words)))
    ends_s = tuple(n + 0.5 for n in range(len(words)))
    return Spoken(words, starts_s, ends_s, "", float(len(words)))


# -- the text ------------------------------------------------------------------------------------


def test_the_text_is_compared_word_by_word() -> None:
    assert text_errors("one dog ran", "one cat ran off", "") == Errors(
        substitutions=1, insertions=1, words=3
    )


def test_without_a_reference_every_word_is_an_insertion() -> None:
    assert text_errors("", "Thank you.", "en") == Errors(insertions=2)
    assert text_errors("", "", "en") == Errors()


def test_marks_are_no_words() -> None:
    assert word_count(" … - ", "") == 0


# -- errors at borders ---------------------------------------------------------------------------


def test_a_wrong_and_a_missing_word_are_errors_where_the_word_was_spoken() -> None:
    assert error_times_s(said(), "one cat ran over hill") == [1.25, 4.25]


def test_an_inserted_word_is_an_error_between_its_neighbours() -> None:
    assert error_times_s(said(), "one big dog ran over the hill") == [0.75]
    assert error_times_s(said(), "one dog ran over the hill now") == [(5.25 + 6.0) / 2]


def test_errors_near_a_border_are_counted_apart() -> None:
    # Middles at 0.25, 1.25 and so on: the border at 3.0 has one word within half a second.
    places = border_errors(said(), "one cat ran under the hill", [3.0])
    assert places == Places(near_errors=1, near_words=1, else_errors=1, else_words=5)
    assert (places.near, places.elsewhere) == (100, 20)


def test_unknown_times_are_interpolated_to_place_errors() -> None:
    words = Spoken(("a", "b", "c"), (0.0, None, 4.0), (1.0, None, 5.0), "", 6.0)
    assert error_times_s(words, "a c") == [2.5]


def test_without_any_word_time_no_error_is_placed() -> None:
    words = Spoken(("a", "b"), (None, None), (None, None), "", 2.0)
    assert border_errors(words, "a c", [1.0]) == Places()
    assert Places().near is None


# -- probabilities and times of words -------------------------------------------------------------


def test_a_word_is_right_where_the_alignment_has_it_equal() -> None:
    words = [Word(" One", 0, 0.5, 0.9), Word(" cat", 1, 1.5, 0.4), Word(" -", 2, 2, 0.1)]
    assert judged_words(said("one dog"), words) == [(0.9, True), (0.4, False)]


def test_calibration_compares_what_is_claimed_with_what_is_right() -> None:
    judged = [(0.9, True), (1.0, True), (0.92, False), (0.15, False)]
    assert calibration(judged) == [Bin(1, 0.15, 0.0), Bin(3, 0.94, 0.6667)]
    error = (0.15 + 3 * (0.94 - 0.6667)) / 4
    assert calibration_error(judged) == pytest.approx(error, abs=1e-4)


def test_nothing_is_told_of_words_without_probability() -> None:
    assert judged_words(said(), [Word(" one", 0, 1)]) == []
    assert calibration_error([]) is None


def test_word_times_are_compared_for_right_words_with_known_times() -> None:
    words = Spoken(("one", "dog", "ran"), (0.0, 1.0, None), (0.5, 1.5, None), "", 3.0)
    heard = [Word(" one", 0.1, 0.3), Word(" cat", 1.2, 1.9), Word(" ran", 2.0, 2.5)]
    assert time_errors_s(words, heard) == ([0.1], [0.2])


# -- flicker -------------------------------------------------------------------------------------


def shown(*texts: tuple[str, str] | tuple[str, str, int]) -> list[Shown]:
    """Return a log of (final, partial, stable characters)."""
    return [Shown(float(n), *text) for n, text in enumerate(texts)]


def test_words_that_grow_or_become_final_are_not_taken_back() -> None:
    log = shown(("", " one"), ("", " One dog"), (" One dog.", " ran"), (" One dog. Ran.", ""))
    assert flicker(log, 3) == Flicker(taken=0, spoken=3)


def test_each_change_and_each_deletion_of_a_partial_word_counts() -> None:
    log = shown(("", " one dock"), ("", " one dog run"), (" one dog", ""), (" one dog", " ran"))
    counted = flicker(log, 4)
    assert counted.taken == 2
    assert counted.rate == 0.5


def test_a_word_that_another_slips_in_before_is_not_taken_back() -> None:
    assert flicker(shown(("", " dog ran"), ("", " one dog ran")), 3).taken == 0


def test_stable_words_are_counted_once_and_when_they_are_taken_back() -> None:
    log = shown(
        ("", " one dog", 4),  # "one"
        ("", " one dog ran", 8),  # "one dog"
        ("", " one dog runs", 8),
        (" one", " dot", 0),  # "dog" goes, and "runs", which was not stable
    )
    counted = flicker(log, 3)
    assert (counted.stable_shown, counted.stable_taken, counted.taken) == (2, 1, 3)
    assert counted.stable_rate == 50


def test_final_text_that_changes_is_a_fault() -> None:
    with pytest.raises(AssertionError, match="final text changed"):
        flicker(shown((" one", ""), (" two", "")), 1)


# -- summing up ----------------------------------------------------------------------------------


def test_the_longest_partial_stretch_is_from_shown_to_final() -> None:
    words = [Delay(1.0, 0.5, 2.0), Delay(2.0, 0.5, 4.5), Delay(3.0, None, 9.0)]
    assert longest_partial_s(words) == 4.0
    assert longest_partial_s([]) is None


def test_percentiles_of_nothing_are_none() -> None:
    assert percentiles([1.0, 2.0, 3.0], 50, 100) == [2.0, 3.0]
    assert percentiles([], 50, 95) == [None, None]


def test_counts_of_recordings_add_up() -> None:
    assert Places(1, 2, 3, 4) + Places(1, 1, 1, 1) == Places(2, 3, 4, 5)
    assert Flicker(1, 2, 3, 4) + Flicker(1, 1, 1, 1) == Flicker(2, 3, 4, 5)
