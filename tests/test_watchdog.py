"""Who looks for model calls that never come back; `test_hanging_model` lets a real one hang."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from tests.support.engine import Clock
from transcriber.engine.pool import WorkerPool
from transcriber.engine.source import Source, Timing
from transcriber.engine.window import Decoded, Lane, Listener, Window
from transcriber.live.ledger import NoJournal
from transcriber.watchdog import GRACE_S, Watchdog

JOB_TIMEOUT_S, WAIT_S = 30.0, 10.0


class Hung(NoJournal):
    """Remembers which sessions the model hung on."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def has_hung(self, session_ids: Sequence[str]) -> None:
        """Remember them."""
        self.told += session_ids


class OneWindow(Source):
    """Asks for one pass."""

    log_name, session_id = "ab12", "a-session"

    def next_window(self, lane: Lane) -> Window:
        return Window(np.zeros(16_000, np.float32), lane)

    def decoded(self, window: Window, answer: Decoded, timing: Timing) -> None:
        """Take the answer."""

    def failed(self, window: Window, error: Exception) -> None:
        """Let it go."""


class Rig:
    """A pool whose model waits until it is let go, and its watchdog."""

    def __init__(self) -> None:
        self.clock, self.journal = Clock(), Hung()
        self.running, self.let_go, self.ended = (threading.Event() for _ in range(3))
        self.pool = WorkerPool(self._decode, 1, JOB_TIMEOUT_S, self.clock)
        self.watchdog = Watchdog(self.pool, self.journal)
        self.watchdog.end = self.ended.set

    def _decode(self, window: Window, listener: Listener) -> Decoded:
        self.running.set()
        assert self.let_go.wait(WAIT_S)
        return Decoded()

    def run(self) -> None:
        self.pool.submit(Lane.FINAL, OneWindow())
        assert self.running.wait(WAIT_S)
        self.watchdog.start()


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    yield rig
    rig.let_go.set()
    rig.watchdog.stop()
    rig.pool.stop()


def test_a_call_that_hangs_ends_the_process_and_its_session_is_noted(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.run()
    rig.clock.advance(JOB_TIMEOUT_S + GRACE_S + 1)
    assert rig.ended.wait(WAIT_S)
    assert rig.journal.told == ["a-session"]
    assert "hangs on ab12" in caplog.text


def test_a_call_that_is_late_is_given_some_time_more(rig: Rig) -> None:
    rig.run()
    rig.clock.advance(JOB_TIMEOUT_S + GRACE_S - 1)
    assert not rig.ended.wait(1.2)
    assert rig.pool.state().stuck_s > 0
    assert not rig.journal.told


def test_where_nothing_would_come_in_its_place_the_process_stays(rig: Rig) -> None:
    rig.watchdog.end = None
    rig.run()
    rig.clock.advance(JOB_TIMEOUT_S + GRACE_S + 1)
    assert not rig.ended.wait(1.2)
