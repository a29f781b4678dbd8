"""A chunk on its way to a server, and when it is sent again."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

# Most replies come within half a second.
_OVERDUE_S = 3.0
_FIRST_BACKOFF_S, _MOST_BACKOFF_S = 0.5, 8.0


@dataclass(eq=False)
class OutgoingChunk:
    """A chunk on its way.

    Attributes:
        start_s: where its audio begins, in the recording.
        fields: the form that carries it.
        due_s: when it is sent again, infinity while a request is under way; `must_wait` if the
            server says so.
        sent_s: when that request began.
    """

    sequence: int
    start_s: float
    audio: bytes
    fields: dict[str, str]
    attempts: int = 0
    due_s: float = -math.inf
    must_wait: bool = False
    sent_s: float = 0.0
    told_overdue: bool = False

    def is_overdue(self, now_s: float) -> bool:
        """Tell whether its request takes long."""
        return self.due_s == math.inf and now_s - self.sent_s > _OVERDUE_S


def backoff_s(attempt: int, retry_after_s: float | None) -> float:
    """Return how long to wait: many clients that failed together must not come back together.

    Full jitter, as in https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    most_s = min(_FIRST_BACKOFF_S * 2**attempt, _MOST_BACKOFF_S)
    return max(random.uniform(0, most_s), retry_after_s or 0.0)
