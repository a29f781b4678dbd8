"""Hours of talk that take no room: one round of it again and again, each at its place.

The words of `FakeModel` are numbered, so what it hears tells which audio it was given. Here it must
know the place of a window in hours of audio without keeping them.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from tests.support.engine import WORD_SAMPLES, FakeModel, talk
from tests.support.recordings import RATE_HZ, Samples, blobs
from tests.support.streams import access_points
from transcriber.audio.vad import FRAME_SAMPLES
from transcriber.engine.window import Decoded, Listener, Window
from transcriber.live.intake import ChunkPart, Intake

Pcm = npt.NDArray[np.int16]

TALK_S = 14  # whole words, and as long as the talk
_SPEECH_LEVEL = 0.01
# The lowest bits of so many samples in a row are the number of the round they lie in.
_BITS = 16
_NEEDLE = 400  # samples that occur once in a round


class Loudness:
    """Voice activity that costs nothing: what is loud is speech."""

    def __init__(self) -> None:
        self._rest = np.zeros(0, np.float32)

    def push(self, samples: Samples) -> npt.NDArray[np.float32]:
        """Return the probability of each frame that these samples complete, shape (frames,)."""
        audio = np.concatenate([self._rest, samples])
        frames = len(audio) // FRAME_SAMPLES
        self._rest = audio[frames * FRAME_SAMPLES :]
        loud = np.abs(audio[: frames * FRAME_SAMPLES]).reshape(frames, FRAME_SAMPLES).max(axis=1)
        return np.where(loud > _SPEECH_LEVEL, 0.95, 0.01).astype(np.float32)


class Tireless(FakeModel):
    """Hears numbered words in endless rounds of the same audio, and keeps nothing of it.

    Attributes:
        once: a round of it.
        words_a_round: how many numbers a round takes.
        heard_s: seconds of audio in all windows so far.
    """

    def __init__(self, once: Samples) -> None:
        super().__init__(np.zeros(0, np.float32))
        self.heard_s = 0.0
        self.words_a_round = len(once) // WORD_SAMPLES
        self.once = once

    def decode(self, window: Window, listener: Listener = lambda heard: True) -> Decoded:
        """Return the words; the window is forgotten."""
        self.heard_s += window.seconds
        try:
            return super().decode(window, listener)
        finally:
            self.windows.clear()

    def _is_spoken(self, number: int) -> bool:
        """Tell whether the middle of the word is loud: in a pause there is none."""
        middle = number % self.words_a_round * WORD_SAMPLES + WORD_SAMPLES // 2
        return bool(np.abs(self.once[middle - 128 : middle + 128]).max() > _SPEECH_LEVEL)

    def spoken(self, rounds: int) -> list[int]:
        """Return the numbers of all words in so many rounds."""
        return [number for number in range(rounds * self.words_a_round) if self._is_spoken(number)]


class Talk(Tireless):
    """Hears the endless talk of `talk_chunk`, whose samples carry the number of their round."""

    def __init__(self) -> None:
        super().__init__(np.divide(_talk(), 32768, dtype=np.float32))
        self._twice = np.concatenate([_talk(), _talk()[:_NEEDLE]]).tobytes()

    def _place(self, audio: Samples) -> int:
        counts = np.round(audio[:_NEEDLE] * 32768).astype(np.int16)
        needle = (counts & ~np.int16(1)).tobytes()
        at = self._twice.find(needle)
        while at % 2 and at >= 0:
            at = self._twice.find(needle, at + 1)
        assert at >= 0, "the window is not a stretch of the talk"
        place = at // 2
        first = -place % _BITS
        bits = counts[first : first + _BITS] & 1
        return int(np.sum(bits.astype(np.int64) << np.arange(_BITS))) * len(self.once) + place


@functools.cache
def _talk() -> Pcm:
    """Return one round as 16-bit samples whose lowest bit is free."""
    counts = np.round(talk(TALK_S) * 32768).astype(np.int16)
    assert len(counts) == TALK_S * RATE_HZ
    return counts & ~np.int16(1)


@functools.lru_cache(maxsize=2)
def _round(number: int) -> Pcm:
    bits = np.array([number >> bit & 1 for bit in range(_BITS)], np.int16)
    return _talk() | np.tile(bits, TALK_S * RATE_HZ // _BITS)


def talk_chunk(first_s: int, seconds: int) -> bytes:
    """Return a stretch of the endless talk as raw 16-bit PCM."""
    first, last = first_s // TALK_S, (first_s + seconds - 1) // TALK_S
    rounds = np.concatenate([_round(number) for number in range(first, last + 1)])
    start = (first_s - first * TALK_S) * RATE_HZ
    data: bytes = rounds[start : start + seconds * RATE_HZ].astype("<i2").tobytes()
    return data


class Recorder:
    """A browser's recorder that runs for hours: real WebM clusters, with the clock going on.

    Attributes:
        once: what is recorded in one round, as it is decoded.
    """

    def __init__(self) -> None:
        data = b"".join(blobs("webm-opus"))
        points = access_points(data)
        ends = [point.offset for point in points[1:]] + [len(data)]
        self._header = data[: points[0].offset]
        self._clusters = [
            (round(point.start_s * 1000), data[point.offset : end])
            for point, end in zip(points, ends, strict=True)
        ]
        self.once = _decoded(data)

    def chunks(self, starts_s: Sequence[int], clusters: int = 12) -> Iterator[bytes]:
        """Yield the stream, so many clusters (0.4 s each) at a time.

        Args:
            starts_s: where each round begins on the recorder's clock; between the end of one and
                the start of the next nothing was recorded.
            clusters: how many make a chunk.
        """
        waiting = [self._header]
        for start_s in starts_s:
            for at_ms, cluster in self._clusters:
                waiting.append(_at(cluster, start_s * 1000 + at_ms))
                if len(waiting) > clusters:
                    yield b"".join(waiting)
                    waiting = [b""]
        if any(waiting):
            yield b"".join(waiting)


def _at(cluster: bytes, clock_ms: int) -> bytes:
    """Return a cluster (of unknown size) with another timecode."""
    head = cluster.index(b"\xe7")
    size = cluster[head + 1] & 0x0F
    return cluster[:head] + b"\xe7\x84" + clock_ms.to_bytes(4, "big") + cluster[head + 2 + size :]


def _decoded(data: bytes) -> Samples:
    intake = Intake(100.0)
    heard = [*intake.decode([ChunkPart(data)]), *intake.end()]
    intake.close()
    return np.concatenate([one.samples for one in heard])


_STEP = 16  # samples in one value of an envelope: 1 ms
_NEEDLE_S = 6


class Listening(Tireless):
    """Hears a `Recorder`; words are numbered from the start of the round they lie in."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder.once)
        self._envelope = _envelope(recorder.once)
        self._size = 1 << (len(self._envelope) - 1).bit_length()
        self._spectrum = np.fft.rfft(self._envelope, 2 * self._size)
        self._energy = np.concatenate([[0.0], np.cumsum(self._envelope**2)])

    def _place(self, audio: Samples) -> int:
        """Return where in the round the envelope of the window fits best, to a millisecond."""
        needle = _envelope(audio[: _NEEDLE_S * RATE_HZ])
        spectrum = np.conj(np.fft.rfft(needle, 2 * self._size)) * self._spectrum
        places = len(self._envelope) - len(needle) + 1
        likeness = np.fft.irfft(spectrum)[:places]
        energy = self._energy[len(needle) :] - self._energy[:places]
        return int(np.argmin(energy - 2 * likeness)) * _STEP


def _envelope(samples: Samples) -> npt.NDArray[np.float64]:
    whole = np.abs(samples[: len(samples) // _STEP * _STEP], dtype=np.float64)
    means: npt.NDArray[np.float64] = whole.reshape(-1, _STEP).mean(axis=1)
    return means
