"""How a piece of speech becomes final text: one beam search, and what is done where it went wrong.

One search, not the loop of `transcribe`, which would decode the silence after the last word once
more and invent there.
"""

from __future__ import annotations

from dataclasses import replace

from transcriber.engine.guards import echoes, left_out, letters, repeated, trustworthy
from transcriber.engine.model import FULL_CONTEXT_S, SpeechModel
from transcriber.engine.search import Found, heard
from transcriber.engine.window import PREFIX_S, SAMPLE_RATE_HZ, Decoded, Hypothesis, Window

# With nothing before it, and up to a pause, the short encoder window makes "Thank you." of music in
# pieces shorter than this.
_BRIEF_S = 3.0
# An open window that ends in so much silence holds its last word whole. And so much speech behind a
# word, by the voice activity's ends and the alignment's, is another word.
_PAUSE_S, _UNHEARD_S = 0.25, 0.5
# If so little was listened to once more and nothing was heard, a word dies away.
_DYING_S = 1.0
# By that factor the text of a piece heard alone must be longer to be believed instead.
_MUCH_LONGER = 1.15
# Words behind the last one: how probable the first of them and all on the mean are at least, and
# how long one takes on the mean.
_GOES_ON, _LIKELY, _LEAST_WORD_S = 0.2, 0.5, 0.1
# So few words are all there is of what the model invents in music. Five words a second are said by
# those who speak fast; if the model doubts them, by nobody.
_FEW_WORDS, _HARDLY, _HURRIED_WORD_S = 4, 0.05, 0.2


def final(model: SpeechModel, window: Window) -> Decoded:
    """One beam search, then word alignment; the temperature ladder if it is needed."""
    short = _is_short(model, window)
    found = heard(model, replace(window, open=short))
    if short and not window.open and not _is_good(found, window):
        found = heard(model, window)
    found = _to_the_end(model, found, window)
    if window.prefix and not _is_good(found, window, dying_s=_DYING_S):
        # The forced prefix sometimes makes the model leave out words: hear the piece on its own.
        start = round(window.prefix_s * SAMPLE_RATE_HZ)
        alone = heard(model, replace(window, audio=window.audio[start:], prefix="", prefix_s=0.0))
        alone = _to_the_end(model, alone, window)
        echo = echoes(window.prefix, found.hypothesis.text)
        found = alone if echo else _better(found, alone, window)
    if _is_invented(found.hypothesis, window) or not trustworthy(found.hypothesis):
        return Decoded((), found.ask.language, found.ask.probability)
    hypothesis = found.hypothesis
    if hypothesis.loops and window.open:  # nothing of it becomes final, and it is shown once
        size, count = repeated(hypothesis.text, window.prefix)
        once = hypothesis.words[: -size * (count - 1)]
        hypothesis = replace(hypothesis, text="".join(word.word for word in once))
    return Decoded((hypothesis,), found.ask.language, found.ask.probability)


def _is_short(model: SpeechModel, window: Window) -> bool:
    """Tell whether the short encoder window is tried first, at a third of the cost."""
    if window.prefix:  # then Whisper's own makes nothing better
        return window.open or model.context_s(window) < FULL_CONTEXT_S
    brief = window.seconds < _BRIEF_S
    return _breaks_off(window) if brief else window.open


def _is_good(found: Found, window: Window, dying_s: float = 0.0) -> bool:
    """Tell whether it was heard without trouble, and to its end but for less than `dying_s`."""
    text = found.hypothesis.text
    whole = letters(text) >= window.least_letters and not left_out(window.shown, text)
    whole = whole and _unheard_s(found.hypothesis, window) <= dying_s
    return found.hypothesis.sure and whole and not echoes(window.prefix, text)


def _unheard_s(hypothesis: Hypothesis, window: Window) -> float:
    """Return how much speech there is behind the last word; 0 if that is no more than is usual.

    Where an open piece breaks off in speech, there is always some.
    """
    if not window.spoken_to_s or not hypothesis.words or _breaks_off(window):
        return 0.0
    unheard_s = window.spoken_to_s - hypothesis.words[-1].end
    return unheard_s if unheard_s >= _UNHEARD_S else 0.0


def _breaks_off(window: Window) -> bool:
    """Tell whether the window ends in speech that goes on, as far as is known."""
    silence_s = window.seconds - window.prefix_s - window.spoken_to_s
    return window.open and not (window.spoken_to_s > 0 and silence_s >= _PAUSE_S)


def _to_the_end(model: SpeechModel, found: Found, whole: Window) -> Found:
    """Hear what is spoken behind the last word, too, with the words before it as forced prefix.

    Where audio breaks off within a sentence Whisper leaves the last words to the next window, and
    there is none. Not for a translation: its words have no places of their own in the audio.
    """
    if whole.options.task == "translate" or not _unheard_s(found.hypothesis, whole):
        return found
    first, window = found.hypothesis, found.window
    end_s = first.words[-1].end
    said = [word for word in first.words if end_s - word.start <= PREFIX_S]
    if not said:
        return found
    audio = window.audio[round((window.prefix_s + said[0].start) * SAMPLE_RATE_HZ) :]
    prefix = "".join(word.word for word in said).strip()
    prefix_s = end_s - said[0].start
    behind = replace(window, audio=audio, prefix=prefix, prefix_s=prefix_s, open=True)
    rest = heard(model, replace(behind, language=found.ask.language)).hypothesis
    if not _is_spoken(rest) or echoes(first.text, rest.text):
        return found
    later = (replace(one, start=end_s + one.start, end=end_s + one.end) for one in rest.words)
    words = (*first.words, *later)
    joined = replace(
        first,
        text=first.text + rest.text,
        end=words[-1].end,
        words=words,
        tokens=first.tokens + rest.tokens,
        likely=first.likely + rest.likely,
    )
    return replace(found, hypothesis=joined)


def _is_spoken(rest: Hypothesis) -> bool:
    """Tell whether words that a second search heard behind the first one's are there.

    Invented ones begin with a word that the model doubts, and alignment finds no time for them.
    """
    words = rest.words
    if not (words and rest.sure and trustworthy(rest)):
        return False
    spoken_s = words[-1].end - words[0].start
    mean = sum(word.probability for word in words) / len(words)
    begins = words[0].probability >= _GOES_ON
    return begins and mean >= _LIKELY and spoken_s >= _LEAST_WORD_S * len(words)


def _is_invented(hypothesis: Hypothesis, window: Window) -> bool:
    """Tell whether a few words up to a pause are some that nobody said, as it happens in music.

    They are doubted and too fast; or, with nothing before them that they could go on from, they
    begin with a word that the model hardly believes: "Thank you." with 0.0 and 0.98.
    """
    words = hypothesis.words
    if _breaks_off(window) or not 0 < len(words) <= _FEW_WORDS:
        return False
    spoken_s = words[-1].end - words[0].start
    mean = sum(word.probability for word in words) / len(words)
    hurried = mean < _LIKELY and len(words) > 1 and spoken_s < _HURRIED_WORD_S * len(words)
    return hurried or (not window.prefix and words[0].probability < _HARDLY)


def _better(found: Found, alone: Found, window: Window) -> Found:
    """Choose between the piece heard in context and heard alone."""
    mine, other = found.hypothesis, alone.hypothesis
    if not other.sure:
        return found
    if mine.loops:
        return alone
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
