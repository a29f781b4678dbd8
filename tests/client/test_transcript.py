"""The text of a recording goes on over several sessions."""

from __future__ import annotations

import pytest

from transcriber.client.replies import Partial, Segment, Word
from transcriber.client.transcript import Said, Transcript


def segment(number: int, text: str, start_s: float, gap: bool = False) -> Segment:
    words = () if gap else (Word(text.strip(), start_s, start_s + 1, 1.0),)
    return Segment(number, start_s, start_s + 1, text, 1.0, words, gap)


@pytest.fixture
def transcript() -> Transcript:
    return Transcript()


def test_a_second_session_goes_on_with_ids_times_and_a_space(transcript: Transcript) -> None:
    transcript.add([segment(0, "One", 0), segment(1, " two.", 1)], 0)
    added = transcript.add([segment(0, "Three", 0.5), segment(1, " four.", 2)], 10)
    assert [(one.id, one.start, one.end, one.text) for one in added] == [
        (2, 10.5, 11.5, " Three"),
        (3, 12.0, 13.0, " four."),
    ]
    assert added[0].words[0].start == 10.5
    assert transcript.text == "One two. Three four."


def test_scripts_without_spaces_get_none_between_sessions_either(transcript: Transcript) -> None:
    transcript.add([segment(0, "今日は", 0)], 0)
    transcript.add([segment(0, "晴れ", 0)], 5)
    assert transcript.text == "今日は晴れ"


def test_the_partial_text_is_told_when_it_changes(transcript: Transcript) -> None:
    transcript.add([segment(0, "One", 0)], 0)
    assert transcript.show("two three", 3)
    assert transcript.partial == Partial(" two three", 4)
    assert not transcript.show("two three", 3)
    assert transcript.show("", 0)


def test_what_was_said_in_a_stretch_is_joined_from_the_last_gap_on(transcript: Transcript) -> None:
    transcript.add([segment(0, "One", 0), segment(1, " […]", 1, True), segment(2, " two", 3)], 0)
    transcript.add([segment(0, "three", 0)], 5)
    assert transcript.said(0, 9) == Said("two three", 3)
    assert transcript.said(4, 9) == Said("three", 5)
    assert transcript.said(6, 9) is None


def test_of_a_segment_that_began_before_the_stretch_only_its_words_in_it_were_said(
    transcript: Transcript,
) -> None:
    words = tuple(Word(word, n, n + 0.9, 1.0) for n, word in enumerate(["One", "two,", "three"]))
    transcript.add([Segment(0, 0.0, 3.0, "One two, three", 1.0, words)], 10)
    assert transcript.said(10.5, 20) == Said("two, three", 11)
    assert transcript.said(12.5, 20) is None
