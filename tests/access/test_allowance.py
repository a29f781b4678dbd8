"""So much in a minute: what fits, when there is room again, and who is forgotten."""

from __future__ import annotations

import random

import pytest

from tests.support.engine import Clock
from transcriber.access.allowance import Allowance

MOST, WINDOW_S, STEP_S = 10, 60.0, 2.5


@pytest.fixture
def clock() -> Clock:
    """A clock at the beginning of a window."""
    clock = Clock()
    clock.now_s = 100 * WINDOW_S
    return clock


@pytest.fixture
def allowance(clock: Clock) -> Allowance:
    return Allowance(MOST, WINDOW_S, clock)


def use_up(allowance: Allowance, name: str = "a") -> None:
    assert not any(allowance.take(name, 1) for _ in range(MOST))


def test_as_much_as_allowed_fits_and_no_more(allowance: Allowance) -> None:
    use_up(allowance)
    assert allowance.take("a", 1) > 0


def test_each_has_its_own(allowance: Allowance) -> None:
    use_up(allowance)
    use_up(allowance, "b")


@pytest.mark.parametrize("into_s", [0.0, 20.0, 59.0])
def test_whoever_waits_as_long_as_told_may_go_on_and_not_much_sooner(
    allowance: Allowance, clock: Clock, into_s: float
) -> None:
    clock.advance(into_s)
    for _ in range(3):
        use_up(allowance)
        wait_s = allowance.take("a", 1)
        assert 0 < wait_s <= WINDOW_S + STEP_S
        clock.advance(wait_s - 0.5)
        assert allowance.wait_s("a", 1) > 0
        clock.advance(0.5001)


@pytest.mark.parametrize("seed", range(20))
def test_no_window_wherever_it_begins_holds_more(
    allowance: Allowance, clock: Clock, seed: int
) -> None:
    chance, taken_s = random.Random(seed), []
    for _ in range(2000):
        clock.advance(chance.choice([0.01, 0.5, 3, 20]))
        if not allowance.take("a", 1):
            taken_s.append(clock.now_s)
    assert len(taken_s) > 100
    for first, next_but in zip(taken_s, taken_s[MOST:], strict=False):
        assert next_but - first >= WINDOW_S


def test_what_is_refused_does_not_count(allowance: Allowance, clock: Clock) -> None:
    use_up(allowance)
    for _ in range(1000):
        allowance.take("a", 1)
    clock.advance(2 * WINDOW_S)
    use_up(allowance)


def test_what_is_noted_counts_even_above_the_limit(allowance: Allowance, clock: Clock) -> None:
    allowance.note("a", 5 * MOST)
    clock.advance(allowance.wait_s("a", 1))
    assert allowance.take("a", 1) == pytest.approx(0, abs=1e-6)


def test_without_a_limit_anything_fits(clock: Clock) -> None:
    free = Allowance(0, WINDOW_S, clock)
    assert not any(free.take("a", 1e9) for _ in range(3))


def test_those_who_stay_away_are_forgotten(allowance: Allowance, clock: Clock) -> None:
    for number in range(1000):
        allowance.take(f"client {number}", 1)
    clock.advance(2 * WINDOW_S)
    allowance.take("a", 1)
    assert len(allowance) == 1
