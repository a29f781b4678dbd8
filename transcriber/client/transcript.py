"""The text of a recording, over all the sessions that it went through."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from transcriber.client.replies import Partial, Segment, Word

# Scripts that put no space between words, by how Unicode's names begin.
_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")
# Times have two digits.
_ROUNDING_S = 0.01


@dataclass(frozen=True)
class Said:
    """Text that is final, and when it begins, in seconds from the recording's start."""

    text: str
    start_s: float


class Transcript:
    """See the module.

    Attributes:
        segments: final, in order.
        partial: what comes behind them and may still change.
    """

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self.partial = Partial()

    @property
    def text(self) -> str:
        """Return all that is final."""
        return _joined(self.segments)

    def add(self, segments: Iterable[Segment], start_s: float) -> list[Segment]:
        """Add final segments of a session.

        Args:
            segments: with the session's own ids and times.
            start_s: when that session began, in the recording.

        Returns:
            The same, as they are in the whole.
        """
        known = len(self.segments)
        for segment in segments:
            self.segments.append(
                replace(
                    segment,
                    id=len(self.segments),
                    start=_later(segment.start, start_s),
                    end=_later(segment.end, start_s),
                    text=self._spaced(segment.text),
                    words=tuple(_later_word(word, start_s) for word in segment.words),
                )
            )
        return self.segments[known:]

    def show(self, text: str, stable_chars: int) -> bool:
        """Take the partial text; tell whether it differs from what was shown."""
        shown = self._spaced(text)
        stable = stable_chars + len(shown) - len(text) if stable_chars else 0
        before, self.partial = self.partial, Partial(shown, stable)
        return before != self.partial

    def said(self, from_s: float, to_s: float) -> Said | None:
        """Return the last final words within a stretch of the recording, without a gap in them."""
        last_gap = max((at for at, one in enumerate(self.segments) if one.gap), default=-1)
        parts: list[Said] = []
        for segment in self.segments[last_gap + 1 :]:
            if from_s < segment.end <= to_s + _ROUNDING_S:
                whole = segment.start >= from_s
                part = Said(segment.text, segment.start) if whole else _last_words(segment, from_s)
                parts += [part] if part else []
        return Said(_joined(parts), parts[0].start_s) if parts else None

    def _spaced(self, text: str) -> str:
        """Segments come without the space that joins them to the text before."""
        before = self.segments[-1].text if self.segments else ""
        if not before or not text or text[0].isspace() or _is_unspaced(before[-1]):
            return text
        return f" {text}"


def _is_unspaced(char: str) -> bool:
    return unicodedata.name(char, "").startswith(_UNSPACED)


def _last_words(segment: Segment, from_s: float) -> Said | None:
    """Return the end of a segment's text from some time on, where its words have times."""
    at = 0
    for word in segment.words:
        at = segment.text.find(word.word, at)
        if at < 0:
            return None
        if word.start >= from_s:
            return Said(segment.text[at:], word.start)
        at += len(word.word)
    return None


def _joined(parts: Sequence[Segment | Said]) -> str:
    return "".join(part.text for part in parts).strip()


def _later_word(word: Word, by_s: float) -> Word:
    return replace(word, start=_later(word.start, by_s), end=_later(word.end, by_s))


def _later(time_s: float, by_s: float) -> float:
    return round(time_s + by_s, 2)
