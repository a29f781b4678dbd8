"""How long passes took: the figures for `/health`, and what is told of each pass."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from tests.support.engine import Clock
from tests.support.server import wait_for
from transcriber.engine.pool import WorkerPool
from transcriber.engine.source import Source, Timing
from transcriber.engine.times import LaneFigures, LaneTimes, SpreadMs, Times
from transcriber.engine.window import Decoded, Lane, Listener, Window


def test_before_anything_was_measured_there_are_no_percentiles() -> None:
    assert (Times().count, Times().spread()) == (0, SpreadMs(None, None))


def test_percentiles_are_of_the_newest_and_the_count_of_all() -> None:
    times = Times()
    for _ in range(1000):
        times.note(9.0)
    for ms in range(300):
        times.note(ms / 1000)
    spread = times.spread()
    assert times.count == 1300
    assert spread.p50 == pytest.approx(172, abs=2)
    assert spread.p95 == pytest.approx(287, abs=2)


def test_each_lane_has_its_own_figures() -> None:
    times = LaneTimes()
    times.note(Lane.PARTIAL, 0.003, 0.12)
    figures = times.figures()
    assert figures[Lane.PARTIAL] == LaneFigures(1, SpreadMs(3, 3), SpreadMs(120, 120))
    assert figures[Lane.FINAL] == figures[Lane.FILE] == LaneFigures(0, SpreadMs(), SpreadMs())


class Asker(Source):
    """A source of one window that keeps what it is told of its pass."""

    def __init__(self) -> None:
        self.timings: list[Timing] = []

    def next_window(self, lane: Lane) -> Window | None:
        return Window(np.zeros(16_000, np.float32), lane)

    def decoded(self, window: Window, answer: Decoded, timing: Timing) -> None:
        self.timings.append(timing)

    def failed(self, window: Window, error: Exception) -> None:
        raise AssertionError(error)


class SlowPool:
    """A pool of two workers whose model goes on when it is let go; a pass takes no time else."""

    def __init__(self) -> None:
        self.clock, self.gate = Clock(), threading.Event()
        self.pool = WorkerPool(self._decode, 2, clock=self.clock)

    def _decode(self, window: Window, listener: Listener) -> Decoded:
        assert self.gate.wait(30)
        return Decoded()

    def run(self, *askers: Asker) -> None:
        """Let these have a pass each, of a second, at the same time."""
        self.gate.clear()
        for asker in askers:
            self.pool.submit(Lane.PARTIAL, asker)
        wait_for(lambda: self.pool.state().busy == len(askers), 10)
        self.clock.advance(1.0)
        self.gate.set()
        assert self.pool.wait_idle(10)


@pytest.fixture
def slow() -> Iterator[SlowPool]:
    """A pool of two."""
    one = SlowPool()
    yield one
    one.gate.set()
    one.pool.stop()


def test_a_pass_with_the_pool_to_itself_was_alone(slow: SlowPool) -> None:
    asker = Asker()
    slow.run(asker)
    slow.run(asker)
    assert [timing.alone for timing in asker.timings] == [True, True]


def test_passes_at_the_same_time_were_not(slow: SlowPool) -> None:
    askers = Asker(), Asker()
    slow.run(*askers)
    assert [timing.alone for asker in askers for timing in asker.timings] == [False, False]


def test_the_pool_keeps_the_times_of_its_lanes(slow: SlowPool) -> None:
    slow.run(Asker())
    figures = slow.pool.times.figures()[Lane.PARTIAL]
    assert figures.passes == 1
    assert figures.queue_ms.p50 is not None
    assert figures.model_ms.p50 is not None
