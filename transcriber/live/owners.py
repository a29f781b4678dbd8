"""Whose the sessions are: each owner may have so many at once, and is charged with their audio."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from transcriber.live.errors import TooManyOfOwner
from transcriber.live.readable import Readable
from transcriber.live.snapshot import NO_SEGMENTS


@dataclass(frozen=True)
class Owner:
    """A key or an address that sends audio.

    Attributes:
        kind: what it is, as people are told.
        name: which one.
        most_active: how many sessions it may have at once; 0 is any number.
    """

    kind: str
    name: str
    most_active: int = 0


@dataclass(eq=False)
class _Owned:
    owners: Sequence[Owner]
    is_active: Callable[[], bool]
    charged_s: float = 0.0
    length_s: Callable[[], float | None] = lambda: None

    def left_s(self) -> float:
        """Return how much there is of an upload besides what was charged."""
        length_s = self.length_s() if self.is_active() else None
        return max(0.0, length_s - self.charged_s) if length_s is not None else 0.0


class Owners:
    """Which session, upload or recording is whose. Thread-safe.

    Those of an earlier process are nobody's: who sent them was not written down.

    Attributes:
        charge: told how many seconds of audio an owner has sent.
    """

    def __init__(self) -> None:
        self.charge: Callable[[Owner, float], None] = lambda owner, seconds: None
        self._lock = threading.Lock()
        self._owned: dict[str, _Owned] = {}
        self._sending_ms: defaultdict[Owner, int] = defaultdict(int)

    def check(self, owners: Sequence[Owner]) -> None:
        """Check that each of them may have one more.

        Raises:
            TooManyOfOwner: one has as many as it may.
        """
        with self._lock:
            self._check(owners)

    def add(self, one: Readable, owners: Sequence[Owner]) -> None:
        """A session or an upload begins."""
        with self._lock:
            owned = self._owned[one.id] = _Owned(owners, lambda: one.state == "active")
            if one.kind == "upload":
                owned.length_s = lambda: one.snapshot(NO_SEGMENTS).duration_s

    def join(self, one: Readable, owners: Sequence[Owner]) -> None:
        """Whoever sends audio to a session of others owns it from here on, too."""
        with self._lock:
            owned = self._owned.get(one.id)
        new = [owner for owner in owners if owned is not None and owner not in owned.owners]
        if owned is None or not new:
            return
        self.look(one)  # what came before is not theirs
        with self._lock:
            owned.owners = (*owned.owners, *new)

    @contextmanager
    def sending(self, owners: Sequence[Owner], seconds: float) -> Iterator[None]:
        """Audio is on its way that is about so long; within, `expected_s` tells of it."""
        milliseconds = round(1000 * seconds)  # whole numbers, of which nothing is left in the end
        with self._lock:
            for owner in owners:
                self._sending_ms[owner] += milliseconds
        try:
            yield
        finally:
            with self._lock:
                for owner in owners:
                    self._sending_ms[owner] -= milliseconds
                    if not self._sending_ms[owner]:
                        del self._sending_ms[owner]

    def expected_s(self, owner: Owner) -> float:
        """Return the seconds of audio that an owner has sent and is not charged with yet."""
        with self._lock:
            uploads = [one for one in self._owned.values() if owner in one.owners]
            on_its_way = self._sending_ms.get(owner, 0) / 1000
        return on_its_way + sum(one.left_s() for one in uploads)

    @contextmanager
    def recording(self, token: str, owners: Sequence[Owner]) -> Iterator[Callable[[float], None]]:
        """A recording is taken while its request waits; gives what is told its seconds.

        Raises:
            TooManyOfOwner: as `check`.
        """
        with self._lock:
            self._check(owners)
            self._owned[token] = _Owned(owners, lambda: True)
        try:
            yield lambda seconds: self._received(token, seconds)
        finally:
            self._remove(token)

    def look(self, one: Readable) -> None:
        """Charge for what has come since it was looked at last."""
        self._received(one.id, one.snapshot(NO_SEGMENTS).audio.received)

    def remove(self, one: Readable) -> None:
        """It is kept no longer."""
        self.look(one)
        self._remove(one.id)

    def _check(self, owners: Sequence[Owner]) -> None:
        for owner in owners:
            has = sum(owner in one.owners and one.is_active() for one in self._owned.values())
            if owner.most_active and has >= owner.most_active:
                raise TooManyOfOwner(owner.kind, owner.most_active)

    def _received(self, one_id: str, audio_s: float) -> None:
        with self._lock:
            owned = self._owned.get(one_id)
            if owned is None:
                return
            new_s, owned.charged_s = audio_s - owned.charged_s, audio_s
        for owner in owned.owners:
            self.charge(owner, new_s)

    def _remove(self, one_id: str) -> None:
        with self._lock:
            self._owned.pop(one_id, None)
