"""The pool: who goes first, who stands for whom, and that a worker outlives everything."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from config import logs
from tests.support.engine import Clock
from tests.support.server import wait_for
from transcriber.engine.pool import WorkerPool
from transcriber.engine.source import Source, Timing
from transcriber.engine.window import Decoded, Lane, Listener, Window

JOB_TIMEOUT_S = 60.0


_turns = itertools.count()


class Asker(Source):
    """A source that asks for one window and notes what becomes of it."""

    def __init__(self, seconds: float = 1.0) -> None:
        self.seconds = seconds
        self.lanes: list[Lane] = []
        self.answers: list[Timing] = []
        self.errors: list[Exception] = []
        self.turn = -1

    def next_window(self, lane: Lane) -> Window | None:
        self.lanes.append(lane)
        self.turn = next(_turns)
        return Window(np.zeros(int(self.seconds * 16_000), np.float32), lane)

    def decoded(self, window: Window, answer: Decoded, timing: Timing) -> None:
        self.answers.append(timing)

    def failed(self, window: Window, error: Exception) -> None:
        self.errors.append(error)


class Rig:
    """A pool whose model waits for `let_go`, and notes the order of lanes."""

    def __init__(self, size: int) -> None:
        self.clock = Clock()
        self.order: list[Lane] = []
        self.error: Exception | None = None
        self._gate = threading.Event()
        self.pool = WorkerPool(self._decode, size, JOB_TIMEOUT_S, self.clock)

    def _decode(self, window: Window, listener: Listener) -> Decoded:
        assert self._gate.wait(30)
        self.order.append(window.lane)
        if self.error is not None:
            raise self.error
        return Decoded()

    def let_go(self) -> None:
        self._gate.set()

    def finish(self) -> None:
        self.let_go()
        assert self.pool.wait_idle(10)

    def occupy(self, workers: int = 1, lane: Lane = Lane.FINAL) -> None:
        """Keep that many workers busy until `let_go`."""
        for _ in range(workers):
            self.pool.submit(lane, Asker())
        wait_for(lambda: self.pool.state().busy == workers, 10)


@pytest.fixture
def rig() -> Iterator[Rig]:
    """A pool of one worker."""
    one = Rig(1)
    yield one
    one.let_go()
    one.pool.stop()


@pytest.fixture
def three() -> Iterator[Rig]:
    """A pool of three."""
    one = Rig(3)
    yield one
    one.let_go()
    one.pool.stop()


# -- who goes first -----------------------------------------------------------------------------


def test_final_goes_before_partial_before_file(rig: Rig) -> None:
    rig.occupy()
    for lane in (Lane.FILE, Lane.PARTIAL, Lane.FINAL):
        rig.pool.submit(lane, Asker())
    rig.finish()
    assert rig.order[1:] == [Lane.FINAL, Lane.PARTIAL, Lane.FILE]


def test_in_one_lane_the_first_comes_first(rig: Rig) -> None:
    rig.occupy()
    askers = [Asker() for _ in range(3)]
    for asker in askers:
        rig.pool.submit(Lane.PARTIAL, asker)
        rig.clock.advance(0.1)
    rig.finish()
    assert [asker.turn for asker in askers] == sorted(asker.turn for asker in askers)


def test_who_has_waited_for_long_goes_before_everybody(rig: Rig) -> None:
    rig.occupy()
    rig.pool.submit(Lane.FILE, Asker())
    rig.clock.advance(10)
    rig.pool.submit(Lane.FINAL, Asker())
    rig.finish()
    assert rig.order[1:] == [Lane.FILE, Lane.FINAL]


def test_who_waits_for_partial_text_is_served_in_batches(rig: Rig) -> None:
    jobs: list[int] = []
    rig.pool.batch, rig.pool.on_job = 4, jobs.append
    rig.occupy()
    askers = [Asker() for _ in range(6)]
    for asker in askers[:5]:
        rig.pool.submit(Lane.PARTIAL, asker)
    rig.pool.submit(Lane.FINAL, askers[5])
    rig.finish()
    assert jobs == [1, 1, 4, 1]
    assert all(len(asker.answers) == 1 for asker in askers)


def test_a_batch_is_the_work_of_one_worker(rig: Rig) -> None:
    rig.pool.batch = 4
    entered, counted = threading.Barrier(4), threading.Event()

    class Meeting(Asker):
        def next_window(self, lane: Lane) -> Window | None:
            entered.wait(10)  # all three are under way at the same time
            counted.wait(10)
            return super().next_window(lane)

    rig.occupy()
    for _ in range(3):
        rig.pool.submit(Lane.PARTIAL, Meeting())
    rig.let_go()
    entered.wait(10)
    assert rig.pool.state().busy == 1
    counted.set()
    assert rig.pool.wait_idle(10)


def test_one_worker_stays_free_of_files(three: Rig) -> None:
    for _ in range(5):
        three.pool.submit(Lane.FILE, Asker())
    wait_for(lambda: three.pool.state().busy == 2, 10)
    three.clock.advance(100)
    three.pool.submit(Lane.PARTIAL, Asker())
    wait_for(lambda: three.pool.state().busy == 3, 10)
    assert three.pool.state().depth == 3


def test_a_pool_of_one_does_take_files(rig: Rig) -> None:
    asker = Asker()
    rig.pool.submit(Lane.FILE, asker)
    rig.finish()
    assert len(asker.answers) == 1


# -- tickets ------------------------------------------------------------------------------------


def test_a_source_has_one_ticket_a_lane(rig: Rig) -> None:
    rig.occupy()
    asker = Asker()
    for _ in range(5):
        rig.pool.submit(Lane.PARTIAL, asker)
        rig.pool.submit(Lane.FINAL, asker)
    assert rig.pool.state().depth == 2
    rig.finish()
    assert asker.lanes == [Lane.FINAL, Lane.PARTIAL]


def test_a_ticket_keeps_its_place_when_it_is_asked_for_again(rig: Rig) -> None:
    rig.occupy()
    asker = Asker()
    rig.pool.submit(Lane.PARTIAL, asker)
    rig.clock.advance(3)
    rig.pool.submit(Lane.PARTIAL, asker)
    rig.finish()
    assert asker.answers == [Timing(queue_s=3.0, model_s=0.0)]


def test_the_window_is_made_when_the_turn_comes(rig: Rig) -> None:
    rig.occupy()
    asker = Asker()
    rig.pool.submit(Lane.PARTIAL, asker)
    assert asker.lanes == []
    rig.finish()
    assert asker.lanes == [Lane.PARTIAL]


def test_a_ticket_may_be_renewed_while_its_pass_runs(rig: Rig) -> None:
    asker = Asker()
    rig.pool.submit(Lane.PARTIAL, asker)
    wait_for(lambda: rig.pool.state().busy == 1, 10)
    rig.pool.submit(Lane.PARTIAL, asker)
    rig.finish()
    assert len(asker.answers) == 2


def test_a_source_with_nothing_to_do_costs_no_pass(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    asker = Asker()
    monkeypatch.setattr(asker, "next_window", lambda lane: None)
    rig.pool.submit(Lane.FINAL, asker)
    rig.finish()
    assert not rig.order


def test_withdrawn_tickets_are_gone(rig: Rig) -> None:
    rig.occupy()
    asker = Asker()
    for lane in Lane:
        rig.pool.submit(lane, asker)
    rig.pool.withdraw(asker)
    assert rig.pool.state().depth == 0
    rig.finish()
    assert asker.lanes == []


def test_the_answer_tells_how_long_it_waited(rig: Rig) -> None:
    rig.occupy()
    asker = Asker()
    rig.pool.submit(Lane.FINAL, asker)
    rig.clock.advance(3)
    rig.finish()
    assert asker.answers == [Timing(queue_s=3.0, model_s=0.0)]


# -- trouble ------------------------------------------------------------------------------------


def test_a_model_that_raises_tells_the_source(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig.error = RuntimeError("out of memory")
    asker = Asker()
    rig.pool.submit(Lane.FINAL, asker)
    rig.finish()
    assert asker.errors == [rig.error]
    assert "The model failed on 1.0 s of audio" in caplog.text


def test_what_a_worker_logs_tells_whose_pass_it_was(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.handler.addFilter(logs.About())
    rig.error = RuntimeError("out of memory")
    for name in ("ab12", "cd34"):
        asker = Asker()
        asker.log_name = name
        rig.pool.submit(Lane.FINAL, asker)
        rig.finish()
    assert [record.__dict__["session"] for record in caplog.records] == ["ab12", "cd34"]


@pytest.mark.parametrize("method", ["next_window", "decoded", "failed"])
def test_a_source_that_raises_kills_no_worker(
    method: str, rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = Asker(), Asker()
    monkeypatch.setattr(bad, method, lambda *args: 1 // 0)
    rig.error = RuntimeError("model") if method == "failed" else None
    rig.pool.submit(Lane.FINAL, bad)
    rig.finish()
    rig.error = None
    rig.pool.submit(Lane.FINAL, good)
    rig.finish()
    assert len(good.answers) == 1
    assert "ZeroDivisionError" in caplog.text


# -- what health tells --------------------------------------------------------------------------


def test_the_state_counts_workers_and_tickets(three: Rig) -> None:
    three.occupy(3)
    three.pool.submit(Lane.PARTIAL, Asker())
    state = three.pool.state()
    assert (state.size, state.busy, state.depth) == (3, 3, 1)


def test_an_idle_pool_has_no_oldest_job(rig: Rig) -> None:
    rig.clock.advance(1000)
    state = rig.pool.state()
    assert (state.busy, state.oldest_job_s, state.stuck_s) == (0, 0.0, 0.0)


def test_the_oldest_job_ages_by_the_clock_until_it_counts_as_stuck(rig: Rig) -> None:
    rig.occupy()
    rig.clock.advance(JOB_TIMEOUT_S)
    assert rig.pool.state().oldest_job_s == JOB_TIMEOUT_S
    assert rig.pool.state().stuck_s == 0
    rig.clock.advance(5)
    assert rig.pool.state().stuck_s == 5


def test_a_file_may_take_longer_the_longer_it_is(rig: Rig) -> None:
    rig.pool.submit(Lane.FILE, Asker(seconds=30.0))
    wait_for(lambda: rig.pool.state().busy == 1, 10)
    wait_for(lambda: rig.pool._running["model-worker-0"].allowed_s > JOB_TIMEOUT_S, 10)
    rig.clock.advance(JOB_TIMEOUT_S + 10)
    assert rig.pool.state().stuck_s == 0


# -- the end ------------------------------------------------------------------------------------


def test_waiting_for_idleness_ends_in_time_or_with_the_last_job(rig: Rig) -> None:
    rig.occupy()
    assert not rig.pool.wait_idle(0.01)
    rig.let_go()
    assert rig.pool.wait_idle(10)


def test_stopping_ends_the_threads_and_leaves_what_waits() -> None:
    one = Rig(2)
    one.occupy(2)
    asker = Asker()
    one.pool.submit(Lane.FINAL, asker)
    stopping = threading.Thread(target=one.pool.stop)
    stopping.start()
    wait_for(lambda: one.pool._stopping, 10)
    one.let_go()
    stopping.join(10)
    assert not any(thread.is_alive() for thread in one.pool._threads)
    assert asker.lanes == []
