"""What passes a session had since its last reply, which tells of them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from transcriber.engine.source import Timing
from transcriber.engine.window import Window

# A reply tells of so many, the newest; its sums are of all.
MOST_TOLD = 16


@dataclass(frozen=True)
class PassDone:
    """One pass: its lane, how long it waited and ran, and the seconds of audio it was given."""

    lane: str
    queue_ms: int
    model_ms: int
    audio_s: float


@dataclass(frozen=True)
class PassesDone:
    """Some passes: seconds in the queue and in the model, and the newest ones, oldest first."""

    queue_s: float = 0.0
    model_s: float = 0.0
    newest: tuple[PassDone, ...] = ()


class PassLog:
    """The passes of one session. Not thread-safe: its session guards it."""

    def __init__(self) -> None:
        self._queue_s = self._model_s = 0.0
        self._newest: deque[PassDone] = deque(maxlen=MOST_TOLD)

    def note(self, window: Window, timing: Timing) -> None:
        """Remember a pass that gave an answer."""
        self._queue_s += timing.queue_s
        self._model_s += timing.model_s
        queue_ms, model_ms = round(1000 * timing.queue_s), round(1000 * timing.model_s)
        audio_s = round(window.seconds, 2)
        self._newest.append(PassDone(window.lane.value, queue_ms, model_ms, audio_s))

    def take(self) -> PassesDone:
        """Return those since the last call."""
        done = PassesDone(self._queue_s, self._model_s, tuple(self._newest))
        self._queue_s = self._model_s = 0.0
        self._newest.clear()
        return done
