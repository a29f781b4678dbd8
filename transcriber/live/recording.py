"""Whole recordings: decoded block by block, so that hours take no more memory than minutes.

An upload goes the classic way, in full 30 s windows one after the other, which is cheapest and
sees the most context. Only stretches with speech are given to the model, with wide margins:
Whisper writes fluent sentences over rain, and loses none of its accuracy by not hearing it.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from transcriber.audio.resample import NO_SAMPLES, Samples
from transcriber.audio.vad import FRAME_SAMPLES, VoiceActivity
from transcriber.engine.source import Source, Timing
from transcriber.engine.window import SAMPLE_RATE_HZ, Decoded, DecodingOptions, Lane, Window
from transcriber.live.intake import AudioSeconds
from transcriber.live.transcript import Settled, Transcript

# A block is cut at its longest pause after the first of these, at the second at the latest.
BLOCK_S, MAX_BLOCK_S = 240.0, 300.0
# The prompt is the text just before; more words than this bring old errors, not accuracy.
PROMPT_WORDS = 20
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
        transcript: where the words go.
        changed: held while the transcript and the account of seconds change, and told of it.
    """

    def __init__(
        self,
        blocks: Iterator[Samples],
        options: DecodingOptions,
        submit: Callable[[Lane, Source], None],
        transcript: Transcript | None = None,
        changed: threading.Condition | None = None,
    ) -> None:
        self.transcript = transcript or Transcript()
        self.language = options.language
        self.language_probability = 1.0 if options.language else 0.0
        self.task = options.task
        self.seconds = AudioSeconds()
        self.timing_s = [0.0, 0.0]
        self._changed = changed or threading.Condition()
        self._options = options
        self._submit = submit
        self._stretches = _stretches(blocks)
        self._block = _Block()
        self._told = 0  # how many of the block's hypotheses are in the transcript
        self._done = threading.Event()
        self._stopped = False
        self._window: Window | None = None
        self._error: Exception | None = None

    @property
    def settled(self) -> Settled:
        """How far the recording is done with, and how many segments that gave."""
        done_s = round(self._block.offset_s + self._block.done_s, 3)
        return Settled(done_s, len(self.transcript.segments))

    def run(self) -> None:
        """Decode everything, one block at a time; returns when the last one is done, or stopped.

        Raises:
            AudioError: the recording can't be decoded.
            Exception: whatever the model raised.
        """
        for audio, probabilities in self._stretches:
            clips = _speech_clips(probabilities, len(audio) / SAMPLE_RATE_HZ)
            if not self._options.vad_filter:
                clips = [(0.0, len(audio) / SAMPLE_RATE_HZ)]
            if self._stopped:
                return
            self._block = self._block.next(len(audio) / SAMPLE_RATE_HZ, tuple(clips))
            self._account(0.0)
            if clips:
                self._decode(audio, tuple(clips))
            if self._stopped:
                return
            self._account(self._block.length_s)

    def stop(self) -> None:
        """Take in nothing more; a pass that is under way ends with its next words."""
        with self._changed:
            self._stopped = True
            self._done.set()

    def _decode(self, audio: Samples, clips: tuple[tuple[float, float], ...]) -> None:
        self._window = Window(
            audio=audio,
            lane=Lane.FILE,
            options=self._options,
            language=self.language,
            previous_text=self.transcript.tail(PROMPT_WORDS),
            clips=clips,
        )
        with self._changed:
            self._told = 0
            if not self._stopped:
                self._done.clear()
        self._submit(Lane.FILE, self)
        self._done.wait()
        if self._error is not None:
            raise self._error

    def _account(self, done_s: float) -> None:
        """Account for every second, with so many of the present block done."""
        with self._changed:
            self._block = replace(self._block, done_s=done_s)
            self.seconds = self._block.seconds()
            self.transcript.revision += 1
            self._changed.notify_all()

    def _hear(self, heard: Decoded) -> None:
        if self.language is None:
            self.language_probability = heard.language_probability
        if heard.hypotheses or self.language is None:
            self.language = heard.language
        self.transcript.add(heard.hypotheses, self._block.offset_s)

    def next_window(self, lane: Lane) -> Window | None:
        """Return the block that waits."""
        return None if self._stopped else self._window

    def progress(self, window: Window, heard: Decoded) -> bool:
        """Take the words that were just heard in the block."""
        with self._changed:
            if not self._stopped:
                self._hear(heard)
                self._told += len(heard.hypotheses)
                ends_s = [hypothesis.end for hypothesis in heard.hypotheses]
                self._account(min(max([self._block.done_s, *ends_s]), self._block.length_s))
            return not self._stopped

    def decoded(self, window: Window, answer: Decoded, timing: Timing) -> None:
        """Take what of the block's answer is still new."""
        with self._changed:
            if not self._stopped:
                self._hear(replace(answer, hypotheses=answer.hypotheses[self._told :]))
                self.timing_s[0] += timing.queue_s
                self.timing_s[1] += timing.model_s
            self._done.set()

    def failed(self, window: Window, error: Exception) -> None:
        """The model raised: the upload fails with it."""
        self._error = error
        self._done.set()


@dataclass(frozen=True)
class _Block:
    """A stretch of the recording, and the account of what came before it.

    Attributes:
        clips: (start, end) seconds in it that are to be decoded.
        done_s: how far into it everything is decoded.
        offset_s: where it begins in the recording.
        speech_before_s: how much was decoded before it.
    """

    length_s: float = 0.0
    clips: tuple[tuple[float, float], ...] = ()
    done_s: float = 0.0
    offset_s: float = 0.0
    speech_before_s: float = 0.0

    def next(self, length_s: float, clips: tuple[tuple[float, float], ...]) -> _Block:
        """Return the block that follows when this one is done."""
        return _Block(
            length_s=length_s,
            clips=clips,
            offset_s=self.offset_s + self.length_s,
            speech_before_s=self.speech_before_s + self._speech_s(self.length_s),
        )

    def seconds(self) -> AudioSeconds:
        """Account for every second up to the block's end."""
        final_s = self.speech_before_s + self._speech_s(self.done_s)
        return AudioSeconds(
            received=round(self.offset_s + self.length_s, 3),
            final=round(final_s, 3),
            pending=round(self.length_s - self.done_s, 3),
            silence=round(self.offset_s + self.done_s - final_s, 3),
        )

    def _speech_s(self, until_s: float) -> float:
        return sum(min(end, until_s) - start for start, end in self.clips if start < until_s)


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
