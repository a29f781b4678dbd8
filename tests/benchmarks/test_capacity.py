"""How many sessions hold is found without measuring every number."""

from __future__ import annotations

import dataclasses

import pytest

from benchmarks.capacity import report
from benchmarks.capacity.stage import Stage, held, most_that_hold
from tests.support.scores import Errors

TARGET_MS = 500.0
STAGE = Stage(
    system="this service",
    sessions=1,
    chunk_s=2.0,
    server_ms=[100.0] * 99 + [900.0],
    gathered=0.0,
    model_s=12.0,
    cpu_s=18.0,
    audio_s=60.0,
    wall_s=36.0,
    windows=1.0,
    rss_mb=300.0,
    errors=Errors(),
)


def measured(most: int, numbers: tuple[int, ...]) -> tuple[list[int], int]:
    """Return which numbers are measured where so many sessions hold, and what is found."""
    asked: list[int] = []

    def measure(sessions: int) -> Stage:
        asked.append(sessions)
        slow = [100.0 if sessions <= most else 900.0]
        return dataclasses.replace(STAGE, sessions=sessions, server_ms=slow)

    stages = most_that_hold(measure, numbers, TARGET_MS)
    assert [one.sessions for one in stages] == sorted(asked)
    return asked, held(stages, TARGET_MS)


@pytest.mark.parametrize("most", [*range(15), 16])
def test_the_largest_number_that_holds_is_found(most: int) -> None:
    _, found = measured(most, (1, 2, 4, 8, 16))
    assert found == most


def test_where_many_hold_the_number_is_found_to_an_eighth() -> None:
    asked, found = measured(250, (64, 128, 256))
    assert 250 * 7 / 8 <= found <= 250
    assert len(asked) <= 6


def test_a_stage_holds_if_19_of_20_replies_are_in_time_and_none_gather() -> None:
    assert STAGE.holds(TARGET_MS)
    late = dataclasses.replace(STAGE, server_ms=[100.0] * 90 + [900.0] * 10)
    assert not late.holds(TARGET_MS)
    assert not dataclasses.replace(STAGE, gathered=0.1).holds(TARGET_MS)


def test_the_table_tells_rates_for_a_second_of_audio() -> None:
    line = report.line(STAGE, TARGET_MS).split()
    assert line[2:] == [
        "1",
        "100",
        "100",
        "108",
        "0.0",
        "0.200",
        "0.300",
        "0.50",
        "1.00",
        "300",
        "0.0",
    ]
    assert len(line) - 2 == len(report.HEAD[0].split())


def test_ratios_compare_with_the_first_system() -> None:
    eight = dataclasses.replace(STAGE, sessions=8)
    slow = dataclasses.replace(STAGE, server_ms=[900.0])
    lines = report.ratio_table(
        {"this service": [eight], "buffer": [STAGE], "chunks": [slow]}, TARGET_MS
    )
    assert [line.split()[-2:] for line in lines[1:]] == [["8", "1.0"], ["1", "8.0"], ["0", "-"]]
