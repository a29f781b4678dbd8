"""Chunks get longer when replies are slow, shorter when they are quick, and never swing."""

from __future__ import annotations

import pytest

from transcriber.client.batcher import Batcher


@pytest.fixture
def batcher() -> Batcher:
    return Batcher()


def note(batcher: Batcher, round_trip_s: float, times: int) -> float:
    for _ in range(times):
        batcher.note(round_trip_s)
    return batcher.chunk_s


def test_a_chunk_is_due_once_it_is_long_enough(batcher: Batcher) -> None:
    assert not batcher.is_due(0.7)
    assert batcher.is_due(0.8)


def test_two_slow_replies_make_chunks_longer_and_one_does_not(batcher: Batcher) -> None:
    assert note(batcher, 5.0, 1) == pytest.approx(0.8)
    assert note(batcher, 5.0, 1) == pytest.approx(1.2)
    assert note(batcher, 9.0, 40) == pytest.approx(2.0)


def test_four_quick_replies_make_them_shorter(batcher: Batcher) -> None:
    assert note(batcher, 0.1, 3) == pytest.approx(0.8)
    assert note(batcher, 0.1, 1) == pytest.approx(0.4)
    assert note(batcher, 0.1, 40) == pytest.approx(0.4)


@pytest.mark.parametrize("round_trip_s", [0.1, 0.3, 0.7, 1.1, 1.5, 2.3, 3.1])
def test_equal_replies_lead_to_one_length(batcher: Batcher, round_trip_s: float) -> None:
    note(batcher, round_trip_s, 60)
    assert len({note(batcher, round_trip_s, 1) for _ in range(30)}) == 1


@pytest.mark.parametrize(
    "suggested_s, chunk_s", [(0.0, 0.8), (0.4, 0.8), (1.2, 1.2), (1.3, 1.6), (9.0, 2.0)]
)
def test_they_are_no_shorter_than_the_server_suggests(
    batcher: Batcher, suggested_s: float, chunk_s: float
) -> None:
    batcher.suggest(suggested_s)
    assert batcher.chunk_s == pytest.approx(chunk_s)
