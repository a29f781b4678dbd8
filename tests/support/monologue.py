"""Speech as long as a test wants it, without a pause or with some, and a model that hears it.

It is noise: loud where one speaks, and a hiss elsewhere. `Loudness` is the voice activity for it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from tests.support.engine import WORD_SAMPLES, Clock, FakeModel, number, pcm_chunks, pool_of
from tests.support.recordings import RATE_HZ, Samples
from tests.support.rig import SETTINGS, Rig
from transcriber.engine.window import Decoded, DecodingOptions, Lane, Listener, Window
from transcriber.live.session import Session

CHUNK_S = 0.25
_LOUD, _QUIET = 0.1, 1e-3
_GATE_S = 30.0


def sound(*seconds: float) -> Samples:
    """Return speech and silence by turns, each so many seconds long, as 16-bit PCM carries it."""
    random = np.random.default_rng(0)
    parts = [
        random.normal(0, _QUIET if turn % 2 else _LOUD, round(length * RATE_HZ))
        for turn, length in enumerate(seconds)
    ]
    counts = np.round(np.concatenate(parts).clip(-1, 0.99) * 32768).astype(np.int16)
    return np.divide(counts, 32768, dtype=np.float32)


class Attentive(FakeModel):
    """Hears the words of a `sound`, and none where it is quiet.

    Attributes:
        unsure: whether it doubts what it hears of an utterance that goes on.
        closed: lets go passes over what a pause has closed; set unless a test clears it.
    """

    def __init__(self, audio: Samples) -> None:
        super().__init__(audio)
        self.unsure = False
        self.closed = threading.Event()
        self.closed.set()
        self._samples = audio

    def decode(self, window: Window, listener: Listener = lambda heard: True) -> Decoded:
        """Return the words in the window."""
        if window.lane is Lane.FINAL and not window.open:
            assert self.closed.wait(_GATE_S), "the model was never let go"
        answer = super().decode(window, listener)
        if not (self.unsure and window.open):
            return answer
        return replace(
            answer, hypotheses=tuple(replace(one, avg_logprob=-1.5) for one in answer.hypotheses)
        )

    def let_go(self) -> None:
        """Answer what waits."""
        super().let_go()
        if hasattr(self, "closed"):
            self.closed.set()

    @property
    def careful(self) -> list[Window]:
        """The passes so far that may make words final while one speaks on."""
        return [window for window in self.windows if window.open]

    @property
    def quick(self) -> list[Window]:
        """The passes so far that only show words."""
        return [window for window in self.windows if window.lane is Lane.PARTIAL]

    @property
    def after_pauses(self) -> list[Window]:
        """The passes so far over what a pause has closed."""
        finals = [window for window in self.windows if window.lane is Lane.FINAL]
        return [window for window in finals if not window.open]

    def spoken(self) -> list[int]:
        """Return the numbers of all words."""
        return [n for n in range(len(self._samples) // WORD_SAMPLES) if self._is_spoken(n)]

    def _is_spoken(self, number: int) -> bool:
        middle = number * WORD_SAMPLES + WORD_SAMPLES // 2
        return bool(np.abs(self._samples[middle - 64 : middle + 64]).max() > 10 * _QUIET)


class Monologue(Rig):
    """A session that hears a `sound`, chunk by chunk."""

    model: Attentive
    chunks: list[bytes]

    def join(self, until_s: float) -> None:
        """Let the chunks up to a time be one."""
        count = round(until_s / CHUNK_S)
        self.chunks[:count] = [b"".join(self.chunks[:count])]

    def play(self, until_s: float | None = None, wait_s: float = 10.0) -> None:
        """Post what comes next, up to a time; absent: all that is left, and the end.

        Unless `wait_s` is 0 it waits until the model has nothing to do after each chunk.
        """
        size = 2 * RATE_HZ
        posted_s = sum(len(data) for data in self.chunks[: len(self.replies)]) / size
        for sequence in range(len(self.replies), len(self.chunks)):
            data = self.chunks[sequence]
            posted_s += len(data) / size
            if until_s is not None and posted_s > until_s:
                return
            self.post(sequence, data, sequence == len(self.chunks) - 1, wait_s)
            if wait_s:
                self.wait_idle()

    @property
    def final(self) -> list[int]:
        """The numbers of the words that are final."""
        return [number(word) for word in self.text().split()]

    @property
    def partial(self) -> list[int]:
        """The numbers of the words that may still change."""
        return [number(word) for word in self.session.snapshot().partial.text.split()]


@contextmanager
def monologue(samples: Samples, options: DecodingOptions | None = None) -> Iterator[Monologue]:
    """Begin a session whose model will hear these samples."""
    model = Attentive(samples)
    with pool_of(model) as pool:
        clock = Clock()
        session = Session("m", options or DecodingOptions("en"), SETTINGS, pool.submit, clock)
        rig = Monologue(session, model, pool, clock)
        rig.chunks = pcm_chunks(samples, CHUNK_S)
        yield rig
        session.expire()
