"""Whose turn it is: final text before partial text before files, and nothing starves.

A file takes a worker for as long as its words take. One worker is kept from files always; while
somebody speaks only one has a file, and rests for as long as it has worked, so that live passes
have the rest of the machine.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from transcriber.engine.source import Source
from transcriber.engine.window import Lane

# What has waited this long goes first, whatever its lane, so that nothing starves.
PATIENCE_S = 5.0
_RANK = {Lane.FINAL: 1, Lane.PARTIAL: 2, Lane.FILE: 3}


@dataclass(frozen=True)
class Ticket:
    """A source's request for one pass of a lane, and since when it waits."""

    source: Source
    lane: Lane
    since_s: float


class Turns:
    """The tickets that wait. It has no lock: that is for who owns it.

    Args:
        workers: how many there are.
        clock: in seconds.

    Attributes:
        files: how many files are under way, those of workers that serve somebody else meanwhile
            too.
    """

    def __init__(self, workers: int, clock: Callable[[], float]) -> None:
        self.files = 0
        self._most_files = max(1, workers - 1)
        self._clock = clock
        self._waiting: OrderedDict[tuple[int, Lane], Ticket] = OrderedDict()
        self._spoken_s = self._file_s = -PATIENCE_S
        self._rested_s = 0.0  # when files have rested enough

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, lane: Lane, source: Source) -> bool:
        """Add a ticket unless one of the same source and lane waits; tell whether it was added."""
        if lane is not Lane.FILE:
            self._spoken_s = self._clock()
        key = (id(source), lane)
        if key in self._waiting:
            return False
        self._waiting[key] = Ticket(source, lane, self._clock())
        return True

    def remove(self, source: Source) -> None:
        """Take back the tickets of a source."""
        for lane in Lane:
            self._waiting.pop((id(source), lane), None)

    def take(self, live_only: bool = False) -> Ticket | None:
        """Take the ticket whose turn it is: old ones first, then by lane; None if nobody's."""
        ranked = [
            (self._rank(ticket), key)
            for key, ticket in self._waiting.items()
            if ticket.lane is not Lane.FILE or (not live_only and self._may_be_file())
        ]
        if not ranked:
            return None
        _, key = min(ranked, key=lambda one: one[0])  # of equals the first
        ticket = self._waiting.pop(key)
        self.files += ticket.lane is Lane.FILE
        return ticket

    def take_more(self, count: int) -> list[Ticket]:
        """Take up to so many more tickets for partial text, to be decoded with another such one."""
        keys = [key for key, ticket in self._waiting.items() if ticket.lane is Lane.PARTIAL]
        return [self._waiting.pop(key) for key in keys[:count]]

    def done(self, ticket: Ticket) -> None:
        """What was taken is over."""
        if ticket.lane is Lane.FILE:
            self.files -= 1
            self._file_s = self._clock()

    def worked(self, seconds: float) -> None:
        """A worker was at a file for so long, and has come to a place where it can rest."""
        self._rested_s = self._clock() + min(seconds, PATIENCE_S)

    def rest_s(self) -> float:
        """Return for how long files rest from now on; 0 while nobody speaks."""
        return max(0.0, self._rested_s - self._clock()) if self._is_speaking() else 0.0

    def wait_s(self) -> float | None:
        """Return after how long `take` may tell something else though nothing has happened."""
        return (self.rest_s() or PATIENCE_S) if self._waiting else None

    def _may_be_file(self) -> bool:
        if not self._is_speaking():
            return self.files < self._most_files
        return not self.files and not self.rest_s()

    def _is_speaking(self) -> bool:
        return self._clock() - self._spoken_s < PATIENCE_S

    def _rank(self, ticket: Ticket) -> tuple[int, float]:
        # Files wait for another file more often than for anybody who speaks: that counts for none.
        file = ticket.lane is Lane.FILE
        since_s = max(ticket.since_s, self._file_s) if file else ticket.since_s
        overdue = self._clock() - since_s > PATIENCE_S
        return (0 if overdue else _RANK[ticket.lane], ticket.since_s)
