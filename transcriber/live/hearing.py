"""One pass over the piece that is still being spoken: what was known when it began."""

from __future__ import annotations

from dataclasses import dataclass

from transcriber.engine.window import SAMPLE_RATE_HZ, Window
from transcriber.live.endpoint import Utterance

# A window whose last speech ends so near to its end ends in speech, perhaps within a word.
_CUT_OFF_S = 0.15


@dataclass(frozen=True)
class Hearing:
    """A pass over the open piece: how things stood when its window was made; in samples.

    Attributes:
        start, end: the open piece, as far as it is in the window.
        last_speech: where the newest speech ended.
        pause_cut: where the piece would end in the pause at the window's end, if there is one.
    """

    window: Window
    start: int
    end: int
    last_speech: int
    pause_cut: int | None

    @property
    def seconds(self) -> float:
        """Length of the open piece as it was heard."""
        return (self.end - self.start) / SAMPLE_RATE_HZ

    @property
    def pause_s(self) -> float:
        """Length of the pause at the window's end; 0 if it is too short to end a sentence."""
        paused = self.pause_cut is not None
        return (self.end - self.last_speech) / SAMPLE_RATE_HZ if paused else 0.0

    @property
    def cut_off(self) -> bool:
        """Whether the window ends in speech."""
        return self.end - self.last_speech < _CUT_OFF_S * SAMPLE_RATE_HZ

    def covers(self, piece: Utterance) -> bool:
        """Tell whether it heard all of a piece, and enough of the pause after it."""
        same = (self.start, self.last_speech) == (piece.start, piece.speech_end)
        return same and self.pause_cut is not None
