"""Whose turn it is while people speak and files wait."""

from __future__ import annotations

from unittest.mock import Mock

import pytest

from tests.support.engine import Clock
from transcriber.engine.source import Source
from transcriber.engine.turns import PATIENCE_S, Ticket, Turns
from transcriber.engine.window import Lane


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def turns(clock: Clock) -> Turns:
    """Those of three workers."""
    return Turns(3, clock)


def add(turns: Turns, *lanes: Lane) -> None:
    for lane in lanes:
        turns.add(lane, Mock(spec=Source))


def taken(turns: Turns) -> Ticket:
    ticket = turns.take()
    assert ticket is not None
    return ticket


def test_without_anybody_who_speaks_files_have_all_workers_but_one(turns: Turns) -> None:
    add(turns, Lane.FILE, Lane.FILE, Lane.FILE)
    assert taken(turns).lane is taken(turns).lane is Lane.FILE
    assert turns.take() is None


def test_while_somebody_speaks_one_worker_has_a_file(turns: Turns, clock: Clock) -> None:
    add(turns, Lane.PARTIAL, Lane.FILE, Lane.FILE)
    assert [taken(turns).lane, taken(turns).lane] == [Lane.PARTIAL, Lane.FILE]
    assert turns.take() is None
    clock.advance(PATIENCE_S - 0.1)
    assert turns.take() is None


def test_and_rests_for_as_long_as_it_has_worked(turns: Turns, clock: Clock) -> None:
    add(turns, Lane.PARTIAL, Lane.FILE, Lane.FILE)
    taken(turns)
    first = taken(turns)
    clock.advance(2.0)
    turns.worked(2.0)
    turns.done(first)
    assert turns.take() is None
    assert turns.wait_s() == turns.rest_s() == 2.0
    clock.advance(2.0)
    assert taken(turns).lane is Lane.FILE


def test_a_rest_is_over_when_nobody_speaks_any_more(turns: Turns, clock: Clock) -> None:
    add(turns, Lane.PARTIAL, Lane.FILE)
    taken(turns)
    clock.advance(PATIENCE_S - 1)
    turns.worked(100.0)
    assert turns.rest_s() == PATIENCE_S
    clock.advance(1.0)
    assert turns.rest_s() == 0.0
    assert taken(turns).lane is Lane.FILE


def test_files_have_the_others_again_when_nobody_speaks_any_more(
    turns: Turns, clock: Clock
) -> None:
    add(turns, Lane.PARTIAL, Lane.FILE, Lane.FILE)
    taken(turns), taken(turns)
    wait_s = turns.wait_s()
    assert wait_s is not None
    clock.advance(wait_s)
    assert taken(turns).lane is Lane.FILE


def test_one_file_after_the_other_keeps_nobody_who_speaks_waiting(
    turns: Turns, clock: Clock
) -> None:
    add(turns, Lane.FILE, Lane.FILE, Lane.FILE)
    first = taken(turns)
    clock.advance(2 * PATIENCE_S)
    add(turns, Lane.PARTIAL)
    turns.done(first)
    assert taken(turns).lane is Lane.PARTIAL


def test_yet_no_file_waits_for_ever(turns: Turns, clock: Clock) -> None:
    add(turns, Lane.FILE)
    for _ in range(6):
        clock.advance(PATIENCE_S / 5)
        add(turns, Lane.FINAL)
    assert taken(turns).lane is Lane.FILE


def test_nobody_who_waits_needs_no_second_look(turns: Turns) -> None:
    assert turns.wait_s() is None
