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
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from config import logs
from transcriber.engine.times import LaneTimes
from transcriber.engine.window import Decoded, Lane, Listener, Window

log = logging.getLogger(__name__)

# A ticket that has waited this long goes first, whatever its lane, so that nothing starves.
_PATIENCE_S = 5.0


@dataclass(frozen=True)
class Timing:
    """How long a window waited and how long the model took, in seconds.

    `alone`: no other worker had a pass meanwhile, so that is what the model takes undisturbed.
    """

    queue_s: float
    model_s: float
    alone: bool = True


class Source(Protocol):
    """Who asks for a decode: gives the window when its turn comes, and takes the answer.

    All are called from a worker thread and must not block on the pool.

    Attributes:
        log_name: what to call it in the log.
        session_id: whose it is, empty where it is nobody's that is written down.
    """

    log_name: str = ""
    session_id: str = ""

    def next_window(self, lane: Lane) -> Window | None:
        """Return the window to decode now, or None if there is nothing left to do."""

    def progress(self, window: Window, heard: Decoded) -> bool:
        """Take what was just heard in a long window; tell whether the rest is still wanted.

        The answer holds it once more. Only the file lane has windows that are that long.
        """
        return True

    def decoded(self, window: Window, answer: Decoded, timing: Timing) -> None:
        """Take the answer."""

    def failed(self, window: Window, error: Exception) -> None:
        """The model raised; the source decides whether to ask again."""


@dataclass(frozen=True)
class _Ticket:
    source: Source
    lane: Lane
    since_s: float


@dataclass(eq=False)
class _Job:
    """A ticket that a worker is at, since when, and how long it may take."""

    ticket: _Ticket
    start_s: float
    allowed_s: float


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

    A file takes a worker for minutes. One worker is kept from files, and the others serve the live
    sessions that wait whenever a file's next words have been heard.

    Attributes:
        times: how long passes took, by lane.
        on_pass: called with every window that was decoded.
    """

    def __init__(
        self,
        decode: Callable[[Window, Listener], Decoded],
        size: int,
        job_timeout_s: float = 120.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.times = LaneTimes()
        self.on_pass: Callable[[Window, Timing], None] = lambda window, timing: None
        self._decode = decode
        self._job_timeout_s = job_timeout_s
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting: OrderedDict[tuple[int, Lane], _Ticket] = OrderedDict()
        self._running: dict[str, _Job] = {}
        self._files = 0  # under way, those of workers that serve somebody else meanwhile too
        self._taken = 0  # tickets that workers ever took up
        self._stopping = False
        # Uploads may take hours: one worker always stays free for live sessions.
        self._file_limit = max(1, size - 1)
        self._threads = [
            threading.Thread(target=self._work, name=f"model-worker-{n}", daemon=True)
            for n in range(size)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, lane: Lane, source: Source) -> None:
        """Ask for one pass; a waiting ticket of the same source and lane stands for both."""
        with self._changed:
            key = (id(source), lane)
            if key not in self._waiting:
                self._waiting[key] = _Ticket(source, lane, self._clock())
                self._changed.notify()

    def withdraw(self, source: Source) -> None:
        """Take back the tickets of a source that goes away; a running pass is not stopped."""
        with self._changed:
            for lane in Lane:
                self._waiting.pop((id(source), lane), None)
            self._changed.notify_all()

    def state(self) -> PoolState:
        """Return a snapshot; never waits for the model."""
        with self._changed:
            now = self._clock()
            started = [job.start_s for job in self._running.values()]
            over = [now - job.start_s - job.allowed_s for job in self._running.values()]
            return PoolState(
                size=len(self._threads),
                busy=len(self._running),
                depth=len(self._waiting),
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
                lambda: not self._waiting and not self._running and not self._files, timeout_s
            )

    def stop(self, timeout_s: float = 5.0) -> None:
        """End the workers after their present pass."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout_s)

    def _work(self) -> None:
        while (ticket := self._take()) is not None:
            with logs.about(session=ticket.source.log_name):
                self._serve(ticket)

    def _serve(self, ticket: _Ticket) -> None:
        try:
            self._run(ticket)
        except Exception:  # a worker outlives whatever a source does
            log.exception("A pass of the %s lane failed", ticket.lane.value)
        finally:
            with self._changed:
                self._running.pop(threading.current_thread().name, None)
                self._files -= ticket.lane is Lane.FILE
                self._changed.notify_all()

    def _take(self) -> _Ticket | None:
        with self._changed:
            while not self._stopping:
                key = self._first()
                if key is not None:
                    return self._begin(key)
                self._changed.wait()
            return None

    def _begin(self, key: tuple[int, Lane]) -> _Ticket:
        ticket = self._waiting.pop(key)
        self._taken += 1
        self._files += ticket.lane is Lane.FILE
        job = _Job(ticket, self._clock(), self._job_timeout_s)
        self._running[threading.current_thread().name] = job
        return ticket

    def _progress(self, source: Source, window: Window, heard: Decoded) -> bool:
        """Hand over what was heard of a file, and let live sessions go before its next window."""
        wanted = source.progress(window, heard)
        if wanted:
            self._let_live_ones_pass()
        return wanted

    def _let_live_ones_pass(self) -> None:
        name, since_s = threading.current_thread().name, self._clock()
        with self._changed:
            mine = self._running[name]
        # Not for ever: a file has to come to its end, too.
        while not self._stopping and self._clock() - since_s < _PATIENCE_S:
            with self._changed:
                key = self._first(live_only=True)
                ticket = self._begin(key) if key is not None else None
            if ticket is None:
                break
            with logs.about(session=ticket.source.log_name):
                self._serve(ticket)
        with self._changed:
            mine.start_s += self._clock() - since_s  # that was not its own time
            self._running[name] = mine

    def _first(self, live_only: bool = False) -> tuple[int, Lane] | None:
        """Return the key of the ticket whose turn it is: old ones first, then by lane."""
        may_be_file = not live_only and self._files < self._file_limit
        now, best, best_rank = self._clock(), None, (9, 0.0)
        order = {Lane.FINAL: 1, Lane.PARTIAL: 2, Lane.FILE: 3}
        for key, ticket in self._waiting.items():
            if ticket.lane is Lane.FILE and not may_be_file:
                continue
            overdue = now - ticket.since_s > _PATIENCE_S
            rank = (0 if overdue else order[ticket.lane], ticket.since_s)
            if rank < best_rank:
                best, best_rank = key, rank
        return best

    def _run(self, ticket: _Ticket) -> None:
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
