"""When each spoken word stood on the screen."""

from __future__ import annotations

from benchmarks.quality.alignment import Delay, Spoken, delays, spoken
from benchmarks.quality.run import Shown
from tests.support.recordings import recording

WORDS = Spoken(("one", "dog", "ran"), (0.0, 1.0, 2.0), (0.5, 1.5, 2.5), "", 3.0)


def test_a_delay_is_from_the_end_of_the_word_to_its_first_right_appearance() -> None:
    log = [
        Shown(1.0, "", " One"),
        Shown(2.0, "", " One dock"),
        Shown(3.0, " One", " dog ran"),
        Shown(5.0, " One dog ran.", ""),
    ]
    assert delays(WORDS, log, []) == [
        Delay(0.5, 0.5, 2.5),
        Delay(1.5, 1.5, 3.5),
        Delay(2.5, 0.5, 2.5),
    ]


def test_the_batch_is_the_time_to_the_end_of_the_batch_that_holds_the_words_end() -> None:
    found = delays(WORDS, [Shown(4.0, " one dog ran", "")], [2.0, 3.0])
    assert [one.batch_s for one in found] == [1.5, 0.5, 0.5]


def test_words_that_never_come_right_have_no_delay() -> None:
    found = delays(WORDS, [Shown(4.0, " one cat", " ran")], [])
    assert [(one.shown_s, one.final_s) for one in found] == [(3.5, 3.5), (None, None), (1.5, None)]


def test_what_stands_there_before_it_was_spoken_is_another_word() -> None:
    twice = Spoken(("go", "and", "go"), (0.0, 1.0, 9.0), (0.5, 1.5, 9.5), "", 10.0)
    found = delays(twice, [Shown(2.0, "", " go go"), Shown(10.0, " go and go", "")], [])
    assert [one.shown_s for one in found] == [1.5, 8.5, 0.5]


def test_words_without_a_known_end_are_left_out() -> None:
    words = Spoken(("one", "dog"), (0.0, None), (0.5, None), "", 2.0)
    assert len(delays(words, [Shown(2.0, " one dog", "")], [])) == 1


def test_the_manifest_times_are_given_to_the_normalised_words() -> None:
    said = spoken(recording("en/short-jfk.flac"))
    assert len(said.words) == len(said.ends_s) == 22
    assert said.timed
    assert said.all_ends_s() == sorted(said.all_ends_s())


def test_recordings_without_word_times_have_words_all_the_same() -> None:
    said = spoken(recording("ru/ru-css10-0021.flac"))
    assert said.words
    assert not said.timed
