"""The passes over the piece that is still being spoken: when one is due, and what one has heard.

Quick ones show its words. Every second or two, and at a pause, a careful one may make words final;
if the pause then closes the piece, it needs not be heard once more.
"""

from __future__ import annotations

from dataclasses import replace

from transcriber.engine.window import SAMPLE_RATE_HZ, Decoded, Window, Word
from transcriber.live.agreement import rest_behind
from transcriber.live.endpoint import Endpointer, Utterance
from transcriber.live.hearing import Hearing

# How much new audio there is between two careful passes, unless a pause comes.
CAREFUL_EVERY_S = 1.2


class OpenPiece:
    """Follows the open piece of one session. Not thread-safe: its session guards it.

    A quick and a careful pass may be under way at the same time, so that what is said while the
    careful one takes its time is shown all the same.

    Attributes:
        quick, careful: the passes that are under way, if any.
        shown_to: audio that the partial text covers, in samples.
        alone: a pass left out words, as the model does at times where it has to begin with what is
            final: until more is final, it shall hear nothing but the piece.
    """

    def __init__(self, line: Endpointer) -> None:
        self.quick: Hearing | None = None
        self.careful: Hearing | None = None
        self.shown_to = 0
        self.alone = False
        self._line = line
        self._careful_to = 0  # audio that a careful pass has heard
        self._paused_at = 0  # the end of the speech that one has heard in the pause after it
        # The last careful pass, in case a pause closes what it heard.
        self._heard: tuple[Hearing, Decoded] | None = None
        # What of the quick pass under way became final meanwhile, and where the rest begins.
        self._quick_said, self._quick_start = "", 0

    @property
    def running(self) -> list[Hearing]:
        """The passes that are under way."""
        return [one for one in (self.quick, self.careful) if one is not None]

    @property
    def has_news(self) -> bool:
        """Whether there is speech that is not shown yet, or a pause to be looked at.

        Without any, no pass is worth its time: what becomes final, and what it costs, depends on
        the audio then, and not on how soon the next chunk comes.
        """
        return self._is_open and (self._line.last_speech > self.shown_to or self._is_pause_due())

    def wants_quick(self) -> bool:
        """Tell whether there is speech that is neither shown nor being heard."""
        heard_to = max([self.shown_to, *(one.end for one in self.running)])
        return self.quick is None and self._is_open and self._line.last_speech > heard_to

    def wants_careful(self, end: int) -> bool:
        """Tell whether a pass over the open piece up to `end` shall make words final."""
        if self.careful is not None or not self._is_open:
            return False
        new = end - max(self._line.open_start or 0, self._careful_to)
        return self._is_pause_due() or new >= CAREFUL_EVERY_S * SAMPLE_RATE_HZ

    def begin(self, window: Window, end: int) -> None:
        """A worker begins with a window that holds the open piece up to `end`."""
        line = self._line
        assert line.open_start is not None
        heard = Hearing(window, line.open_start, end, line.last_speech, line.pause_cut)
        if not window.open:
            self.quick = heard
            self._quick_said, self._quick_start = "", heard.start
            return
        self.careful, self._careful_to = heard, end
        if line.pause_cut is not None:
            self._paused_at = line.last_speech

    def start_of(self, window: Window) -> int | None:
        """Return where the piece began that a pass under way hears; None if it is another's."""
        return next((one.start for one in self.running if one.window is window), None)

    def end(self, window: Window) -> Hearing | None:
        """A worker is done with a window: return what was known when it began; None: not ours."""
        for heard in self.running:
            if heard.window is window:
                if heard is self.quick:
                    self.quick = None
                else:
                    self.careful = None
                return heard
        return None

    def still_open(self, heard: Hearing) -> bool:
        """Tell whether what a pass heard is still open, but for words that are final now."""
        start = heard.start if heard.window.open else self._quick_start
        return start == self._line.open_start

    def unsaid(self, heard: Hearing, text: str) -> str:
        """Return the text of a pass without the words that have become final meanwhile."""
        return text if heard.window.open else rest_behind(self._quick_said, text)

    def cut(self, piece: Utterance, text: str) -> None:
        """The first words of the open piece became final."""
        if self._quick_start == piece.start:
            self._quick_said, self._quick_start = self._quick_said + text, piece.end

    def keep(self, heard: Hearing, answer: Decoded) -> None:
        """Keep what a careful pass has heard."""
        self._heard = (heard, answer)

    def heard_before(self, heard: Hearing) -> tuple[Word, ...]:
        """Return the words that the careful pass before heard of the same piece."""
        if self._heard is None or self._heard[0].start != heard.start:
            return ()
        return tuple(word for one in self._heard[1].hypotheses for word in one.words)

    def kept(self, piece: Utterance) -> Decoded | None:
        """Return what was heard of a piece that has been closed, if it was all of it."""
        return self._heard[1] if self._heard and self._heard[0].covers(piece) else None

    def is_hearing(self, piece: Utterance) -> bool:
        """Tell whether a careful pass that is under way hears all of a closed piece."""
        return self.careful is not None and self.careful.covers(piece)

    def made_final(self, piece: Utterance) -> None:
        """What lies before the end of a piece is final."""
        self._heard = None
        self.alone = False
        self.shown_to = max(self.shown_to, piece.end)

    def heard_before_pause(self) -> tuple[Hearing, Decoded] | None:
        """Return the careful pass that heard all before the present pause, as if it ended now.

        What a short pause leaves in doubt a longer one may decide, without another pass.
        """
        line = self._line
        if self._heard is None or line.pause_cut is None or line.open_start is None:
            return None
        heard, answer = self._heard
        same = (heard.start, heard.last_speech) == (line.open_start, line.last_speech)
        if not same or heard.pause_cut is None:
            return None
        return replace(heard, end=line.position, pause_cut=line.pause_cut), answer

    @property
    def _is_open(self) -> bool:
        return self._line.open_start is not None

    def _is_pause_due(self) -> bool:
        """Tell whether a pause may have ended a sentence, and no careful pass has heard it."""
        return self._line.pause_cut is not None and self._line.last_speech != self._paused_at
