"""Pieces that wait to become final: their order, what has not been shown, and when to give up."""

from __future__ import annotations

import numpy as np
import pytest

from transcriber.engine.window import Lane, Window
from transcriber.live.closed_pieces import ClosedPieces
from transcriber.live.endpoint import Gap, Utterance

WINDOW = Window(np.zeros(16, np.float32), Lane.FINAL)
FIRST, GAP, SECOND = (
    Utterance(0, 100, 110, 90, 1.0),
    Gap(100, 150),
    Utterance(150, 400, 410, 390, 1),
)


@pytest.fixture
def closed() -> ClosedPieces:
    closed = ClosedPieces()
    for item in (FIRST, GAP, SECOND):
        closed.add(item, shown_to=100)
    return closed


def test_they_leave_in_the_order_in_which_they_came(closed: ClosedPieces) -> None:
    assert closed.first == FIRST
    assert [closed.take() for _ in range(3)] == [FIRST, GAP, SECOND]
    assert not closed


def test_gaps_hold_no_audio(closed: ClosedPieces) -> None:
    assert closed.samples == 100 + 250


def test_what_the_partial_text_did_not_cover_is_unseen_until_it_is_final(
    closed: ClosedPieces,
) -> None:
    assert not closed.any_unseen_before(150)
    assert closed.any_unseen_before(151)
    for _ in range(3):
        closed.take()
    assert not closed.any_unseen_before(1000)


def test_something_waits_before_a_position_if_it_begins_there(closed: ClosedPieces) -> None:
    assert not closed.any_before(0)
    assert closed.any_before(1)
    closed.take()
    assert not closed.any_before(100)
    assert closed.any_before(101), "a gap has its place too"


def test_only_the_window_that_is_heard_holds_the_first_piece(closed: ClosedPieces) -> None:
    assert closed.piece_of(WINDOW) is None
    closed.window = WINDOW
    assert closed.piece_of(WINDOW) == FIRST
    closed.clear()
    assert closed.piece_of(WINDOW) is None


def test_a_piece_that_fails_is_tried_once_more(closed: ClosedPieces) -> None:
    tries = []
    for _ in range(4):
        closed.window = WINDOW
        tries.append(closed.failed())
        assert closed.window is None
    assert tries == [False, True, False, True]


def test_an_answer_gives_the_next_piece_its_own_tries(closed: ClosedPieces) -> None:
    closed.failed()
    closed.heard()
    assert not closed.failed()


def test_nobody_gives_up_what_is_gone(closed: ClosedPieces) -> None:
    closed.clear()
    assert [closed.failed() for _ in range(3)] == [False] * 3
