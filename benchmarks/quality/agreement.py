"""LocalAgreement-2 on a growing buffer, the usual way to make Whisper live. For comparison only.

As whisper_streaming does it (Macháček, Dabre, Bojar, 2023, https://arxiv.org/abs/2307.14743): the
whole buffer is decoded again and again, with the text before it as prompt; words on which two
passes in a row agree are final; a buffer longer than 15 s is trimmed at the end of a segment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from benchmarks.quality.run import Word
from tests.support.recordings import RATE_HZ, Samples

TRIM_S = 15.0
PROMPT_CHARS = 200
_NO_SPEECH = 0.9
# So far may a word move from one pass to the next.
_SLACK_S = 0.1
_LONGEST_OVERLAP = 5


@dataclass(frozen=True)
class Segment:
    """A segment of one pass, its times from the start of the buffer."""

    end_s: float
    words: tuple[Word, ...]
    no_speech_probability: float = 0.0


# Decodes samples (float32, shape (n,), 16 kHz) with a prompt.
Decode = Callable[[Samples, str], Sequence[Segment]]


class LocalAgreement:
    """One stream.

    Attributes:
        committed: the words that are final.
        tail: the words after them in the newest pass.
    """

    def __init__(self, decode: Decode) -> None:
        self.committed: list[Word] = []
        self.tail: list[Word] = []
        self._decode = decode
        self._offset_s = 0.0

    def hear(self, samples: Samples) -> None:
        """Make one pass; `samples` is all audio so far, from the very start."""
        buffer = samples[round(self._offset_s * RATE_HZ) :]
        segments = self._decode(buffer, self._prompt())
        words = [
            replace(word, start_s=word.start_s + self._offset_s, end_s=word.end_s + self._offset_s)
            for segment in segments
            if segment.no_speech_probability <= _NO_SPEECH
            for word in segment.words
        ]
        self._agree(self._fresh(words))
        if len(buffer) > TRIM_S * RATE_HZ:
            self._trim([segment.end_s + self._offset_s for segment in segments])

    def finish(self) -> None:
        """Nothing more comes: what the newest pass heard is final."""
        self.committed += self.tail
        self.tail = []

    def _prompt(self) -> str:
        """Return the committed text before the buffer, whole words, some 200 characters."""
        words = [word.text for word in self.committed if word.end_s <= self._offset_s]
        first, chars = len(words), 0
        while first > 0 and chars < PROMPT_CHARS:
            first -= 1
            chars += len(words[first])
        return "".join(words[first:]).strip()

    def _fresh(self, words: list[Word]) -> list[Word]:
        """Leave out what was committed before, by its time and by its letters."""
        last_s = self.committed[-1].end_s if self.committed else 0.0
        fresh = [word for word in words if word.start_s > last_s - _SLACK_S]
        if not fresh or abs(fresh[0].start_s - last_s) >= 1:
            return fresh
        inside = [word.text for word in self.committed if word.end_s > self._offset_s]
        for size in range(1, min(len(inside), len(fresh), _LONGEST_OVERLAP) + 1):
            if inside[-size:] == [word.text for word in fresh[:size]]:
                return fresh[size:]
        return fresh

    def _agree(self, fresh: list[Word]) -> None:
        agreed = 0
        for word, before in zip(fresh, self.tail, strict=False):
            if word.text != before.text:
                break
            agreed += 1
        self.committed += fresh[:agreed]
        self.tail = fresh[agreed:]

    def _trim(self, ends_s: list[float]) -> None:
        """Forget the audio up to the last segment but one that lies in committed text."""
        if not self.committed:
            return
        last_s = self.committed[-1].end_s
        inside = [end_s for end_s in ends_s[:-1] if end_s <= last_s]
        if inside:
            self._offset_s = inside[-1]
