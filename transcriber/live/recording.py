"""Whole recordings: decoded block by block, so that hours take no more memory than minutes.

An upload goes the classic way, in full 30 s windows one after the other, which is cheapest and
sees the most context. Only stretches with speech are given to the model, with wide margins:
Whisper writes fluent sentences over rain, and loses none of its accuracy by not hearing it.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from transcriber.audio.decode import NO_SAMPLES, Samples
from transcriber.audio.vad import FRAME_SAMPLES, VoiceActivity
from transcriber.engine.pool import Source, Timing
from transcriber.engine.window import SAMPLE_RATE_HZ, Decoded, DecodingOptions, Lane, Window
from transcriber.live.intake import AudioSeconds
from transcriber.live.passes import PROMPT_WORDS
from transcriber.live.transcript import Transcript

# A block is cut at its longest pause after the first of these, at the second at the latest.
BLOCK_S, MAX_BLOCK_S = 240.0, 300.0
SPEECH_PROB = 0.5
# The least speech in a stretch: shorter ones are clicks.
MIN_SPEECH_S = 0.1
# Silence longer than twice the margin is left out; less costs the model context.
MARGIN_S = 1.0
MIN_SKIP_S = 3.0


class Recording(Source):
    """One upload on its way through the file lane.

    Args:
        blocks: float32 audio, 16 kHz mono, in arrays of any length.
        options: the client's wishes.
        submit: asks the engine for a pass.
    """

    def __init__(
        self,
        blocks: Iterator[Samples],
        options: DecodingOptions,
        submit: Callable[[Lane, Source], None],
    ) -> None:
        self.transcript = Transcript()
        self.language = options.language
        self.task = options.task
        self.seconds = AudioSeconds()
        self.timing_s = [0.0, 0.0]
        self._options = options
        self._submit = submit
        self._stretches = _stretches(blocks)
        self._offset_s = 0.0
        self._done = threading.Event()
        self._window: Window | None = None
        self._error: Exception | None = None

    def run(self) -> None:
        """Decode everything, one block at a time; returns when the last one is done.

        Raises:
            AudioError: the recording can't be decoded.
            Exception: whatever the model raised.
        """
        for audio, probabilities in self._stretches:
            clips = _speech_clips(probabilities, len(audio) / SAMPLE_RATE_HZ)
            if not self._options.vad_filter:
                clips = [(0.0, len(audio) / SAMPLE_RATE_HZ)]
            if clips:
                self._decode(audio, tuple(clips))
            self._account(len(audio) / SAMPLE_RATE_HZ, sum(end - start for start, end in clips))

    def _decode(self, audio: Samples, clips: tuple[tuple[float, float], ...]) -> None:
        self._window = Window(
            audio=audio,
            lane=Lane.FILE,
            options=self._options,
            language=self.language,
            previous_text=self.transcript.tail(PROMPT_WORDS),
            clips=clips,
        )
        self._done.clear()
        self._submit(Lane.FILE, self)
        self._done.wait()
        if self._error is not None:
            raise self._error

    def _account(self, length_s: float, speech_s: float) -> None:
        self._offset_s += length_s
        self.seconds = replace(
            self.seconds,
            received=round(self.seconds.received + length_s, 3),
            final=round(self.seconds.final + speech_s, 3),
            silence=round(self.seconds.silence + length_s - speech_s, 3),
        )

    def next_window(self, lane: Lane) -> Window | None:
        """Return the block that waits."""
        return self._window

    def decoded(self, window: Window, answer: Decoded, timing: Timing) -> None:
        """Take what the model heard in the block."""
        if answer.hypotheses or self.language is None:
            self.language = answer.language
        self.transcript.add(answer.hypotheses, self._offset_s)
        self.timing_s[0] += timing.queue_s
        self.timing_s[1] += timing.model_s
        self._done.set()

    def failed(self, window: Window, error: Exception) -> None:
        """The model raised: the upload fails with it."""
        self._error = error
        self._done.set()


def _stretches(
    blocks: Iterator[Samples],
) -> Iterator[tuple[Samples, npt.NDArray[np.float32]]]:
    """Yield stretches of at most `MAX_BLOCK_S`, cut in pauses, with their frames' probabilities."""
    vad = VoiceActivity()
    audio, probabilities = NO_SAMPLES, np.zeros(0, np.float32)
    parts: list[Samples] = []
    waiting = 0
    for block in itertools.chain(blocks, [None]):
        if block is not None:
            parts.append(block)
            waiting += len(block)
            if waiting < SAMPLE_RATE_HZ * 10:  # joining many small blocks would cost too much
                continue
        audio, probabilities = _extend(vad, audio, probabilities, parts)
        parts, waiting = [], 0
        while len(audio) >= MAX_BLOCK_S * SAMPLE_RATE_HZ:
            cut = _longest_pause(probabilities)
            yield audio[: cut * FRAME_SAMPLES], probabilities[:cut]
            audio, probabilities = audio[cut * FRAME_SAMPLES :].copy(), probabilities[cut:]
    if len(audio):
        yield audio, probabilities


def _extend(
    vad: VoiceActivity,
    audio: Samples,
    probabilities: npt.NDArray[np.float32],
    parts: list[Samples],
) -> tuple[Samples, npt.NDArray[np.float32]]:
    new = np.concatenate(parts) if parts else NO_SAMPLES
    return np.concatenate([audio, new]), np.concatenate([probabilities, vad.push(new)])


def _longest_pause(probabilities: npt.NDArray[np.float32]) -> int:
    """Return the frame in the middle of the longest pause between the two block lengths."""
    first = int(BLOCK_S * SAMPLE_RATE_HZ / FRAME_SAMPLES)
    last = int(MAX_BLOCK_S * SAMPLE_RATE_HZ / FRAME_SAMPLES)
    best, best_length, start = last, 0, None
    for frame in range(first, min(last, len(probabilities)) + 1):
        silent = frame < min(last, len(probabilities)) and probabilities[frame] < SPEECH_PROB
        if silent and start is None:
            start = frame
        elif not silent and start is not None:
            if frame - start > best_length:
                best, best_length = (start + frame) // 2, frame - start
            start = None
    return best


def _speech_clips(
    probabilities: npt.NDArray[np.float32], length_s: float
) -> list[tuple[float, float]]:
    """Return (start, end) seconds of what holds speech.

    Silence shorter than `MIN_SKIP_S` stays in, also at either end: it costs little, and a model
    that hears it makes fewer mistakes. Longer silence is left out but for `MARGIN_S`.
    """
    frame_s = FRAME_SAMPLES / SAMPLE_RATE_HZ
    speech = np.flatnonzero(probabilities >= SPEECH_PROB) * frame_s
    if len(speech) * frame_s < MIN_SPEECH_S:
        return []
    breaks = np.flatnonzero(np.diff(speech) >= MIN_SKIP_S)
    starts = [speech[0], *speech[breaks + 1]]
    ends = [*(speech[breaks] + frame_s), speech[-1] + frame_s]
    clips = [
        (max(0.0, float(start) - MARGIN_S), min(length_s, float(end) + MARGIN_S))
        for start, end in zip(starts, ends, strict=True)
    ]
    first, last = clips[0], clips[-1]
    if first[0] < MIN_SKIP_S - MARGIN_S:
        clips[0] = (0.0, first[1])
    if length_s - last[1] < MIN_SKIP_S - MARGIN_S:
        clips[-1] = (clips[-1][0], length_s)
    return clips
