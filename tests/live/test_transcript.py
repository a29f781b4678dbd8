"""Final segments that never change, and the partial tail behind them."""

from __future__ import annotations

import math

import pytest

from transcriber.engine.window import Decoded, Hypothesis, Word
from transcriber.live.transcript import Transcript


def heard(text: str, start: float = 0.0, end: float = 1.0) -> Decoded:
    return Decoded((Hypothesis(text, start, end),))


@pytest.fixture
def transcript() -> Transcript:
    """An empty transcript."""
    return Transcript()


def finalise(transcript: Transcript, text: str, offset_s: float = 0.0) -> None:
    transcript.close()
    transcript.finalise(heard(text), offset_s)


def test_texts_appended_are_the_whole(transcript: Transcript) -> None:
    for number, text in enumerate([" One.", " Two.", " Three."]):
        finalise(transcript, text, number)
    assert transcript.text() == "One. Two. Three."
    assert transcript.text() == transcript.text()[:4] + transcript.text(1)


def test_segments_are_numbered_and_timed_from_the_start_of_the_recording(
    transcript: Transcript,
) -> None:
    finalise(transcript, " One.")
    finalise(transcript, " Two.", offset_s=10.0)
    assert [(one.id, one.start, one.end) for one in transcript.segments] == [
        (0, 0.0, 1.0),
        (1, 10.0, 11.0),
    ]


def test_segments_never_overlap_even_if_the_model_says_so(transcript: Transcript) -> None:
    transcript.add([Hypothesis(" a", 0.0, 2.0), Hypothesis(" b", 1.5, 1.8)], 0.0)
    assert transcript.segments[1].start == 2.0
    assert transcript.segments[1].end == 2.0


def test_words_move_with_their_segment(transcript: Transcript) -> None:
    word = Word(" hi", 0.5, 0.75, 0.9)
    transcript.add([Hypothesis(" hi", 0.5, 0.75, (word,))], 10.0)
    assert transcript.segments[0].words == (Word(" hi", 10.5, 10.75, 0.9),)


def test_confidence_is_the_mean_of_the_words_or_of_the_tokens(transcript: Transcript) -> None:
    words = (Word(" a", 0, 1, 0.5), Word(" b", 1, 2, 1.0))
    transcript.add([Hypothesis(" a b", 0, 2, words), Hypothesis(" c", 2, 3, avg_logprob=-1)], 0)
    assert [one.confidence for one in transcript.segments] == [0.75, round(math.exp(-1), 3)]


# -- the partial tail ---------------------------------------------------------------------------


def test_two_passes_that_agree_make_the_partial_text_stable(transcript: Transcript) -> None:
    transcript.confirm(" ask not")
    transcript.show(" ask not", 0.0)
    assert transcript.partial.stable_chars == 0
    transcript.show(" ask not what", 2.0)
    assert transcript.partial.stable_chars == len(" ask not")


def test_a_closed_piece_stays_shown_until_it_is_final(transcript: Transcript) -> None:
    transcript.show(" one", 0.0)
    transcript.close()
    transcript.show(" two", 2.0)
    assert transcript.partial.text == " one two"
    transcript.finalise(heard(" One."), 0.0)
    assert transcript.partial.text == " two"


def test_nothing_behind_an_unstable_word_is_stable(transcript: Transcript) -> None:
    transcript.show(" one", 0.0)
    transcript.close()
    transcript.show(" two", 2.0)
    transcript.show(" two", 4.0)
    assert transcript.partial.stable_chars == 0


def test_a_piece_that_failed_twice_keeps_its_partial_text(transcript: Transcript) -> None:
    transcript.show(" as far as heard", 0.0)
    transcript.close()
    transcript.finalise(None, 3.0)
    assert transcript.text() == "as far as heard"
    assert transcript.segments[0].start == 3.0


def test_a_piece_that_failed_with_nothing_shown_leaves_nothing(transcript: Transcript) -> None:
    transcript.close()
    transcript.finalise(None, 0.0)
    assert transcript.segments == []


# -- gaps ---------------------------------------------------------------------------------------


def test_a_gap_is_a_segment_of_its_own(transcript: Transcript) -> None:
    finalise(transcript, " before")
    transcript.note_gap(1.0, 2.5)
    finalise(transcript, " after", offset_s=2.5)
    assert transcript.text() == "before […] after"
    gap = transcript.segments[1]
    assert (gap.gap, gap.start, gap.end, gap.confidence) == (True, 1.0, 2.5, 0.0)


def test_a_gap_at_the_beginning_has_no_space_before_it(transcript: Transcript) -> None:
    transcript.note_gap(0.0, 1.0)
    finalise(transcript, "没有空格", offset_s=1.0)
    assert transcript.text() == "[…] 没有空格"


# -- the prompt for what comes next -------------------------------------------------------------


def test_the_tail_is_the_last_words(transcript: Transcript) -> None:
    for text in (" one two three.", " four five six."):
        finalise(transcript, text)
    assert transcript.tail(2) == "five six."
    assert transcript.tail(4) == "three. four five six."


def test_the_tail_reaches_back_no_further_than_a_gap(transcript: Transcript) -> None:
    finalise(transcript, " before")
    transcript.note_gap(1.0, 2.0)
    finalise(transcript, " after", offset_s=2.0)
    assert transcript.tail(20) == "after"


def test_the_tail_is_short_also_where_words_are_not_spaced(transcript: Transcript) -> None:
    finalise(transcript, "字" * 1000)
    assert 0 < len(transcript.tail(20)) <= 200


# -- the revision -------------------------------------------------------------------------------


def test_the_revision_grows_with_what_is_visible_only(transcript: Transcript) -> None:
    transcript.show(" one", 0.0)
    revision = transcript.revision
    transcript.show(" one", 2.0)
    transcript.close()
    assert transcript.revision == revision
    transcript.finalise(heard(" one"), 0.0)
    assert transcript.revision > revision
