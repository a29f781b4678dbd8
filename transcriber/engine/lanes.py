"""How each lane decodes a window. Pure functions of the model and the window."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from faster_whisper.transcribe import get_suppressed_tokens

from transcriber.engine.asking import asked
from transcriber.engine.final_lane import final
from transcriber.engine.guards import echoes, trustworthy, without_loop
from transcriber.engine.likelihood import parts, word_probabilities
from transcriber.engine.model import SpeechModel
from transcriber.engine.search import BEAM_SIZE, heard, mean, most_tokens, temperatures
from transcriber.engine.window import (
    SAMPLE_RATE_HZ,
    Decoded,
    DecodingOptions,
    Hypothesis,
    Lane,
    Listener,
    Window,
    Word,
)


def decode(model: SpeechModel, window: Window, listener: Listener = lambda heard: True) -> Decoded:
    """Decode one window in the way of its lane.

    The file lane hands what it hears to `listener` as it comes, since its windows take long, and
    leaves off when the rest is no longer wanted. What it hears does not depend on that.
    """
    if window.lane is Lane.FILE:
        return _file(model, window, listener)
    return _partial(model, window) if window.lane is Lane.PARTIAL else final(model, window)


def canary(model: SpeechModel) -> None:
    """Run a short decode of each kind, so that a model that can't run is found out at once."""
    audio = np.zeros(SAMPLE_RATE_HZ, np.float32)
    once = DecodingOptions(temperature=0.0)  # the ladder would try silence six times
    decode(model, Window(audio, Lane.PARTIAL, once, language="en"))
    # One search: the final lane would doubt what it hears in silence, and try three times.
    heard(model, Window(audio, Lane.FINAL, once, "en", prefix="Yes.", prefix_s=0.5, open=True))


def _partial(model: SpeechModel, window: Window) -> Decoded:
    """Greedy, in an encoder window just long enough."""
    ask = asked(model, window, model.context_s(window), timestamps=False)
    result = ask.whisper.model.generate(
        ask.encoded,
        [ask.prompt],
        beam_size=1,
        max_length=len(ask.prompt) + most_tokens(model, window, ask.prompt),
        return_scores=True,
        return_no_speech_prob=True,
        return_logits_vocab=True,
        suppress_tokens=get_suppressed_tokens(ask.tokenizer, [-1]),
    )[0]
    tokens = ask.behind(result.sequences_ids[0])
    text = without_loop(ask.tokenizer.decode(tokens))
    hypothesis = Hypothesis(
        text=text,
        start=0.0,
        end=window.seconds - window.prefix_s,
        avg_logprob=mean(result.scores[0] * len(result.sequences_ids[0]), ask, result),
        no_speech_prob=result.no_speech_prob,
        tokens=tuple(tokens),
        likely=word_probabilities(parts(ask, tokens, result))[: len(text.split())],
    )
    believed = trustworthy(hypothesis) and not echoes(window.prefix, hypothesis.text)
    return Decoded((hypothesis,) if believed else (), ask.language, ask.probability)


def _file(model: SpeechModel, window: Window, listener: Listener) -> Decoded:
    """The classic way: full 30 s windows one after the other, each prompted with the last.

    Behind silence that is left out it begins anew: with the text before it as a prompt, music
    behind speech is heard as that text again.
    """
    clips = window.clips or ((0.0, window.seconds),)
    language = (window.language or "") if model.multilingual else "en"
    probability = 1.0
    kept: list[Hypothesis] = []
    for clip in clips:
        adjoins = clip[0] == 0.0
        prompt = window.prompt_text if adjoins else window.options.prompt.strip()
        segments, info = _transcribe(model, window, clip, language or None, prompt)
        # What is given, as the first clip's is to those behind it, counts as certain.
        language = info.language
        probability = min(probability, float(info.language_probability))
        for segment in segments:
            hypothesis = _hypothesis(segment, clip)
            if trustworthy(hypothesis):
                kept.append(hypothesis)
                if not listener(Decoded((hypothesis,), language, probability)):
                    return Decoded(tuple(kept), language, probability)
    return Decoded(tuple(kept), language, probability)


def _transcribe(
    model: SpeechModel, window: Window, clip: tuple[float, float], language: str | None, prompt: str
) -> tuple[Iterable[Any], Any]:
    start, end = (round(time_s * SAMPLE_RATE_HZ) for time_s in clip)
    options = window.options
    segments, info = model.whisper.transcribe(
        window.audio[start:end],
        language=language,
        task=options.task,
        beam_size=BEAM_SIZE,
        temperature=temperatures(window),
        initial_prompt=prompt or None,
        hotwords=options.hotwords or None,
        word_timestamps=options.word_timestamps,
    )
    return segments, info


def _hypothesis(segment: Any, clip: tuple[float, float]) -> Hypothesis:
    """Return a segment of faster-whisper's as ours; its last may reach beyond the audio."""

    def placed(time_s: float) -> float:
        return min(clip[0] + float(time_s), clip[1])

    return Hypothesis(
        text=segment.text,
        start=placed(segment.start),
        end=placed(segment.end),
        words=tuple(
            Word(word.word, placed(word.start), placed(word.end), float(word.probability))
            for word in segment.words or ()
        ),
        avg_logprob=segment.avg_logprob,
        no_speech_prob=segment.no_speech_prob,
        compression_ratio=segment.compression_ratio,
        temperature=segment.temperature,
        tokens=tuple(segment.tokens),
    )
