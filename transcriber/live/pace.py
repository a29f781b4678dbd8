"""How often partial passes are worth asking for: always, until the model can't keep up.

Each pass is judged by the time from its ticket to its answer, waiting and model together, against
the latency target, or against two and a half times what the model takes undisturbed for as much
audio, whichever is more: a model that is slower than the target by itself gains nothing from fewer
passes, only the crowd in the queue can be mended. What it takes undisturbed is learnt from the
passes that had the pool to themselves, so that a crowd never counts as normal. A pass that is still
under way counts as soon as it is late: the worse the crowd, the longer its answers take to say so.

Where more than a fifth of the passes of the last ten seconds were too slow, each session's partial
passes are spaced out by one step more. A step back takes ten seconds in which nearly all were well
within their bounds, or in which there were none. Answers to passes that were asked for before a
step say nothing about it. The lengths and shares were tried on a model of a queue, not measured on
many machines; what they decide is only how soon the words of a busy server are shown, never which.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

from transcriber.engine.source import Timing

log = logging.getLogger(__name__)

# Multiples of a browser's blobs of 0.4 s, and in the end of the longest chunks: so a pass is due
# when a chunk comes, and the sessions' passes stay as spread over time as their chunks are.
STEPS_S = (0.0, 0.8, 1.2, 1.6, 2.0, 4.0)
LEAST_CHUNK_MS, MOST_CHUNK_MS = 400, 2000
# A pass may take so many times what it usually takes undisturbed: some hold more words than others,
# and a second one runs beside it.
_CROWDED = 2.5
# More than this share of the passes must be slow, and more than so many: they may be chance.
_SLOW_SHARE, _CHANCE = 0.2, 2
# There is room where passes take less than this part of what they may.
_ROOM = 0.8
# For so long a pass is remembered, and so long there must be room before a step back.
_MEMORY_S = 10.0
# A step takes so long to have an effect.
_SETTLE_S = 2.0
# Passes over more audio take longer: they are compared with those of about the same length.
_LENGTH_S = 6.0
_ALONE_KEPT = 15
# Chunks come a little early or late.
_SLACK_S = 0.1


@dataclass(frozen=True)
class _Pass:
    """A pass: when it was done, how long it took, and how long it might have; seconds."""

    at_s: float
    took_s: float
    bound_s: float


@dataclass
class _Usual:
    """What passes of about one length take in the model, in seconds."""

    quickest_s: float = math.inf
    alone_s: deque[float] = field(default_factory=lambda: deque(maxlen=_ALONE_KEPT))

    def note(self, timing: Timing) -> None:
        """Learn from one more pass."""
        self.quickest_s = min(self.quickest_s, timing.model_s)
        if timing.alone:
            self.alone_s.append(timing.model_s)

    @property
    def undisturbed_s(self) -> float:
        """What a pass usually takes alone; where none was alone, the quickest is the best guess."""
        return median(self.alone_s) if self.alone_s else self.quickest_s


class Pace:
    """Watches the partial passes of all sessions and says how often each may have one. Thread-safe.

    Args:
        target_s: what a pass should take, from its ticket to its answer.
        clock: monotonic seconds.
    """

    def __init__(self, target_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._target_s = target_s
        self._clock = clock
        self._lock = threading.Lock()
        self._step = 0
        self._stepped_s = clock()
        self._done: deque[_Pass] = deque()
        self._under_way: dict[Turns, float] = {}  # when they were asked for
        self._usual: dict[int, _Usual] = {}  # by length

    @property
    def interval_s(self) -> float:
        """The least time between two partial passes of one session; 0 while all is well."""
        with self._lock:
            self._judge(self._clock())
            return STEPS_S[self._step]

    @property
    def suggested_chunk_ms(self) -> int:
        """How much audio a client should gather for a chunk: sending more often shows nothing."""
        return min(max(LEAST_CHUNK_MS, round(1000 * self.interval_s)), MOST_CHUNK_MS)

    def asked(self, turns: Turns) -> float:
        """A session asks for a pass now: return the time on the pace's clock."""
        with self._lock:
            self._under_way[turns] = self._clock()
            return self._under_way[turns]

    def dropped(self, turns: Turns) -> None:
        """Nothing will come of a session's pass."""
        with self._lock:
            self._under_way.pop(turns, None)

    def is_due(self, asked_s: float) -> bool:
        """Tell whether a session that asked for its last pass then may ask for another."""
        interval_s = self.interval_s
        return not interval_s or self._clock() - asked_s >= interval_s - _SLACK_S

    def note(self, turns: Turns, audio_s: float, timing: Timing) -> None:
        """Learn how long a session's pass over so much audio took."""
        with self._lock:
            self._under_way.pop(turns, None)
            usual = self._usual.setdefault(int(audio_s / _LENGTH_S), _Usual())
            usual.note(timing)
            now_s = self._clock()
            took_s = timing.queue_s + timing.model_s
            if now_s - took_s >= self._stepped_s:
                self._done.append(_Pass(now_s, took_s, self._bound_s(usual)))
            self._judge(now_s)

    def _bound_s(self, usual: _Usual) -> float:
        return max(self._target_s, _CROWDED * usual.undisturbed_s)

    def _judge(self, now_s: float) -> None:
        """Take a step, if what was seen lately asks for it."""
        while self._done and now_s - self._done[0].at_s > _MEMORY_S:
            self._done.popleft()
        seen = [*self._done, *self._late(now_s)]
        for_s = now_s - self._stepped_s
        if for_s >= _SETTLE_S and _many_over(seen, 1.0):
            self._take_step(self._step + 1, now_s)
        elif for_s >= _MEMORY_S and not _many_over(seen, _ROOM):
            steps = 1 if seen else int(for_s / _MEMORY_S)  # nobody looked while nobody spoke
            self._take_step(max(0, self._step - steps), now_s)

    def _late(self, now_s: float) -> list[_Pass]:
        """Return the passes under way that are slow already, whatever their length."""
        bound_s = max([self._target_s, *(self._bound_s(usual) for usual in self._usual.values())])
        ages_s = (now_s - asked_s for asked_s in self._under_way.values())
        return [_Pass(now_s, age_s, bound_s) for age_s in ages_s if age_s > bound_s]

    def _take_step(self, step: int, now_s: float) -> None:
        if step == self._step or step == len(STEPS_S):
            return
        self._step, self._stepped_s = step, now_s
        self._done.clear()
        log.info("Partial passes of a session are %.1f s apart at least", STEPS_S[step])


def _many_over(seen: list[_Pass], part: float) -> bool:
    """Tell whether too many passes took more than that part of what they may."""
    over = sum(one.took_s > part * one.bound_s for one in seen)
    return over > max(_CHANCE, _SLOW_SHARE * len(seen))


class Turns:
    """The partial passes of one session, one at a time. Not thread-safe: its session guards it.

    Attributes:
        asked: a pass has been asked for, and no worker has taken it up yet.
    """

    def __init__(self, pace: Pace) -> None:
        self.asked = False
        self._pace = pace
        self._asked_s = -math.inf

    @property
    def is_due(self) -> bool:
        """Whether the last pass was asked for long enough ago."""
        return self._pace.is_due(self._asked_s)

    def ask(self) -> bool:
        """Ask for a pass, if none waits and one is due; True if one waits now."""
        if not self.asked and self.is_due:
            self.asked, self._asked_s = True, self._pace.asked(self)
        return self.asked

    def taken(self) -> None:
        """A worker has taken up the pass that waited."""
        self.asked = False

    def done(self, audio_s: float, timing: Timing) -> None:
        """The pass, over so much audio, has given an answer."""
        self._pace.note(self, audio_s, timing)

    def drop(self) -> None:
        """Nothing comes of the pass that waits or runs."""
        self.asked = False
        self._pace.dropped(self)
