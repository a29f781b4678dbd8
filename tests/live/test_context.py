"""What stands before the audio that is decoded next: final audio and its text, if they adjoin."""

from __future__ import annotations

import pytest

from transcriber.engine.window import PREFIX_S, SAMPLE_RATE_HZ, Word
from transcriber.live.context import Context
from transcriber.live.endpoint import Utterance


def piece(start_s: float, end_s: float) -> Utterance:
    start, end = int(start_s * SAMPLE_RATE_HZ), int(end_s * SAMPLE_RATE_HZ)
    return Utterance(start, end, end, end, speech_s=end_s - start_s)


def context(*pieces: tuple[float, float, str]) -> Context:
    """Return a context that knows these pieces: start and end in seconds, and the text."""
    found = Context()
    for start_s, end_s, text in pieces:
        found.note(piece(start_s, end_s), text, sure=True)
    return found


def left(context: Context, start_s: float, end_s: float) -> tuple[float, str]:
    """Return where the window of what is said between two times begins, and the text before it."""
    found = context.left_of(int(start_s * SAMPLE_RATE_HZ), int(end_s * SAMPLE_RATE_HZ))
    return found.start / SAMPLE_RATE_HZ, found.text


def test_a_first_piece_has_nothing_before_it() -> None:
    assert left(Context(), 2, 6) == (2, "")


def test_words_of_the_last_seconds_go_before_where_their_times_are_known() -> None:
    before = context((0, 2, " One."))
    words = tuple(Word(f" w{n}", 2.0 * n, 2.0 * n + 1.0, 1.0) for n in range(4))
    before.note(piece(2, 10), "".join(word.word for word in words), True, words)
    assert left(before, 10, 14) == (2, "w0 w1 w2 w3")
    assert left(before, 10.9, 14) == (3.5, "w1 w2 w3"), "cut half way between two words"


def test_what_is_written_without_spaces_stays_so() -> None:
    before = Context()
    words = (Word("今日", 0.0, 1.0, 1.0), Word("は", 1.0, 2.0, 1.0))
    before.note(piece(0, 2), "今日は", True, words)
    assert left(before, 2, 4) == (0, "今日は")


def test_whole_pieces_of_the_last_seconds_go_before() -> None:
    before = context((0, 2, " One."), (2, 4, " Two."), (4, 9, " Three."))
    assert PREFIX_S == 8
    assert left(before, 9, 14) == (2, "Two. Three.")


def test_they_are_measured_from_where_the_new_words_begin() -> None:
    before = context((0, 2, " One."), (2, 4, " Two."))
    assert left(before, 4, 28) == (0, "One. Two.")


def test_a_piece_that_does_not_adjoin_is_no_context() -> None:
    assert left(context((0, 4, " One.")), 5.5, 9) == (5.5, "")
    assert left(context((0, 4, " One.")), 4.5, 9) == (0, "One.")


def test_a_piece_without_words_lets_those_before_it_adjoin_no_more() -> None:
    assert left(context((0, 2, " One."), (2, 4, "")), 4, 8) == (4, "")


def test_the_window_never_grows_beyond_whispers() -> None:
    before = context((0, 5, " One."))
    assert left(before, 5, 28) == (0, "One.")
    assert left(before, 5, 30) == (5, "")


def test_an_unsure_piece_is_no_context_nor_are_those_before_it() -> None:
    before = context((0, 3, " One."))
    before.note(piece(3, 5), " mumble", sure=False)
    assert left(before, 5, 9) == (5, "")


def test_lost_audio_ends_the_context() -> None:
    before = context((0, 4, " One."))
    before.forget()
    assert left(before, 4, 8) == (4, "")


def test_what_was_parted_is_no_context_for_what_lies_behind() -> None:
    before = context((0, 2, " One."), (2, 4, " Two."))
    before.part(4 * SAMPLE_RATE_HZ)
    assert left(before, 4, 8) == (4, "")
    before.note(piece(4, 6), " Three.", sure=True)
    assert left(before, 6, 8) == (4, "Three."), "and no further back"


def test_a_piece_that_ended_before_it_was_parted_keeps_its_own() -> None:
    """It is decoded after the border is known, and still belongs to what came before it."""
    before = context((0, 2, " One."))
    before.part(4 * SAMPLE_RATE_HZ)
    assert left(before, 2, 4) == (0, "One.")


def test_little_is_remembered_however_long_one_speaks() -> None:
    before = context(*((second, second + 1, " word") for second in range(1000)))
    assert len(before._said) <= 2 * PREFIX_S + 1


def test_the_usual_rate_of_speech_tells_when_a_text_is_too_short() -> None:
    before = Context()
    for start in range(0, 12, 4):
        assert before.least_letters(4, language="en") == int(0.7 * 8 * 4), (
            "what anybody says at least"
        )
        assert before.least_letters(4, language="zh") == int(0.7 * 2.5 * 4), (
            "whose letters are syllables"
        )
        before.note(piece(start, start + 4), "x" * 40, sure=True)
    assert before.least_letters(5, language="zh") == before.least_letters(5)
    assert before.least_letters(5) == pytest.approx(0.7 * 10 * 5, abs=1)
    assert before.least_letters(1) == 2
    assert before.least_letters(0.3) == 0


def test_a_text_far_shorter_than_what_was_heard_before_is_too_short() -> None:
    assert Context().least_letters(1.0, shown=" ten letters") == int(0.7 * 10)
    assert Context().least_letters(4.0, shown=" ten letters") == int(0.7 * 8 * 4)
