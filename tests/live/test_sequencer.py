"""The order of chunks: each verdict, and gaps that are closed or given up."""

from __future__ import annotations

import pytest

from tests.support.engine import Clock
from transcriber.live.sequencer import MAX_AHEAD, Sequencer, Verdict, digest

GAP_S = 15.0


class Line:
    """A sequencer whose chunks are their own numbers."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.sequencer: Sequencer[int] = Sequencer(GAP_S, self.clock)

    def offer(self, *sequences: int, data: bytes = b"audio") -> Verdict:
        return [self.sequencer.offer(n, digest(data), n) for n in sequences][-1]

    def take_all(self) -> list[int]:
        taken = []
        while (chunk := self.sequencer.take()) is not None:
            assert chunk[0] == chunk[1]
            taken.append(chunk[0])
        return taken


@pytest.fixture
def line() -> Line:
    """An empty line."""
    return Line()


def test_next(line: Line) -> None:
    assert line.offer(0) == "next"
    assert line.take_all() == [0]
    assert line.offer(1) == "next"


def test_held_until_the_gap_closes(line: Line) -> None:
    assert line.offer(0, 2) == "held"
    assert line.take_all() == [0]
    assert line.offer(1) == "next"
    assert line.take_all() == [1, 2]


def test_next_behind_one_that_is_not_taken_yet(line: Line) -> None:
    assert line.offer(0, 1) == "next"


def test_duplicate(line: Line) -> None:
    assert line.offer(0, 0) == "duplicate"
    line.take_all()
    assert line.offer(0) == "duplicate"


def test_duplicate_of_one_that_is_held(line: Line) -> None:
    assert line.offer(3, 3) == "duplicate"
    assert line.sequencer.missing() == [0, 1, 2]


def test_reused(line: Line) -> None:
    line.offer(0)
    assert line.offer(0, data=b"other audio") == "reused"
    assert line.take_all() == [0]


def test_too_far(line: Line) -> None:
    assert line.offer(MAX_AHEAD) == "held"
    assert line.offer(MAX_AHEAD + 1) == "too-far"
    assert line.sequencer.missing() == list(range(MAX_AHEAD))


def test_a_chunk_too_far_ahead_is_not_kept(line: Line) -> None:
    line.offer(MAX_AHEAD + 1)
    line.offer(*range(MAX_AHEAD + 1))
    assert line.take_all() == list(range(MAX_AHEAD + 1))


def test_given_up(line: Line) -> None:
    line.offer(0, 2)
    line.take_all()
    line.clock.advance(GAP_S)
    assert line.sequencer.give_up_gap() == [1]
    assert line.offer(1) == "given-up"
    assert line.take_all() == [2]


def test_a_gap_is_not_given_up_early(line: Line) -> None:
    line.offer(0, 2)
    line.take_all()
    line.clock.advance(GAP_S - 0.1)
    assert line.sequencer.give_up_gap() == []


def test_the_time_of_a_gap_counts_from_the_first_chunk_behind_it(line: Line) -> None:
    line.offer(0, 3)
    line.take_all()
    line.clock.advance(GAP_S - 1)
    line.offer(2)
    line.clock.advance(1)
    assert line.sequencer.give_up_gap() == [1]


def test_only_the_first_of_two_gaps_is_given_up(line: Line) -> None:
    line.offer(1, 3)
    line.clock.advance(GAP_S)
    assert line.sequencer.give_up_gap() == [0]
    assert line.take_all() == [1]
    assert line.sequencer.give_up_gap() == [2]


def test_without_later_chunks_nothing_is_given_up(line: Line) -> None:
    line.offer(0)
    line.take_all()
    line.clock.advance(10 * GAP_S)
    assert line.sequencer.give_up_gap() == []


def test_missing(line: Line) -> None:
    line.offer(0, 2, 5)
    assert line.sequencer.missing() == [1, 3, 4]
    line.take_all()
    assert line.sequencer.missing() == [1, 3, 4]


def test_a_withdrawn_chunk_never_came(line: Line) -> None:
    line.offer(0, 1)
    line.sequencer.withdraw(1)
    assert line.take_all() == [0]
    assert line.offer(1, data=b"other audio") == "next"


def test_a_refused_chunk_is_awaited_again(line: Line) -> None:
    line.offer(0)
    line.take_all()
    line.sequencer.refuse(0)
    assert line.offer(0, data=b"better audio") == "next"
    assert line.take_all() == [0]
