"""What is put to the model for a window: its audio encoded, and the tokens before the new text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from transcriber.engine.model import FULL_CONTEXT_S, SpeechModel
from transcriber.engine.resume import TIMESTAMP_S
from transcriber.engine.window import PREFIX_S, SAMPLE_RATE_HZ, Window

# The end of Whisper's window is left free.
_MOST_S = FULL_CONTEXT_S - 1.0


@dataclass(frozen=True)
class Asked:
    """See the module.

    Attributes:
        whisper: the faster-whisper model to ask.
        encoded, frames: the encoder's output, and the mel frames that it was made from.
        prompt: all tokens that are given.
        forced: those at its end that the answer begins with once more.
        prefix_tokens: the text of the prefix.
        lead_s: where the prefix ends in the encoded audio, in seconds.
        language, probability: what is decoded in, and how sure that is.
    """

    whisper: Any
    tokenizer: Any
    encoded: Any
    frames: int
    prompt: list[int]
    forced: list[int]
    prefix_tokens: list[int]
    lead_s: float
    language: str
    probability: float

    def behind(self, tokens: list[int]) -> list[int]:
        """Return the new text's tokens of an answer, without timestamps."""
        size = len(self.forced)
        new = tokens[size:] if tokens[:size] == self.forced else tokens
        return [token for token in new if token < self.tokenizer.eot]

    def left_at_s(self, tokens: list[int]) -> float | None:
        """Return where the new audio goes on that an answer leaves to a next window, in seconds.

        It ends with the time at which another segment begins then, as Whisper was trained.
        """
        first = self.tokenizer.timestamp_begin
        if len(tokens) < 2 or min(tokens[-2:]) < first:
            return None
        return float((tokens[-1] - first) * TIMESTAMP_S - self.lead_s)


def asked(
    model: SpeechModel, window: Window, least_context_s: int | None, timestamps: bool
) -> Asked:
    """Encode a window and lay out its prompt.

    A prefix stands between the timestamps of its start and end, so that the model knows where in
    the audio it is to go on; without them it now and then stops at once, or skips what comes first.

    Args:
        least_context_s: see `SpeechModel.encode`.
        timestamps: whether a window without a prefix is decoded with timestamps.
    """
    resumes = _resumes(model, window)
    pad_s = PREFIX_S - window.prefix_s if resumes else 0.0
    audio = window.audio
    if resumes:
        silence = np.zeros(round(pad_s * SAMPLE_RATE_HZ), np.float32)
        audio = np.concatenate([silence, audio])
    encoded, frames = model.encode(audio, least_context_s)
    language, probability = model.language(window, encoded)
    tokenizer = model.tokenizer(language, window.options.task)
    prompt = model.prompt(tokenizer, window)
    prefix_tokens: list[int] = tokenizer.encode(" " + window.prefix) if window.prefix else []
    forced: list[int] = []
    if prefix_tokens or timestamps:
        prompt.remove(tokenizer.no_timestamps)
    if prefix_tokens:
        first = tokenizer.timestamp_begin
        end = first + round((pad_s + window.prefix_s) / TIMESTAMP_S)
        forced = [first + round(pad_s / TIMESTAMP_S), *prefix_tokens, end, end]
    return Asked(
        whisper=model.resuming if resumes else model.whisper,
        tokenizer=tokenizer,
        encoded=encoded,
        frames=frames,
        prompt=prompt + forced,
        forced=forced[-2:] if resumes else forced,
        prefix_tokens=prefix_tokens,
        lead_s=pad_s + window.prefix_s,
        language=language,
        probability=probability,
    )


def _resumes(model: SpeechModel, window: Window) -> bool:
    """Tell whether the model that goes on at `PREFIX_S` can decode a window."""
    if model.resuming is None or not window.prefix or window.prefix_s < 2 * TIMESTAMP_S:
        return False
    new_s = window.seconds - window.prefix_s
    return window.prefix_s <= PREFIX_S and PREFIX_S + new_s <= _MOST_S
