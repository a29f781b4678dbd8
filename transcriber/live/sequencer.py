"""The order of a session's chunks: which are next, held, repeated, too far ahead or lost."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

Payload = TypeVar("Payload")

Verdict = Literal["next", "held", "duplicate", "reused", "too-far", "given-up"]

MAX_AHEAD = 8


def digest(data: bytes) -> bytes:
    """Return a fingerprint of a chunk's bytes, to tell a retry from a mistake."""
    return hashlib.blake2b(data, digest_size=16).digest()


@dataclass
class _Held(Generic[Payload]):
    payload: Payload
    since_s: float


class Sequencer(Generic[Payload]):
    """Hands out chunks in order of their sequence, each once.

    Not thread-safe: its session guards it.

    Args:
        gap_timeout_s: how long a missing chunk is waited for, once a later one is there.
    """

    def __init__(self, gap_timeout_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.next_sequence = 0
        self._gap_timeout_s = gap_timeout_s
        self._clock = clock
        self._held: dict[int, _Held[Payload]] = {}
        self._digests: dict[int, bytes] = {}

    def restore(self, next_sequence: int, fingerprint: bytes | None) -> None:
        """An earlier process has taken the chunk before `next_sequence`, or given it up."""
        if fingerprint is not None:
            self._digests[next_sequence - 1] = fingerprint
        self.next_sequence = next_sequence

    def offer(self, sequence: int, fingerprint: bytes, payload: Payload) -> Verdict:
        """Judge a chunk and keep it if it is next or may be held."""
        known = self._digests.get(sequence)
        if known is not None:
            return "duplicate" if known == fingerprint else "reused"
        if sequence < self.next_sequence:
            return "given-up"
        if sequence > self.next_sequence + MAX_AHEAD:
            return "too-far"
        self._digests[sequence] = fingerprint
        self._held[sequence] = _Held(payload, self._clock())
        return "next" if not self.missing(sequence) else "held"

    def missing(self, before: int | None = None) -> list[int]:
        """Return the sequences still awaited before the latest chunk (or before `before`)."""
        latest = max(self._held, default=self.next_sequence) if before is None else before
        return [n for n in range(self.next_sequence, latest) if n not in self._held]

    @property
    def has_next(self) -> bool:
        """Whether the next chunk in order is there to be taken."""
        return self.next_sequence in self._held

    def take(self) -> tuple[int, Payload] | None:
        """Return the next chunk in order, or None while it is not there."""
        held = self._held.pop(self.next_sequence, None)
        if held is None:
            return None
        self.next_sequence += 1
        return self.next_sequence - 1, held.payload

    def withdraw(self, sequence: int) -> None:
        """Forget a chunk that was offered but not yet taken."""
        self._held.pop(sequence, None)
        self._digests.pop(sequence, None)

    def put_back(self, sequence: int, payload: Payload) -> None:
        """Hold a chunk again that was just taken: it can't be used yet."""
        self._held[sequence] = _Held(payload, self._clock())
        self.next_sequence = sequence

    def refuse(self, sequence: int) -> None:
        """Put the count back to `sequence`, just taken, as if it had never come."""
        del self._digests[sequence]
        self.next_sequence = sequence

    def give_up_gap(self) -> list[int]:
        """Skip a gap that has been open too long; return the sequences that are lost."""
        if not self._held or self.next_sequence in self._held:
            return []
        oldest_s = min(held.since_s for held in self._held.values())
        if self._clock() - oldest_s < self._gap_timeout_s:
            return []
        return self.skip_gap()

    def skip_gap(self) -> list[int]:
        """Skip to the first chunk that is held; return the sequences that are lost."""
        if not self._held:
            return []
        first = min(self._held)
        lost = list(range(self.next_sequence, first))
        self.next_sequence = first
        return lost
