"""The decoder processes of a service: started, watched, and replaced when they end."""

from __future__ import annotations

import contextlib
import itertools
import logging
import math
import socket
import threading
from collections import deque
from typing import Any

from transcriber.audio.processes import wire
from transcriber.audio.processes.starters import START_S, Starter, starter

log = logging.getLogger(__name__)

# Long enough for the largest chunk on a busy machine; what takes longer hangs.
DEADLINE_S = 20.0  # the default; see the setting DECODE_TIMEOUT_S
# Room for the largest chunks of many sessions.
MEMORY_BYTES = 1 << 30


class ChildEnded(Exception):
    """The process has ended, hung, or said what makes no sense; what it held is gone."""


class ChildReplaced(ChildEnded):
    """It had ended before it was asked."""


class ChildNotStarted(Exception):
    """There is no process, and none can be started."""


class DecoderProcess:
    """One running process; `pid` is its id, `connection` leads to it.

    Args:
        kind: `streams`, `recording` or `archive`.
        deadline_s: how long it may take for an answer, and in processor time.
        memory_bytes: how much memory it may take, above what the libraries do.
        starter: how it is started.

    Raises:
        ChildNotStarted: it did not start.
    """

    def __init__(self, kind: str, deadline_s: float, memory_bytes: int, starter: Starter) -> None:
        ours, theirs = socket.socketpair()
        self._starter = starter
        with theirs:
            try:
                limits = str(math.ceil(deadline_s)), str(memory_bytes)
                self.pid = starter.start([kind, *limits], theirs)
            except OSError as error:
                ours.close()
                log.error("A decoder process can't be started: %s", error)
                raise ChildNotStarted from None
        self._status: int | None = None
        self.connection = ours
        ours.settimeout(START_S)
        try:
            wire.receive(ours)
        except OSError:
            log.error("A decoder process did not start: status %d", self.end())
            raise ChildNotStarted from None
        ours.settimeout(deadline_s)

    def ask(self, head: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytearray]:
        wire.send(self.connection, head, body)
        return wire.receive(self.connection)

    def end(self) -> int:
        """End it, and return its exit status: below 0 the signal that ended it."""
        self.connection.close()
        if self._status is None:
            self._status = self._starter.end(self.pid)
        return self._status


class Child:
    """One place for a decoder process, with another one in it when that has ended.

    Attributes:
        generation: how many processes have ended here; a stream is in one of them.
    """

    def __init__(self, children: Children) -> None:
        self.generation = 0
        self._children = children
        self._lock = threading.Lock()
        self._process: DecoderProcess | None = None
        self._over: deque[int] = deque()  # streams that the process may give up

    @property
    def pid(self) -> int | None:
        """The id of its process; None if there is none."""
        process = self._process
        return process.pid if process else None

    def start(self) -> None:
        """Start the process, if there is none."""
        with self._lock, contextlib.suppress(ChildNotStarted):  # the next question does
            self._running()

    def ask(
        self, generation: int, head: dict[str, Any], body: bytes = b""
    ) -> tuple[dict[str, Any], bytearray]:
        """Ask one thing of the process; only one can be asked at a time.

        Raises:
            ChildEnded: this generation has ended, before or by this.
            ChildNotStarted: there is no process, and none can be started.
        """
        with self._lock:
            if generation != self.generation:
                raise ChildReplaced("it was replaced")
            process = self._running()
            over = [self._over.popleft() for _ in range(len(self._over))]
            try:
                return process.ask(head | {"over": over}, body)
            except OSError as error:
                self._replace(process, error)
                raise ChildEnded(str(error)) from None

    def forget(self, generation: int, number: int) -> None:
        """A stream is over; the process is told with the next question, so nobody waits here."""
        if generation == self.generation:
            self._over.append(number)

    def distrust(self, generation: int) -> None:
        """The process says what makes no sense: end it."""
        with self._lock:
            if generation == self.generation and self._process is not None:
                self._replace(self._process, ValueError("it makes no sense"))

    def stop(self) -> None:
        """End the process."""
        with self._lock:
            if self._process is not None:
                self._process.end()
                self._process = None

    def _running(self) -> DecoderProcess:
        if self._process is None:
            self._process = self._children.new_process("streams")
        return self._process

    def _replace(self, process: DecoderProcess, error: Exception) -> None:
        self._process = None
        self._over.clear()
        self.generation += 1
        hung = ", as it took too long" if isinstance(error, TimeoutError) else ""
        self._children.note_ended(process.end(), f"its sessions go on in another one{hung}")


class Children:
    """All decoder processes; each new stream goes to the next of them.

    Args:
        count: how many there are.
        deadline_s: how long one may take for an answer.
        memory_bytes: how much memory one may take.

    Attributes:
        ended: how many have ended that were not meant to.
    """

    def __init__(
        self, count: int, deadline_s: float = DEADLINE_S, memory_bytes: int = MEMORY_BYTES
    ) -> None:
        self.ended = 0
        self._deadline_s = deadline_s
        self._memory_bytes = memory_bytes
        self._starter = starter()
        self._children = [Child(self) for _ in range(count)]
        self._next = itertools.cycle(self._children)
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._spare: DecoderProcess | None = None
        self._stopped = False

    def start(self) -> None:
        """Start them, in the background."""
        for child in self._children:
            threading.Thread(target=child.start, name="decoder-start", daemon=True).start()

    def stop(self) -> None:
        """End them."""
        with self._lock:
            self._stopped, spare, self._spare = True, self._spare, None
        if spare is not None:
            spare.end()
        for child in self._children:
            child.stop()
        self._starter.stop()

    def for_recording(self) -> DecoderProcess:
        """Return a process of its own for a recording; whoever takes it ends it.

        From the first one on, another is kept ready.

        Raises:
            ChildNotStarted: none can be started.
        """
        with self._lock:
            process, self._spare = self._spare, None
        threading.Thread(target=self._start_spare, name="decoder-start", daemon=True).start()
        return process or self.new_process("recording")

    def note_ended(self, status: int, consequence: str) -> None:
        """A process has ended that was not meant to, or had to be ended."""
        with self._lock:
            self.ended += 1
        log.error("A decoder process ended with status %d; %s", status, consequence)

    def _start_spare(self) -> None:
        """Have one ready for the next recording, which then needs not wait for it."""
        with contextlib.suppress(ChildNotStarted):
            process = self.new_process("recording")
            with self._lock:
                if self._spare is None and not self._stopped:
                    self._spare = process
                    return
            process.end()

    def new_process(self, kind: str) -> DecoderProcess:
        """Start a process.

        Raises:
            ChildNotStarted: it did not start.
        """
        return DecoderProcess(kind, self._deadline_s, self._memory_bytes, self._starter)

    def place(self) -> tuple[Child, int]:
        """Return a place for a new stream, and a number for it."""
        with self._lock:
            return next(self._next), next(self._numbers)

    @property
    def spare_pid(self) -> int | None:
        """The id of the one that waits for the next recording, if it does already."""
        spare = self._spare
        return spare.pid if spare else None

    @property
    def pids(self) -> list[int]:
        """The ids of those that decode streams."""
        return [child.pid for child in self._children if child.pid is not None]
