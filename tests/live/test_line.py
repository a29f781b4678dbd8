"""Recordings whose requests wait: a few at once, in the order they came, and not too many."""

from __future__ import annotations

import threading
from contextlib import ExitStack

import pytest

from tests.support.server import wait_for
from transcriber.live.errors import QueueFull
from transcriber.live.line import Line

AT_ONCE, MOST = 2, 5


class Comer:
    """Somebody who has a turn until told to go."""

    def __init__(self, line: Line) -> None:
        self.has_turn, self.go = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, args=(line,))
        self._thread.start()

    def _run(self, line: Line) -> None:
        with line.turn(MOST):
            self.has_turn.set()
            self.go.wait(20)

    def leave(self) -> None:
        self.go.set()
        self._thread.join()


def come(line: Line, number: int) -> list[Comer]:
    """Let so many come, one after the other."""
    comers = []
    for _ in range(number):
        before = line.waiting
        comers.append(comer := Comer(line))
        wait_for(lambda c=comer, b=before: c.has_turn.is_set() or line.waiting > b, 10)
    return comers


def test_a_few_have_their_turn_at_once_and_the_others_follow_in_order() -> None:
    line = Line(AT_ONCE)
    comers = come(line, MOST)
    assert [comer.has_turn.is_set() for comer in comers] == [True, True, False, False, False]
    assert line.waiting == 3
    for leaving in (0, 1):
        comers[leaving].leave()
        assert comers[leaving + AT_ONCE].has_turn.wait(10)
        assert line.waiting == MOST - AT_ONCE - 1 - leaving
    for comer in comers:
        comer.leave()
    assert line.waiting == 0


def test_one_too_many_is_turned_away_at_once() -> None:
    line = Line(AT_ONCE)
    comers = come(line, MOST)
    with pytest.raises(QueueFull), line.turn(MOST):
        pytest.fail("it was let in")
    comers[0].leave()
    with ExitStack() as turns:
        for comer in comers[1:]:
            comer.leave()
        turns.enter_context(line.turn(MOST))


def test_whoever_fails_leaves_the_place_to_others() -> None:
    line = Line(1)
    for _ in range(3):
        with pytest.raises(RuntimeError, match="no audio"), line.turn(1):
            raise RuntimeError("no audio")
