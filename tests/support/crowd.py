"""Passes as the pace sees them: quick ones, and those of a crowd."""

from __future__ import annotations

from tests.support.engine import Clock
from transcriber.engine.source import Timing
from transcriber.live.pace import STEPS_S, Pace, Turns

TARGET_S = 0.5
QUICK = Timing(queue_s=0.0, model_s=0.2, alone=False)
CROWDED = Timing(queue_s=2.0, model_s=0.3, alone=False)
LAST_STEP_S = STEPS_S[-1]


def see(
    pace: Pace, clock: Clock, timing: Timing, passes: int, every_s: float = 0.2, audio_s: float = 3
) -> None:
    """Let so many passes of this kind be done, one after the other."""
    for _ in range(passes):
        clock.advance(every_s)
        pace.note(Turns(pace), audio_s, timing)


def crowd(pace: Pace, clock: Clock) -> None:
    """Let so many passes be slow that the pace takes its last step."""
    see(pace, clock, CROWDED, 200)
    assert pace.interval_s == LAST_STEP_S
