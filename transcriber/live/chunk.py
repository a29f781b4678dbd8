"""What a client posts to a live session."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from transcriber.live.intake import NO_SKIP, ChunkPart, Skip
from transcriber.live.sequencer import digest


@dataclass
class Chunk:
    """One POST: its sequence, its bytes, whether it is the last, and when it came.

    `skip`, with the first: what is final in an earlier session already.
    """

    sequence: int
    parts: list[ChunkPart]
    final: bool = False
    arrived_s: float = field(default_factory=time.monotonic)
    skip: Skip = NO_SKIP

    def fingerprint(self) -> bytes:
        """Return what tells a retry of this chunk from another one under its sequence."""
        fields = f"{'!' if self.final else ''}{self.skip if self.skip != NO_SKIP else ''}"
        return digest(b"".join(part.data for part in self.parts) + fields.encode())
