"""One beam search over a window, and the places of its words in the audio."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from faster_whisper.transcribe import TranscriptionOptions, get_suppressed_tokens

from transcriber.engine.asking import Asked, asked
from transcriber.engine.guards import NO_SPEECH_PROB, repeated, trustworthy
from transcriber.engine.likelihood import word_probabilities
from transcriber.engine.model import SpeechModel
from transcriber.engine.window import LOOP_RATIO, UNSURE_LOGPROB, Hypothesis, Window, Word

BEAM_SIZE = 5
TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
_PREPENDED, _APPENDED = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"  # noqa: RUF001 (CJK marks are meant)
# Nobody speaks faster than this in tokens; a pass that writes more is looping.
_TOKENS_PER_S, _TOKENS_FREE = 15, 10
# To words that alignment finds no place for in the audio it gives less.
_NO_TIME_S = 0.02
# The times that the model writes are no better than that.
_COARSE_S = 0.5


@dataclass(frozen=True)
class Found:
    """A beam search's result, and what was asked.

    Attributes:
        left_at_s: where the model left off, and the rest to a next window; None if it did not.
    """

    hypothesis: Hypothesis
    window: Window
    ask: Asked
    left_at_s: float | None = None


def heard(model: SpeechModel, window: Window) -> Found:
    """Search, and align the words with the audio."""
    found = _search(model, window)
    if not trustworthy(found.hypothesis):
        return found
    hypothesis = _aligned(model, found)
    return replace(found, hypothesis=replace(hypothesis, loops=_loops(hypothesis, window)))


def _loops(hypothesis: Hypothesis, window: Window) -> bool:
    """Tell whether it ends by saying the same again, and for half of that there is no time."""
    size, count = repeated(hypothesis.text, window.prefix)
    said = hypothesis.words[-size * count :] if size else ()
    return 2 * sum(word.end - word.start < _NO_TIME_S for word in said) > size


def _search(model: SpeechModel, window: Window) -> Found:
    ask = asked(model, window, model.context_s(window) if window.open else None, timestamps=True)
    result, avg_logprob, temperature, ratio = ask.whisper.generate_with_fallback(
        ask.encoded, ask.prompt, ask.tokenizer, _options(model, ask.tokenizer, window, ask.prompt)
    )
    tokens = ask.behind(result.sequences_ids[0])
    hypothesis = Hypothesis(
        text=ask.tokenizer.decode(tokens),
        start=0.0,
        end=window.seconds - window.prefix_s,
        avg_logprob=mean(avg_logprob * (len(result.sequences_ids[0]) + 1), ask, result),
        no_speech_prob=result.no_speech_prob,
        compression_ratio=ratio,
        temperature=temperature,
        tokens=tuple(tokens),
    )
    return Found(hypothesis, window, ask, ask.left_at_s(result.sequences_ids[0]))


def _aligned(model: SpeechModel, found: Found) -> Hypothesis:
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
    words = not_beyond(found.left_at_s, words)
    return replace(
        hypothesis,
        words=words,
        start=words[0].start,
        end=words[-1].end,
        likely=word_probabilities((one.word, one.probability) for one in words),
    )


def not_beyond(left_at_s: float | None, words: tuple[Word, ...]) -> tuple[Word, ...]:
    """Return the words with their ends where the model left off.

    Alignment knows no other words: over all that is spoken behind the last ones it draws one of
    them out, and leaves those that follow it no time.
    """
    if left_at_s is None or words[-1].end - left_at_s < _COARSE_S:
        return words
    drawn = next(at for at, word in enumerate(words) if word.end - left_at_s >= _COARSE_S)
    later_s = sum(word.end - word.start for word in words[drawn + 1 :])
    if words[drawn].start - _COARSE_S > left_at_s or later_s >= _COARSE_S:
        return words  # the time that the model wrote is no better
    end = max(left_at_s, words[drawn - 1].end) if drawn else left_at_s
    moved = (replace(word, start=min(word.start, end), end=end) for word in words[drawn:])
    return (*words[:drawn], *moved)


def mean(logprob: float, ask: Asked, result: Any) -> float:
    """Return the mean log probability of what was written and its end.

    Forced tokens are certain by definition: counted in, they would hide doubts about the others.
    """
    return logprob / (len(result.sequences_ids[0]) - len(ask.forced) + 1)


def temperatures(window: Window) -> tuple[float, ...]:
    """Return the ladder to climb: the client's one step, or while the piece is open the first."""
    wanted = window.options.temperature
    if window.open and wanted is None:
        return TEMPERATURES[:1]
    return TEMPERATURES if wanted is None else (wanted,)


def most_tokens(model: SpeechModel, window: Window, prompt: list[int]) -> int:
    """Return how many tokens the new audio can hold, within what the model can write."""
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
        temperatures=list(temperatures(window)),
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
        max_new_tokens=most_tokens(model, window, prompt),
        clip_timestamps="0",
        hallucination_silence_threshold=None,
        hotwords=None,
    )
