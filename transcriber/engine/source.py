"""Who asks the worker pool for passes of the model, and what it is told of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from transcriber.engine.window import Decoded, Lane, Window


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
