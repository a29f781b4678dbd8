"""A file takes a worker for minutes: live sessions go before its next window, but not for ever."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from tests.support.engine import Clock
from tests.support.server import wait_for
from transcriber.engine.pool import WorkerPool
from transcriber.engine.source import Source, Timing
from transcriber.engine.window import Decoded, Lane, Listener, Window

WINDOWS, WINDOW_S, LIVE_S = 4, 2.0, 0.3
HEARD = Decoded()


class Asker(Source):
    """Asks for one pass of its lane."""

    def __init__(self) -> None:
        self.timing: Timing | None = None
        self.wants_more = True

    def next_window(self, lane: Lane) -> Window:
        return Window(np.zeros(16_000, np.float32), lane)

    def progress(self, window: Window, heard: Decoded) -> bool:
        return self.wants_more

    def decoded(self, window: Window, answer: Decoded, timing: Timing) -> None:
        self.timing = timing

    def failed(self, window: Window, error: Exception) -> None:
        raise AssertionError from error


class Rig:
    """A pool of one worker, whose file is heard in four windows.

    Attributes:
        order: what was decoded, one after the other: the number of a file's window, or a lane.
        before_window: called before each window of a file with its number.
        rests: how long the file rested, each time.
        in_rest: called at the beginning of each of its rests.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.order: list[int | Lane] = []
        self.before_window: Callable[[int], None] = lambda number: None
        self.rests: list[float] = []
        self.in_rest: Callable[[], None] = lambda: None
        self.pool = WorkerPool(self._decode, 1, clock=self.clock, wait=self._rest)

    def _rest(self, changed: threading.Condition, seconds: float) -> bool:
        """Let the time pass; the pool holds `changed`, which may be taken twice."""
        self.in_rest()
        self.rests.append(seconds)
        self.clock.advance(seconds)
        return False

    def _decode(self, window: Window, listener: Listener) -> Decoded:
        if window.lane is not Lane.FILE:
            self.clock.advance(LIVE_S)
            self.order.append(window.lane)
            return HEARD
        for number in range(WINDOWS):
            self.before_window(number)
            self.clock.advance(WINDOW_S)
            self.order.append(number)
            if not listener(HEARD):
                break
        return HEARD

    def run(self, file: Asker) -> None:
        self.pool.submit(Lane.FILE, file)
        wait_for(lambda: file.timing is not None, 10)
        assert self.pool.wait_idle(10)


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    yield rig
    rig.pool.stop()


def test_live_sessions_go_before_the_next_window_of_a_file(rig: Rig) -> None:
    def ask(number: int) -> None:
        if number == 1:
            for lane in (Lane.PARTIAL, Lane.FINAL):
                rig.pool.submit(lane, Asker())

    rig.before_window = ask
    rig.run(Asker())
    assert rig.order == [0, 1, Lane.FINAL, Lane.PARTIAL, 2, 3]


def test_while_somebody_speaks_a_file_rests_as_long_as_it_worked(rig: Rig) -> None:
    rig.before_window = lambda number: rig.pool.submit(Lane.PARTIAL, Asker())
    rig.run(Asker())
    # The live pass that goes first is part of the rest.
    assert rig.rests == pytest.approx([WINDOW_S - LIVE_S] * WINDOWS)


def test_one_who_speaks_in_its_rest_is_served_at_once(rig: Rig) -> None:
    def speak() -> None:
        if not rig.rests:
            rig.pool.submit(Lane.FINAL, Asker())

    rig.before_window = lambda number: (
        rig.pool.submit(Lane.PARTIAL, Asker()) if not number else None
    )
    rig.in_rest = speak
    rig.run(Asker())
    assert rig.order[:4] == [0, Lane.PARTIAL, Lane.FINAL, 1]


def test_without_anybody_who_speaks_it_never_rests(rig: Rig) -> None:
    rig.run(Asker())
    assert not rig.rests


def test_what_they_take_is_not_the_files_time(rig: Rig) -> None:
    rig.before_window = lambda number: rig.pool.submit(Lane.PARTIAL, Asker())
    file, live = Asker(), Asker()
    rig.run(file)
    assert file.timing == Timing(0.0, WINDOWS * WINDOW_S, alone=False)
    rig.pool.submit(Lane.PARTIAL, live)
    wait_for(lambda: live.timing is not None, 10)
    assert live.timing is not None
    assert live.timing.model_s == pytest.approx(LIVE_S)


def test_a_file_comes_to_its_end_however_many_ask(rig: Rig) -> None:
    class Insatiable(Asker):
        def decoded(self, window: Window, answer: Decoded, timing: Timing) -> None:
            if 3 not in rig.order:
                rig.pool.submit(Lane.PARTIAL, Insatiable())

    rig.pool.submit(Lane.FILE, file := Asker())
    rig.pool.submit(Lane.PARTIAL, Insatiable())
    wait_for(lambda: file.timing is not None, 10)
    runs = [len(list(group)) for key, group in itertools.groupby(rig.order) if key is Lane.PARTIAL]
    assert len(runs) >= WINDOWS
    assert max(runs[1:]) <= 5.0 / LIVE_S + 1


def test_other_files_wait_for_the_end_of_this_one(rig: Rig) -> None:
    first, second = Asker(), Asker()
    rig.pool.submit(Lane.FILE, first)
    rig.pool.submit(Lane.FILE, second)
    wait_for(lambda: second.timing is not None, 10)
    assert rig.order == [0, 1, 2, 3] * 2


def test_one_that_is_not_wanted_any_more_lets_nobody_wait(rig: Rig) -> None:
    file = Asker()
    file.wants_more = False
    rig.run(file)
    assert rig.order == [0]


def test_a_failing_live_pass_does_the_file_no_harm(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing(Asker):
        def decoded(self, window: Window, answer: Decoded, timing: Timing) -> None:
            raise RuntimeError("out of memory")

    rig.before_window = lambda number: rig.pool.submit(Lane.FINAL, Failing())
    file = Asker()
    rig.run(file)
    assert file.timing is not None
    assert "A pass of the final lane failed" in caplog.text
