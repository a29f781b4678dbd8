"""What goes into the model and what comes out: a decode is a pure function of its window.

Nothing here refers to a session, a request or a thread, so that a window can be decoded by any
worker, in any process.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

import numpy as np
import numpy.typing as npt

SAMPLE_RATE_HZ = 16_000

# Thresholds of OpenAI's decoder: below that mean log probability the words are guessed, above that
# gzip ratio the text is a loop.
UNSURE_LOGPROB = -1.0
LOOP_RATIO = 2.4
# At most so much audio that is final already begins a window, with its text as forced prefix.
PREFIX_S = 8.0

Task = Literal["transcribe", "translate"]
LanguageDetection = Literal["session", "utterance"]


class Lane(Enum):
    """How a window is decoded, and who goes first."""

    FINAL = "final"  # an ended utterance: full quality, never dropped
    PARTIAL = "partial"  # the open utterance: greedy and fast, the newest wins
    FILE = "file"  # a stretch of an uploaded recording


@dataclass(frozen=True)
class DecodingOptions:
    """What a client may ask for; in a session fixed by its first chunk.

    Attributes:
        language: ISO code as Whisper knows it, or None to detect it.
        prompt: text that sets spelling and style, put before the transcript.
        hotwords: words to expect.
        temperature: sampling temperature; None means the ladder 0, 0.2 … 1 with fallback.
        word_timestamps: whether segments carry their words with times.
        vad_filter: whether stretches without speech are skipped.
        language_detection: whether a live session keeps the language it was detected in first, or
            each of its utterances is detected anew.
    """

    language: str | None = None
    task: Task = "transcribe"
    prompt: str = ""
    hotwords: str = ""
    temperature: float | None = None
    word_timestamps: bool = True
    vad_filter: bool = True
    language_detection: LanguageDetection = "session"


@dataclass(frozen=True)
class Window:
    """Audio for the model with all that its decoding depends on.

    Attributes:
        audio: float32, shape (n,), 16 kHz mono; at most 30 s except in the file lane.
        lane: the way of decoding.
        options: the client's wishes.
        language: the language to decode in, or None to detect it in this window.
        expected_language: where it is detected, the one to keep without evidence of another.
        previous_text: final text just before the window, used as the prompt.
        prefix: the text of the first `prefix_s` seconds, at most `PREFIX_S`, which is final
            already: the model hears them and is made to begin with it.
        least_letters: text with fewer makes the final lane suspect that it stopped early.
        shown: what passes before heard behind the prefix; so does text that leaves some of it out.
        spoken_to_s: where the last speech ends, in seconds from the end of the prefix; 0: unknown.
        open: in the final lane, the utterance goes on: the window is heard once, without the
            ladder, in the shorter encoder window that partial text gets.
        clips: in the file lane, (start, end) seconds within `audio` that hold speech.
    """

    audio: npt.NDArray[np.float32]
    lane: Lane
    options: DecodingOptions = DecodingOptions()
    language: str | None = None
    expected_language: str | None = None
    previous_text: str = ""
    prefix: str = ""
    prefix_s: float = 0.0
    least_letters: int = 0
    shown: str = ""
    spoken_to_s: float = 0.0
    open: bool = False
    clips: tuple[tuple[float, float], ...] = ()

    @property
    def seconds(self) -> float:
        """Length of the audio in seconds."""
        return len(self.audio) / SAMPLE_RATE_HZ

    @property
    def prompt_text(self) -> str:
        """The client's prompt and the text before, as one prompt for the model."""
        parts = (self.options.prompt.strip(), self.previous_text.strip())
        return " ".join(part for part in parts if part)


@dataclass(frozen=True)
class Word:
    """One word, with its leading space where the language has one.

    `start` and `end` are seconds; `probability` is the model's, 0 to 1.
    """

    word: str
    start: float
    end: float
    probability: float


@dataclass(frozen=True)
class Hypothesis:
    """What the model heard in one stretch; times are seconds from the end of the prefix.

    Attributes:
        likely: the probability of each word, as the text is split at spaces; empty: unknown.
        loops: it says the same again at its end, in no time: nobody did.
    """

    text: str
    start: float
    end: float
    words: tuple[Word, ...] = ()
    avg_logprob: float = 0.0
    no_speech_prob: float = 0.0
    compression_ratio: float = 1.0
    temperature: float = 0.0
    tokens: tuple[int, ...] = ()
    likely: tuple[float, ...] = ()
    loops: bool = False

    @property
    def sure(self) -> bool:
        """Whether it was decoded without trouble, so that it may serve as context."""
        loops = self.loops or self.compression_ratio > LOOP_RATIO
        return not loops and self.avg_logprob >= UNSURE_LOGPROB and self.temperature < 0.5


@dataclass(frozen=True)
class Decoded:
    """The answer to one window.

    Attributes:
        hypotheses: in order of time; a partial window has at most one.
        language: the language decoded in.
        language_probability: 1 when it was given, else the detector's probability.
    """

    hypotheses: tuple[Hypothesis, ...] = field(default=())
    language: str = "en"
    language_probability: float = 1.0

    @property
    def text(self) -> str:
        """All text, with the model's own spacing."""
        return "".join(hypothesis.text for hypothesis in self.hypotheses)


# Takes what was heard so far of a long window, as it comes, and tells whether the rest is wanted.
Listener = Callable[[Decoded], bool]
