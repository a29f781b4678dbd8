"""The text of one session: final segments that never change, and the partial tail."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from config.logs import SAID
from transcriber.engine.window import Decoded, Hypothesis, Word
from transcriber.live.agreement import LocalAgreement
from transcriber.live.sentences import in_sentences

# What was said, line by line: kept out of the log unless `LOG_TEXT` asks for it.
said = logging.getLogger(SAID)

# How a stretch that never arrived is shown, in every format.
GAP_TEXT = "[…]"
# Where words are not spaced, this many characters count as one.
_CHARS_A_WORD = 10


@dataclass(frozen=True)
class Segment:
    """A final piece of the transcript; times are seconds from the start of the recording.

    Attributes:
        id: 0, 1, 2 … without holes.
        text: with the leading space that joins it to the text before.
        confidence: mean probability of its words (or tokens), 0 to 1; 0 for a gap.
        gap: True where audio was lost; the text is then `[…]`.
        hypothesis: the model's own figures, None for a gap.
    """

    id: int
    start: float
    end: float
    text: str
    confidence: float = 0.0
    words: tuple[Word, ...] = ()
    gap: bool = False
    hypothesis: Hypothesis | None = None


@dataclass(frozen=True)
class Partial:
    """Text that may still change; its first `stable_chars` characters survived several passes."""

    text: str = ""
    stable_chars: int = 0


@dataclass(frozen=True)
class Settled:
    """How far a session is done with its audio.

    What lies before `seconds`, on the clock that segments' times are on, will never be needed
    again: it is final as the first `segments` segments, or silence. Both only ever grow.
    """

    seconds: float = 0.0
    segments: int = 0


class Transcript:
    """Final segments and partial text, with a revision that grows with every visible change.

    Not thread-safe: its session guards it.
    """

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self.partial = Partial()
        self.revision = 0
        self._closing: list[Partial] = []  # pieces that ended but are not yet final
        self._open = Partial()
        self._agreement = LocalAgreement()

    def text(self, first: int = 0) -> str:
        """Return the final text from segment `first` on; appended, such texts give the whole."""
        text = "".join(segment.text for segment in self.segments[first:])
        return text.lstrip() if first == 0 else text

    def tail(self, words: int) -> str:
        """Return the last words of the final text, back to the last gap at most."""
        parts: list[str] = []
        for segment in reversed(self.segments):
            if segment.gap or sum(len(part.split()) for part in parts) >= words:
                break
            parts.append(segment.text)
        text = " ".join("".join(reversed(parts)).split()[-words:])
        return text[-words * _CHARS_A_WORD :]

    def closing_text(self) -> str:
        """Return the shown text of pieces that ended but are not yet final."""
        return "".join(part.text for part in self._closing)

    @property
    def heard_of_next(self) -> str:
        """What was heard so far of the piece that becomes final next."""
        return self._closing[0].text if self._closing else ""

    @property
    def heard_of_open(self) -> str:
        """What was heard so far of the open piece."""
        return self._agreement.newest

    def show(
        self, text: str, end_s: float, cut_off: bool = False, likely: Sequence[float] = ()
    ) -> None:
        """Show a new hypothesis of the open piece; see `LocalAgreement.update`."""
        self._open = Partial(*self._agreement.update(text, end_s, cut_off, likely))
        self._refresh()

    def confirm(self, text: str) -> None:
        """Take what a careful pass heard in the open piece; see `LocalAgreement.confirm`."""
        self._agreement.confirm(text)

    def loses(self, text: str, older: bool = False) -> bool:
        """Tell whether a hypothesis of the open piece leaves out words; see `LocalAgreement`."""
        return self._agreement.loses(text, older)

    def advance(self, heard: Hypothesis, offset_s: float) -> None:
        """The beginning of the open piece becomes final, while the rest of it stays open.

        Args:
            heard: the words that become final.
            offset_s: where the open piece began in the recording, in seconds.
        """
        self.add([heard], offset_s)
        self._open = Partial(*self._agreement.forget(heard.text))
        self._refresh(changed=True)

    def close(self) -> None:
        """The open piece has ended: its text stays shown until it becomes final."""
        self._closing.append(replace(self._open, text=self._agreement.newest))
        self._open, self._agreement = Partial(), LocalAgreement()
        self._refresh()

    def finalise(self, decoded: Decoded | None, offset_s: float) -> None:
        """The oldest closed piece becomes final.

        Args:
            decoded: what the final lane heard; None if it failed twice, when the last partial
                text is kept as the best there is.
            offset_s: where the decoded window starts in the recording, in seconds.
        """
        shown = self._closing.pop(0) if self._closing else Partial()
        if decoded is not None:
            self.add([part for one in decoded.hypotheses for part in in_sentences(one)], offset_s)
        elif shown.text.strip():
            self.add([Hypothesis(shown.text, 0.0, 0.0)], offset_s)
        self._refresh(changed=True)

    def add(self, hypotheses: Sequence[Hypothesis], offset_s: float) -> None:
        """Append final segments, moved by `offset_s` seconds."""
        for hypothesis in hypotheses:
            text = hypothesis.text
            if self.segments and self.segments[-1].gap and not text.startswith(" "):
                text = " " + text
            floor = self.segments[-1].end if self.segments else 0.0
            start = max(round(hypothesis.start + offset_s, 2), floor)
            words = tuple(
                Word(
                    word.word,
                    round(word.start + offset_s, 2),
                    round(word.end + offset_s, 2),
                    word.probability,
                )
                for word in hypothesis.words
            )
            end = max(round(hypothesis.end + offset_s, 2), start)
            said.info("%.2f to %.2f s:%s", start, end, text)
            self.segments.append(
                Segment(
                    id=len(self.segments),
                    start=start,
                    end=end,
                    text=text,
                    confidence=_confidence(words, hypothesis.avg_logprob),
                    words=words,
                    hypothesis=hypothesis,
                )
            )

    def note_gap(self, start_s: float, end_s: float) -> None:
        """Show that audio between two times was lost; neighbouring gaps become one line."""
        text = f" {GAP_TEXT}" if self.segments else GAP_TEXT
        self.segments.append(
            Segment(len(self.segments), round(start_s, 2), round(end_s, 2), text, gap=True)
        )
        self._refresh(changed=True)

    def _refresh(self, changed: bool = False) -> None:
        """Join the texts of the ended pieces and of the open one; stable up to the first gap."""
        text, stable, still_stable = "", 0, True
        for part in [*self._closing, self._open]:
            if still_stable:
                stable = len(text) + part.stable_chars if part.stable_chars else stable
                still_stable = part.stable_chars == len(part.text)
            text += part.text
        new = Partial(text, stable)
        if changed or new.text != self.partial.text:
            self.revision += 1
        self.partial = new


def _confidence(words: tuple[Word, ...], avg_logprob: float) -> float:
    """Return the mean probability of the words, or of the tokens where words were not wanted."""
    if words:
        return round(sum(word.probability for word in words) / len(words), 3)
    return round(min(1.0, math.exp(avg_logprob)), 3)
