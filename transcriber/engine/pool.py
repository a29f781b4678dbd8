"""The bounded pool of workers, with its lanes.

A session's request for work is a ticket, not a window: the window is made when a worker takes
the ticket up, from whatever audio is there by then. So a session never has more than one partial
pass waiting, the newest audio always wins, and lag can't build up.
"""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from config import logs
from transcriber.engine.source import Source, Timing
from transcriber.engine.times import LaneTimes
from transcriber.engine.together import beside, run_together
from transcriber.engine.turns import PATIENCE_S, Ticket, Turns
from transcriber.engine.window import Decoded, Lane, Listener, Window

log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Job:
    """A ticket that a worker is at, since when, and how long it may take.

    `rested_s`: when it began, or last let live sessions go before.
    """

    ticket: Ticket
    start_s: float
    allowed_s: float
    rested_s: float = field(init=False)

    def __post_init__(self) -> None:
        self.rested_s = self.start_s


@dataclass(frozen=True)
class PoolState:
    """A snapshot: workers and busy ones, tickets waiting, and the age of the oldest job.

    `stuck_s` is by how many seconds the worst running job is over its time; 0 if none is.
    """

    size: int
    busy: int
    depth: int
    oldest_job_s: float
    stuck_s: float


class WorkerPool:
    """A fixed number of worker threads that decode windows, final lane first.

    A file takes a worker for minutes: that worker serves the live sessions that wait whenever the
    file's next words have been heard. `turns` says who goes first, and how many may be at files.

    Where several sessions wait for partial text when a worker is free, it serves them as one batch:
    the busier the pool, the larger the batches, and nobody is made to wait for one.

    Args:
        decode: decodes a window; called in several threads at once.
        size: how many workers there are.
        job_timeout_s: how long a pass may take before it counts as hanging.
        clock: monotonic seconds.
        wait: waits on a condition for so many of the clock's seconds.

    Attributes:
        times: how long passes took, by lane.
        batch: how many windows a worker decodes together at most.
        on_job: called with the number of windows whenever a worker begins with some.
        on_pass: called with every window that was decoded.
    """

    def __init__(
        self,
        decode: Callable[[Window, Listener], Decoded],
        size: int,
        job_timeout_s: float = 120.0,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[threading.Condition, float], bool] = threading.Condition.wait,
    ) -> None:
        self.times = LaneTimes()
        self.batch = 1
        self.on_job: Callable[[int], None] = lambda windows: None
        self.on_pass: Callable[[Window, Timing], None] = lambda window, timing: None
        self._decode = decode
        self._job_timeout_s = job_timeout_s
        self._clock = clock
        self._wait = wait
        self._changed = threading.Condition()
        self._turns = Turns(size, clock)
        self._running: dict[str, _Job] = {}
        self._taken = 0  # tickets that workers ever took up
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._work, name=f"model-worker-{n}", daemon=True)
            for n in range(size)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, lane: Lane, source: Source) -> None:
        """Ask for one pass; a waiting ticket of the same source and lane stands for both."""
        with self._changed:
            if self._turns.add(lane, source):
                self._changed.notify_all()  # one that rests may have no use for it

    def withdraw(self, source: Source) -> None:
        """Take back the tickets of a source that goes away; a running pass is not stopped."""
        with self._changed:
            self._turns.remove(source)
            self._changed.notify_all()

    def state(self) -> PoolState:
        """Return a snapshot; never waits for the model."""
        with self._changed:
            now = self._clock()
            started = [job.start_s for job in self._running.values()]
            over = [now - job.start_s - job.allowed_s for job in self._running.values()]
            return PoolState(
                size=len(self._threads),
                busy=len({name.partition(".")[0] for name in self._running}),
                depth=len(self._turns),
                oldest_job_s=now - min(started) if started else 0.0,
                stuck_s=max([0.0, *over]),
            )

    def hanging(self, over_s: float) -> list[Source]:
        """Return whose jobs are so many seconds over their time: they will not come back."""
        with self._changed:
            now = self._clock()
            return [
                job.ticket.source
                for job in self._running.values()
                if now - job.start_s - job.allowed_s > over_s
            ]

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until nothing waits or runs; True if that came about in time."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not self._turns and not self._running and not self._turns.files, timeout_s
            )

    def stop(self, timeout_s: float = 5.0) -> None:
        """End the workers after their present pass."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout_s)

    def _work(self) -> None:
        while tickets := self._take():
            self.on_job(len(tickets))
            tasks = [functools.partial(self._serve, ticket) for ticket in tickets]
            if len(tasks) == 1:
                tasks[0]()
            else:
                run_together(tasks)

    def _serve(self, ticket: Ticket) -> None:
        with logs.about(session=ticket.source.log_name):
            try:
                self._run(ticket)
            except Exception:  # a worker outlives whatever a source does
                log.exception("A pass of the %s lane failed", ticket.lane.value)
            finally:
                with self._changed:
                    job = self._running.pop(threading.current_thread().name)
                    if ticket.lane is Lane.FILE:
                        self._turns.worked(self._clock() - job.rested_s)
                    self._turns.done(ticket)
                    self._changed.notify_all()

    def _take(self) -> list[Ticket]:
        """Wait for work: one ticket, or several for partial text; none when the pool stops."""
        name = threading.current_thread().name
        with self._changed:
            while not self._stopping:
                ticket = self._turns.take()
                if ticket is None:
                    self._changed.wait(self._turns.wait_s())
                    continue
                more = []
                if ticket.lane is Lane.PARTIAL and self.batch > 1:
                    more = self._turns.take_more(self.batch - 1)
                if not more:
                    self._begin(ticket, name)
                    return [ticket]
                for at, one in enumerate([ticket, *more]):
                    self._begin(one, beside(name, at))
                return [ticket, *more]
            return []

    def _begin(self, ticket: Ticket, thread: str) -> None:
        self._taken += 1
        self._running[thread] = _Job(ticket, self._clock(), self._job_timeout_s)

    def _progress(self, source: Source, window: Window, heard: Decoded) -> bool:
        """Hand over what was heard of a file, and let live sessions go before its next window."""
        wanted = source.progress(window, heard)
        if wanted:
            self._let_live_ones_pass()
        return wanted

    def _let_live_ones_pass(self) -> None:
        """Serve who speaks, and rest while there are any, for as long as the file was at work."""
        name, since_s = threading.current_thread().name, self._clock()
        with self._changed:
            mine = self._running[name]
            self._turns.worked(since_s - mine.rested_s)
        # Not for ever: a file has to come to its end, too.
        while not self._stopping and self._clock() - since_s < PATIENCE_S:
            with self._changed:
                ticket = self._turns.take(live_only=True)
                if ticket is None:
                    rest_s = self._turns.rest_s()
                    if not rest_s:
                        break
                    self._wait(self._changed, rest_s)
                    continue
                self._begin(ticket, name)
            self._serve(ticket)
        with self._changed:
            mine.rested_s = self._clock()
            mine.start_s += mine.rested_s - since_s  # that was not its own time
            self._running[name] = mine

    def _run(self, ticket: Ticket) -> None:
        window = ticket.source.next_window(ticket.lane)
        if window is None:
            return
        # A file's window may be minutes long, so it gets its length on top.
        allowed_s = self._job_timeout_s + 2 * window.seconds * (window.lane is Lane.FILE)
        job = _Job(ticket, self._clock(), allowed_s)
        queue_s = job.start_s - ticket.since_s
        with self._changed:
            self._running[threading.current_thread().name] = job
            taken, alone = self._taken, len(self._running) == 1
        try:
            listener = functools.partial(self._progress, ticket.source, window)
            answer = self._decode(window, listener)
        except Exception as error:
            log.exception("The model failed on %.1f s of audio", window.seconds)
            ticket.source.failed(window, error)
            return
        with self._changed:
            alone = alone and self._taken == taken
        timing = Timing(queue_s, self._clock() - job.start_s, alone)
        self.times.note(window.lane, timing.queue_s, timing.model_s)
        self.on_pass(window, timing)
        ticket.source.decoded(window, answer, timing)
