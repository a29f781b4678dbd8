"""A stand-in for Whisper on the real pool: it hears numbered words, one every half second.

The words tell which audio was decoded: a lost, doubled or misplaced stretch shows in the text.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from tests.support.recordings import RATE_HZ, Samples, recording
from transcriber.audio.vad import FRAME_SAMPLES, VoiceActivity
from transcriber.engine.pool import WorkerPool
from transcriber.engine.window import Decoded, Hypothesis, Lane, Listener, Window, Word
from transcriber.live.endpoint import ONSET_PROB

WORD_SAMPLES = RATE_HZ // 2
_SENTENCE_WORDS = 3
_GATE_S = 30.0  # a test that forgets to let the model go on must not hang


def talk(seconds: float = 14.0) -> Samples:
    """Return real speech with pauses of 0.6 and 1.5 s in it, as 16-bit PCM can carry it."""
    speech = recording("en/short-jfk.flac").samples()
    hiss = np.random.default_rng(0).normal(0, 2e-4, 2 * RATE_HZ).astype(np.float32)
    parts = [
        hiss[: RATE_HZ // 2],
        speech[: 5 * RATE_HZ],
        hiss[: int(0.6 * RATE_HZ)][::-1],
        speech[5 * RATE_HZ : 8 * RATE_HZ],
        hiss[: int(1.5 * RATE_HZ)] * np.float32(0.9),
        speech[8 * RATE_HZ :],
        hiss[::-1] * np.float32(0.8),
    ]
    audio = np.concatenate(parts)[: int(seconds * RATE_HZ)]
    counts = np.round(audio * 32768).clip(-32768, 32767).astype(np.int16)
    return np.divide(counts, 32768, dtype=np.float32)


def pcm_chunks(samples: Samples, seconds: float) -> list[bytes]:
    """Cut samples into chunks of raw 16-bit PCM."""
    data = (samples * 32768).astype("<i2").tobytes()
    size = 2 * int(seconds * RATE_HZ)
    return [data[at : at + size] for at in range(0, len(data), size)]


def spoken(samples: Samples) -> set[int]:
    """Return the numbers of the words that stand in speech.

    `FakeModel` hears words in silence too, of which no two sessions need to hear the same.
    """
    speech = VoiceActivity().push(samples) >= ONSET_PROB
    middles = range(WORD_SAMPLES // 2, len(speech) * FRAME_SAMPLES, WORD_SAMPLES)
    return {middle // WORD_SAMPLES for middle in middles if speech[middle // FRAME_SAMPLES]}


def number(word: str) -> int:
    """Return a word's number."""
    return int(word.strip(" w."))


class FakeModel:
    """Hears the words of `audio` whose middle lies in the window, behind its prefix.

    Attributes:
        windows: what was decoded so far.
        language, probability: what the detector finds.
        failures: how many of the next passes raise, by lane.
    """

    def __init__(self, audio: Samples) -> None:
        self.windows: list[Window] = []
        self.language, self.probability = "en", 1.0
        self.failures = dict.fromkeys(Lane, 0)
        self._audio = audio.tobytes()
        self._lock = threading.Lock()
        self._gates = {lane: threading.Event() for lane in Lane}
        self.let_go()

    def hold(self, *lanes: Lane) -> None:
        """Let passes of these lanes (or of all) wait until `let_go`."""
        for lane in lanes or Lane:
            self._gates[lane].clear()

    def let_go(self) -> None:
        """Answer what waits."""
        for gate in self._gates.values():
            gate.set()

    def decode(self, window: Window, listener: Listener = lambda heard: True) -> Decoded:
        """Return the words, ending a sentence with every third; each is told in the file lane."""
        assert self._gates[window.lane].wait(_GATE_S), "the model was never let go"
        with self._lock:
            self.windows.append(window)
            if self.failures[window.lane]:
                self.failures[window.lane] -= 1
                raise RuntimeError("out of memory")
        new = window.audio[round(window.prefix_s * RATE_HZ) :]
        start = self._place(new)
        end = start + len(new)
        half = WORD_SAMPLES // 2
        numbers = range(-((half - start) // WORD_SAMPLES), -((half - end) // WORD_SAMPLES))
        words = tuple(self._word(number, start) for number in numbers if self._is_spoken(number))
        if not words:
            return Decoded((), self.language, self.probability)
        if window.lane is Lane.FILE:
            return self._in_sentences(words, listener)
        return self._heard(words)

    def _in_sentences(self, words: tuple[Word, ...], listener: Listener) -> Decoded:
        """Hand over sentence by sentence, as long as they are wanted."""
        kept: list[Hypothesis] = []
        for at in range(0, len(words), _SENTENCE_WORDS):
            heard = self._heard(words[at : at + _SENTENCE_WORDS])
            kept += heard.hypotheses
            if not listener(heard):
                break
        return Decoded(tuple(kept), self.language, self.probability)

    def _heard(self, words: tuple[Word, ...]) -> Decoded:
        text = "".join(word.word for word in words)
        heard = Hypothesis(text, words[0].start, words[-1].end, words)
        return Decoded((heard,), self.language, self.probability)

    def _word(self, number: int, start: int) -> Word:
        text = f" w{number}" + ("." if number % _SENTENCE_WORDS == 0 else "")
        begin_s = max(0.0, (number * WORD_SAMPLES - start) / RATE_HZ)
        return Word(text, begin_s, ((number + 1) * WORD_SAMPLES - start) / RATE_HZ, 0.9)

    def _is_spoken(self, number: int) -> bool:
        """Tell whether there is such a word; here there is one in every half second."""
        return True

    def _place(self, audio: Samples) -> int:
        """Return where in the recording a window begins."""
        needle = audio[:800].tobytes()
        at = self._audio.find(needle)
        while at % audio.itemsize and at >= 0:
            at = self._audio.find(needle, at + 1)
        assert at >= 0, "the window is not a stretch of the recording"
        return at // audio.itemsize


@contextmanager
def pool_of(model: FakeModel, size: int = 3) -> Iterator[WorkerPool]:
    """Run the model on a real pool, and stop it in the end."""
    pool = WorkerPool(model.decode, size)
    try:
        yield pool
    finally:
        model.let_go()
        pool.stop()


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s

    def advance(self, seconds: float) -> None:
        self.now_s += seconds
