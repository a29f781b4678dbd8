from __future__ import annotations

import pytest

from transcriber.engine.window import SAMPLE_RATE_HZ, Decoded, Hypothesis
from transcriber.live.context import Context
from transcriber.live.endpoint import Utterance
from transcriber.live.passes import ends_sentence


def piece(start_s: float, end_s: float) -> Utterance:
    start, end = int(start_s * SAMPLE_RATE_HZ), int(end_s * SAMPLE_RATE_HZ)
    return Utterance(start, end, end, speech_s=end_s - start_s)


def answer(text: str, logprob: float = -0.3) -> Decoded:
    return Decoded((Hypothesis(text, 0.0, 1.0, avg_logprob=logprob),))


def left_s(context: Context, after: Utterance) -> float:
    return context.left_of(after).start / SAMPLE_RATE_HZ


def test_a_first_piece_has_nothing_before_it() -> None:
    left = Context().left_of(piece(2, 6))
    assert (left.start, left.text) == (2 * SAMPLE_RATE_HZ, "")


def test_whole_pieces_of_the_last_ten_seconds_go_before() -> None:
    context = Context()
    for start, text in ((0, " One."), (4, " Two."), (8, " Three.")):
        context.note(piece(start, start + 4), answer(text))
    left = context.left_of(piece(12, 17))
    assert (left.start, left.text) == (4 * SAMPLE_RATE_HZ, "Two. Three.")


def test_a_piece_that_does_not_adjoin_is_no_context() -> None:
    context = Context()
    context.note(piece(0, 4), answer(" One."))
    assert left_s(context, piece(5.5, 9)) == 5.5


def test_the_window_never_grows_beyond_whispers() -> None:
    context = Context()
    context.note(piece(0, 8), answer(" One."))
    assert left_s(context, piece(8, 28)) == 0
    assert left_s(context, piece(8, 30)) == 8


def test_an_unsure_piece_is_no_context_nor_are_those_before_it() -> None:
    context = Context()
    context.note(piece(0, 3), answer(" One."))
    context.note(piece(3, 6), answer(" mumble", logprob=-1.5))
    assert left_s(context, piece(6, 9)) == 6


def test_lost_audio_ends_the_context() -> None:
    context = Context()
    context.note(piece(0, 4), answer(" One."))
    context.forget()
    assert left_s(context, piece(4, 8)) == 4


def test_the_usual_rate_of_speech_tells_when_a_text_is_too_short() -> None:
    context = Context()
    for start in range(0, 12, 4):
        assert context.least_letters(piece(start, start + 4)) == 2
        context.note(piece(start, start + 4), answer("x" * 40))
    assert context.least_letters(piece(12, 17)) == pytest.approx(0.6 * 10 * 5, abs=1)
    assert context.least_letters(piece(12, 13)) == 2
    assert context.least_letters(piece(12, 12.3)) == 0


@pytest.mark.parametrize("text", [" Done.", " Really?", " «Да!»", " نعم؟", " 好。", ' "Yes."'])
def test_a_sentence_ends_with_the_mark_of_its_script(text: str) -> None:
    assert ends_sentence(text)


@pytest.mark.parametrize("text", ["", " and then", " well,", " I mean...", " 3.5 and"])
def test_anything_else_ends_no_sentence(text: str) -> None:
    assert not ends_sentence(text)
