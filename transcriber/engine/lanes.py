"""How each lane decodes a window. Pure functions of the model and the window."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from faster_whisper.transcribe import TranscriptionOptions, get_suppressed_tokens

from transcriber.engine.asking import Asked, asked
from transcriber.engine.guards import (
    NO_SPEECH_PROB,
    echoes,
    left_out,
    letters,
    trustworthy,
    without_loop,
)
from transcriber.engine.likelihood import parts, word_probabilities
from transcriber.engine.model import SpeechModel
from transcriber.engine.window import (
    LOOP_RATIO,
    SAMPLE_RATE_HZ,
    UNSURE_LOGPROB,
    Decoded,
    DecodingOptions,
    Hypothesis,
    Lane,
    Listener,
    Window,
    Word,
)

BEAM_SIZE = 5
TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
_PREPENDED, _APPENDED = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"  # noqa: RUF001 (CJK marks are meant)
# Nobody speaks faster than this in tokens; a pass that writes more is looping.
_TOKENS_PER_S, _TOKENS_FREE = 15, 10
# A closed piece shorter than this is heard in the short encoder window first.
_BRIEF_S = 3.0
# An open window that ends in so much silence holds its last word whole. And so much speech behind a
# word, by the voice activity's ends and the alignment's, is another word.
_PAUSE_S, _UNHEARD_S = 0.25, 0.5
# By that factor the text of a piece heard alone must be longer to be believed instead.
_MUCH_LONGER = 1.15


def decode(model: SpeechModel, window: Window, listener: Listener = lambda heard: True) -> Decoded:
    """Decode one window in the way of its lane.

    The file lane hands what it hears to `listener` as it comes, since its windows take long, and
    leaves off when the rest is no longer wanted. What it hears does not depend on that.
    """
    if window.lane is Lane.FILE:
        return _file(model, window, listener)
    return _partial(model, window) if window.lane is Lane.PARTIAL else _final(model, window)


def canary(model: SpeechModel) -> None:
    """Run a short decode of each kind, so that a model that can't run is found out at once."""
    audio = np.zeros(SAMPLE_RATE_HZ, np.float32)
    once = DecodingOptions(temperature=0.0)  # the ladder would try silence six times
    for lane in (Lane.PARTIAL, Lane.FINAL):
        window = Window(audio, lane, once, language="en")
        decode(model, window)
        decode(model, replace(window, prefix="Yes.", prefix_s=0.5))


def _partial(model: SpeechModel, window: Window) -> Decoded:
    """Greedy, in an encoder window just long enough."""
    ask = asked(model, window, model.context_s(window), timestamps=False)
    result = ask.whisper.model.generate(
        ask.encoded,
        [ask.prompt],
        beam_size=1,
        max_length=len(ask.prompt) + _most_tokens(model, window, ask.prompt),
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
        avg_logprob=_mean(result.scores[0] * len(result.sequences_ids[0]), ask, result),
        no_speech_prob=result.no_speech_prob,
        tokens=tuple(tokens),
        likely=word_probabilities(parts(ask, tokens, result))[: len(text.split())],
    )
    believed = trustworthy(hypothesis) and not echoes(window.prefix, hypothesis.text)
    return Decoded((hypothesis,) if believed else (), ask.language, ask.probability)


def _mean(logprob: float, ask: Asked, result: Any) -> float:
    """Return the mean log probability of what was written and its end.

    Forced tokens are certain by definition: counted in, they would hide doubts about the others.
    """
    return logprob / (len(result.sequences_ids[0]) - len(ask.forced) + 1)


def _final(model: SpeechModel, window: Window) -> Decoded:
    """One beam search over the piece, then word alignment; the temperature ladder if it is needed.

    One search, not the loop of `transcribe`, which would decode the silence after the last word
    once more and invent there.
    """
    # Of a few words Whisper's own encoder window, three times as dear, makes nothing better.
    brief = window.seconds - window.prefix_s < _BRIEF_S
    found = _heard(model, replace(window, open=window.open or brief))
    if brief and not window.open and not _is_good(found, window):
        found = _heard(model, window)
    if window.prefix and not _is_good(found, window):
        # The forced prefix sometimes makes the model leave out words: hear the piece on its own.
        start = round(window.prefix_s * SAMPLE_RATE_HZ)
        alone = _heard(model, replace(window, audio=window.audio[start:], prefix="", prefix_s=0.0))
        echo = echoes(window.prefix, found.hypothesis.text)
        found = alone if echo else _better(found, alone, window)
    if not trustworthy(found.hypothesis):
        return Decoded((), found.ask.language, found.ask.probability)
    return Decoded((found.hypothesis,), found.ask.language, found.ask.probability)


def _is_good(found: _Found, window: Window) -> bool:
    """Tell whether it was heard without trouble, and to its end."""
    text = found.hypothesis.text
    whole = letters(text) >= window.least_letters and not left_out(window.shown, text)
    whole = whole and not _unheard_s(found.hypothesis, window)
    return found.hypothesis.sure and whole and not echoes(window.prefix, text)


def _unheard_s(hypothesis: Hypothesis, window: Window) -> float:
    """Return how much speech there is behind the last word; 0 if that is no more than is usual.

    Where an open piece breaks off in speech, there is always some.
    """
    silence_s = window.seconds - window.prefix_s - window.spoken_to_s
    breaks_off = window.open and silence_s < _PAUSE_S
    if not window.spoken_to_s or not hypothesis.words or breaks_off:
        return 0.0
    unheard_s = window.spoken_to_s - hypothesis.words[-1].end
    return unheard_s if unheard_s >= _UNHEARD_S else 0.0


@dataclass(frozen=True)
class _Found:
    """A beam search's result, and what was asked."""

    hypothesis: Hypothesis
    window: Window
    ask: Asked


def _heard(model: SpeechModel, window: Window) -> _Found:
    """Search, and align the words with the audio."""
    found = _search(model, window)
    if not trustworthy(found.hypothesis):
        return found
    return replace(found, hypothesis=_aligned(model, found))


def _search(model: SpeechModel, window: Window) -> _Found:
    ask = asked(model, window, model.context_s(window) if window.open else None, timestamps=True)
    result, avg_logprob, temperature, ratio = ask.whisper.generate_with_fallback(
        ask.encoded, ask.prompt, ask.tokenizer, _options(model, ask.tokenizer, window, ask.prompt)
    )
    tokens = ask.behind(result.sequences_ids[0])
    hypothesis = Hypothesis(
        text=ask.tokenizer.decode(tokens),
        start=0.0,
        end=window.seconds - window.prefix_s,
        avg_logprob=_mean(avg_logprob * (len(result.sequences_ids[0]) + 1), ask, result),
        no_speech_prob=result.no_speech_prob,
        compression_ratio=ratio,
        temperature=temperature,
        tokens=tuple(tokens),
    )
    return _Found(hypothesis, window, ask)


def _better(found: _Found, alone: _Found, window: Window) -> _Found:
    """Choose between the piece heard in context and heard alone."""
    mine, other = found.hypothesis, alone.hypothesis
    if not other.sure:
        return found
    if not mine.sure:
        return alone if other.avg_logprob > mine.avg_logprob else found
    # The same words without what was said before them are worth less.
    longer = letters(other.text) > letters(mine.text)
    less_left_out = left_out(window.shown, other.text) < left_out(window.shown, mine.text)
    if longer and (less_left_out or _unheard_s(other, window) < _unheard_s(mine, window)):
        return alone
    stopped_early = letters(mine.text) < window.least_letters
    much_longer = len(other.text) > _MUCH_LONGER * len(mine.text)
    return alone if stopped_early and much_longer else found


def _aligned(model: SpeechModel, found: _Found) -> Hypothesis:
    """Add the words with their times, and let the hypothesis begin and end with them."""
    hypothesis, ask = found.hypothesis, found.ask
    new: dict[str, Any] = {
        "seek": 0,
        "start": ask.lead_s,
        "end": ask.lead_s + hypothesis.end,
        "tokens": list(hypothesis.tokens),
    }
    group = [new]
    if ask.prefix_tokens:
        group = [{"seek": 0, "start": 0.0, "end": ask.lead_s, "tokens": ask.prefix_tokens}, new]
    model.whisper.add_word_timestamps(
        [group], ask.tokenizer, ask.encoded, ask.frames, _PREPENDED, _APPENDED, 0.0
    )
    words = tuple(
        Word(
            word["word"],
            min(max(float(word["start"]) - ask.lead_s, 0.0), hypothesis.end),
            min(max(float(word["end"]) - ask.lead_s, 0.0), hypothesis.end),
            float(word["probability"]),
        )
        for word in new["words"]
    )
    if not words:
        return hypothesis
    return replace(
        hypothesis,
        words=words,
        start=words[0].start,
        end=words[-1].end,
        likely=word_probabilities((one.word, one.probability) for one in words),
    )


def _file(model: SpeechModel, window: Window, listener: Listener) -> Decoded:
    """The classic way: full 30 s windows one after the other, each prompted with the last."""
    options = window.options
    segments, info = model.whisper.transcribe(
        window.audio,
        language=window.language if model.multilingual else "en",
        task=options.task,
        beam_size=BEAM_SIZE,
        temperature=_temperatures(window),
        initial_prompt=window.prompt_text or None,
        hotwords=options.hotwords or None,
        word_timestamps=options.word_timestamps,
        clip_timestamps=[second for clip in window.clips for second in clip] or "0",
    )
    language, probability = info.language, float(info.language_probability)
    kept: list[Hypothesis] = []
    for segment in segments:
        hypothesis = _hypothesis(segment)
        if trustworthy(hypothesis):
            kept.append(hypothesis)
            if not listener(Decoded((hypothesis,), language, probability)):
                break
    return Decoded(tuple(kept), language, probability)


def _hypothesis(segment: Any) -> Hypothesis:
    """Return a segment of faster-whisper's as ours."""
    return Hypothesis(
        text=segment.text,
        start=float(segment.start),
        end=float(segment.end),
        words=tuple(
            Word(word.word, float(word.start), float(word.end), float(word.probability))
            for word in segment.words or ()
        ),
        avg_logprob=segment.avg_logprob,
        no_speech_prob=segment.no_speech_prob,
        compression_ratio=segment.compression_ratio,
        temperature=segment.temperature,
        tokens=tuple(segment.tokens),
    )


def _temperatures(window: Window) -> tuple[float, ...]:
    wanted = window.options.temperature
    if window.open and wanted is None:
        return TEMPERATURES[:1]
    return TEMPERATURES if wanted is None else (wanted,)


def _most_tokens(model: SpeechModel, window: Window, prompt: list[int]) -> int:
    most = int((window.seconds - window.prefix_s) * _TOKENS_PER_S) + _TOKENS_FREE
    return min(most, int(model.whisper.max_length) - len(prompt))


def _options(
    model: SpeechModel, tokenizer: Any, window: Window, prompt: list[int]
) -> TranscriptionOptions:
    return TranscriptionOptions(
        beam_size=BEAM_SIZE,
        best_of=5,
        patience=1,
        length_penalty=1,
        repetition_penalty=1,
        no_repeat_ngram_size=0,
        log_prob_threshold=UNSURE_LOGPROB,
        no_speech_threshold=NO_SPEECH_PROB,
        compression_ratio_threshold=LOOP_RATIO,
        condition_on_previous_text=True,
        prompt_reset_on_temperature=0.5,
        temperatures=list(_temperatures(window)),
        initial_prompt=None,
        prefix=None,
        suppress_blank=True,
        suppress_tokens=get_suppressed_tokens(tokenizer, [-1]),
        without_timestamps=False,
        max_initial_timestamp=1.0,
        word_timestamps=True,
        prepend_punctuations=_PREPENDED,
        append_punctuations=_APPENDED,
        multilingual=False,
        max_new_tokens=_most_tokens(model, window, prompt),
        clip_timestamps="0",
        hallucination_silence_threshold=None,
        hotwords=None,
    )
