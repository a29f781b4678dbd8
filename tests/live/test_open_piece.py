"""When the open piece is heard, how carefully, and what needs not be heard again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from transcriber.audio.vad import FRAME_SAMPLES
from transcriber.engine.window import SAMPLE_RATE_HZ, Decoded, Hypothesis, Lane, Window
from transcriber.live.endpoint import Endpointer, Utterance
from transcriber.live.open_piece import CAREFUL_EVERY_S, OpenPiece

QUICK = Window(np.zeros(16, np.float32), Lane.PARTIAL)
CAREFUL = replace(QUICK, lane=Lane.FINAL, open=True)
HEARD = Decoded((Hypothesis(" Yes.", 0.0, 1.0),))
FRAME_S = FRAME_SAMPLES / SAMPLE_RATE_HZ


class Line(Endpointer):
    """An endpointer that hears speech or silence for some seconds."""

    def speak(self, seconds: float) -> None:
        self.push([0.9] * round(seconds / FRAME_S))

    def pause(self, seconds: float) -> None:
        self.push([0.0] * round(seconds / FRAME_S))


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def piece(line: Line) -> OpenPiece:
    return OpenPiece(line)


def hear(piece: OpenPiece, line: Line, window: Window) -> None:
    """Let a pass hear and show all there is."""
    piece.begin(window, line.position)
    heard = piece.end(window)
    assert heard is not None
    if window.open:
        piece.keep(heard, HEARD)
    piece.shown_to = line.position


def wants_pass(piece: OpenPiece, line: Line) -> bool:
    return piece.wants_quick() or piece.wants_careful(line.position)


def closed(line: Line) -> Utterance:
    event = line.next_event()
    assert isinstance(event, Utterance)
    return event


def test_silence_needs_no_pass(piece: OpenPiece, line: Line) -> None:
    line.pause(3.0)
    assert not wants_pass(piece, line)


def test_each_bit_of_new_speech_does(piece: OpenPiece, line: Line) -> None:
    line.speak(0.5)
    assert wants_pass(piece, line)
    hear(piece, line, QUICK)
    assert not wants_pass(piece, line)
    line.speak(0.1)
    assert wants_pass(piece, line)


def test_news_is_speech_that_is_not_shown_or_a_pause_nobody_looked_at(
    piece: OpenPiece, line: Line
) -> None:
    line.speak(2.0)
    assert piece.has_news
    hear(piece, line, QUICK)
    assert not piece.has_news
    line.pause(0.4)
    assert piece.has_news
    hear(piece, line, CAREFUL)
    assert not piece.has_news
    line.speak(0.1)
    assert piece.has_news


def test_each_second_or_so_a_careful_one_is_due(piece: OpenPiece, line: Line) -> None:
    line.speak(CAREFUL_EVERY_S - 0.1)
    assert not piece.wants_careful(line.position)
    line.speak(0.2)
    assert piece.wants_careful(line.position)
    hear(piece, line, QUICK)
    assert piece.wants_careful(line.position), "a quick one makes nothing final"
    hear(piece, line, CAREFUL)
    line.speak(CAREFUL_EVERY_S - 0.1)
    assert not piece.wants_careful(line.position)


def test_a_pause_is_heard_carefully_once(piece: OpenPiece, line: Line) -> None:
    line.speak(0.5)
    hear(piece, line, QUICK)
    line.pause(0.4)
    assert wants_pass(piece, line)
    assert piece.wants_careful(line.position)
    hear(piece, line, CAREFUL)
    line.pause(0.3)
    assert not wants_pass(piece, line)
    line.speak(0.2)
    assert not piece.wants_careful(line.position), "one speaks on"


def test_what_was_heard_of_a_piece_is_kept_until_it_is_closed(piece: OpenPiece, line: Line) -> None:
    line.speak(0.5)
    line.pause(0.4)
    hear(piece, line, CAREFUL)
    line.pause(1.0)
    assert piece.kept(closed(line)) == HEARD


def test_it_is_worth_nothing_once_more_was_said_or_some_is_final(
    piece: OpenPiece, line: Line
) -> None:
    line.speak(0.5)
    line.pause(0.4)
    hear(piece, line, CAREFUL)
    line.speak(0.5)
    line.pause(1.2)
    assert piece.kept(closed(line)) is None
    line.speak(0.5)
    line.pause(0.4)
    hear(piece, line, CAREFUL)
    piece.made_final(Utterance(0, 1, 1, 1, 0.0))
    line.pause(1.0)
    assert piece.kept(closed(line)) is None


def test_a_pass_under_way_may_hear_all_of_what_is_closed(piece: OpenPiece, line: Line) -> None:
    line.speak(0.5)
    line.pause(0.4)
    piece.begin(CAREFUL, line.position)
    line.pause(1.0)
    ended = closed(line)
    assert piece.is_hearing(ended)
    assert not piece.is_hearing(replace(ended, start=ended.start + 1))


def test_a_quick_pass_does_not_count(piece: OpenPiece, line: Line) -> None:
    line.speak(0.5)
    line.pause(0.4)
    piece.begin(QUICK, line.position)
    line.pause(1.0)
    assert not piece.is_hearing(closed(line))


def test_what_is_said_during_a_careful_pass_is_shown_by_a_quick_one(
    piece: OpenPiece, line: Line
) -> None:
    line.speak(2.0)
    piece.begin(CAREFUL, line.position)
    assert not wants_pass(piece, line), "that pass hears all there is"
    line.speak(0.4)
    assert piece.wants_quick()
    piece.begin(QUICK, line.position)
    line.speak(2.0)
    assert not wants_pass(piece, line), "one of each kind at a time"
    assert piece.end(CAREFUL) is not None
    assert piece.wants_careful(line.position)
    assert piece.end(CAREFUL) is None


def test_a_quick_pass_loses_the_words_that_became_final_meanwhile(
    piece: OpenPiece, line: Line
) -> None:
    line.speak(2.0)
    piece.begin(QUICK, line.position)
    piece.cut(line.cut(SAMPLE_RATE_HZ), " One, two,")
    heard = piece.end(QUICK)
    assert heard is not None
    assert piece.still_open(heard)
    assert piece.unsaid(heard, " One. Two three four.") == " three four."
    line.pause(1.2)
    assert not piece.still_open(heard), "a pause has closed it"


def test_a_pause_that_grows_is_judged_by_what_was_heard_in_it(piece: OpenPiece, line: Line) -> None:
    line.speak(0.5)
    line.pause(0.4)
    hear(piece, line, CAREFUL)
    line.pause(0.4)
    found = piece.heard_before_pause()
    assert found is not None
    heard, answer = found
    assert answer == HEARD
    assert heard.pause_s == pytest.approx(0.8, abs=2 * FRAME_S)
    line.speak(0.2)
    assert piece.heard_before_pause() is None


def test_after_a_pass_without_context_there_is_some_again_once_words_are_final(
    piece: OpenPiece,
) -> None:
    piece.alone = True
    piece.made_final(Utterance(0, 1, 1, 1, 0.0))
    assert not piece.alone
