"""The passes over the piece that is still being spoken: their windows, and what becomes of them.

Quick ones show its words; careful ones make its first words final, while the rest stays open.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from transcriber.engine.source import Timing
from transcriber.engine.window import (
    SAMPLE_RATE_HZ,
    Decoded,
    DecodingOptions,
    Hypothesis,
    Lane,
    Window,
    Word,
)
from transcriber.live.endpoint import Utterance
from transcriber.live.hearing import Hearing
from transcriber.live.intake import Intake
from transcriber.live.open_piece import OpenPiece
from transcriber.live.pace import Pace, Turns
from transcriber.live.settle import settle
from transcriber.live.transcript import Transcript
from transcriber.live.windows import Windows

# An open piece this long becomes final even by a pass that leaves out words of those before.
_BELIEVED_S = 8.0
# Where chunks are longer, the next pass is too far to leave a word to it.
_NEAR_S = 1.0


class OpenLane:
    """See the module. Not thread-safe: its session guards it.

    Args:
        options: the session's.
        intake: where its audio comes in.
        transcript: where its text goes.
        windows: what its passes hear.
        pace: how often it may have one.
        hold_s: see `settle`.
        is_blocked: tells whether something said before is not final yet, so nothing here can be.
        made_final: called with a piece that became final, and its hypothesis.

    Attributes:
        piece: the open piece.
        turns: the session's turns in the pool.
    """

    def __init__(
        self,
        options: DecodingOptions,
        intake: Intake,
        transcript: Transcript,
        windows: Windows,
        pace: Pace,
        hold_s: float,
        is_blocked: Callable[[], bool],
        made_final: Callable[[Utterance, Hypothesis], None],
    ) -> None:
        self.piece = OpenPiece(intake.endpointer)
        self.turns = Turns(pace)
        self._whole_only = options.task == "translate"
        self._buffer = intake.buffer
        self._line = intake.endpointer
        self._transcript = transcript
        self._windows = windows
        self._pace = pace
        self._hold_s = hold_s
        self._is_blocked = is_blocked
        self._made_final = made_final
        self._end = self._newest = 0  # of the audio, and how much the last chunk brought of it

    def note_audio(self) -> None:
        """More audio may have come: remember how much at once."""
        end = self._buffer.end
        if end > self._end:
            self._newest, self._end = end - self._end, end

    def wants_pass(self) -> bool:
        """Tell whether there is new speech to show, or to make final.

        A quick and a careful pass at the same time are for a machine that has time for both.
        """
        if self.piece.running and self._pace.interval_s:
            return False
        return self.piece.wants_quick() or self._wants_careful()

    def shows_soon(self, mark: int) -> bool:
        """Tell whether a pass that runs, waits or is due will show the audio before a mark."""
        running = self.piece.running
        if self.turns.asked:
            return True
        return bool(running) and (self.turns.is_due or any(mark <= one.end for one in running))

    def next_window(self) -> Window | None:
        """Return the window of the pass that is wanted most, with the newest audio."""
        start, careful = self._line.open_start, self._wants_careful()
        if start is None or not (careful or self.piece.wants_quick()):
            self.turns.drop()
            return None
        self.turns.taken()
        end = self._buffer.end
        lane = Lane.FINAL if careful else Lane.PARTIAL
        piece = Utterance(start, end, end, self._line.last_speech, self._line.open_speech_s)
        shown = self._transcript.heard_of_open
        window = self._windows.window(lane, piece, shown, self.piece.alone)
        window = replace(window, open=careful)
        self.piece.begin(window, end)
        return window

    def decoded(self, window: Window, answer: Decoded, timing: Timing) -> None:
        """Show what a pass heard of the open piece, and make final what will not change."""
        if heard := self.piece.end(window):
            self.turns.done(window.seconds, timing)
            self._take(heard, answer)

    def failed(self, window: Window) -> None:
        """A pass gave no answer: the next one will tell."""
        if heard := self.piece.end(window):
            self.turns.drop()
            if self.piece.still_open(heard):
                self.piece.shown_to = max(self.piece.shown_to, heard.end)

    def advance_in_pause(self) -> None:
        """Make final what a pause that has grown leaves no doubt about, without another pass."""
        if self.piece.careful is None and (found := self.piece.heard_before_pause()):
            self._advance(found[0], found[1].hypotheses[0])

    def _wants_careful(self) -> bool:
        wanted = self.piece.has_news and self.piece.wants_careful(self._buffer.end)
        return wanted and not self._is_blocked()

    def _take(self, heard: Hearing, answer: Decoded) -> None:
        is_open = self.piece.still_open(heard)  # or it has been closed in the meantime
        older = heard.end < self.piece.shown_to  # a quicker pass has shown more
        text = self.piece.unsaid(heard, answer.text)
        doubtful = False
        if is_open:
            self.piece.shown_to = max(self.piece.shown_to, heard.end)
            if self._transcript.loses(text, older):
                self.piece.alone = True
                # The next pass will tell; what has been open for too long is believed.
                doubtful = heard.seconds < _BELIEVED_S
            if heard.window.open:
                self._transcript.confirm(text)
        if heard.window.open and sure(answer) and not doubtful:
            before = self.piece.heard_before(heard)
            self.piece.keep(heard, answer)
            if is_open and self._advance(heard, answer.hypotheses[0], before, older):
                return
        if is_open and not older:
            likely = answer.hypotheses[0].likely if answer.hypotheses else ()
            self._show(heard, text, likely)

    def _show(self, heard: Hearing, text: str, likely: Sequence[float]) -> None:
        """Show what is open of a pass's text; `likely` may tell of final words before it too."""
        likely = likely[max(0, len(likely) - len(text.split())) :]
        # Whether the next pass, which is near, will hear the end of the last word.
        near = self._newest <= _NEAR_S * SAMPLE_RATE_HZ and not self._pace.interval_s
        self._transcript.show(text, heard.end / SAMPLE_RATE_HZ, heard.cut_off and near, likely)

    def _advance(
        self,
        heard: Hearing,
        hypothesis: Hypothesis,
        before: Sequence[Word] = (),
        older: bool = False,
    ) -> bool:
        """Make the first words of the open piece final, if they are; tell whether they were.

        Args:
            heard, hypothesis, before: see `settle`.
            older: what is shown of the rest is newer than what this pass heard.
        """
        language = self._windows.language.fixed
        if self._is_blocked() or language is None:
            return False
        found = settle(heard, hypothesis, before, self._hold_s, self._whole_only)
        if found is None or not heard.start < found.cut < self._line.position:
            return False
        rest = found.rest
        if rest and not self._line.speech_behind(found.cut):
            return False  # the words behind the cut would have nothing to be heard from
        piece = self._line.cut(found.cut)
        self.piece.cut(piece, found.final.text)
        self._transcript.advance(found.final, piece.start / SAMPLE_RATE_HZ)
        if not older:
            self._show(heard, rest.text if rest else "", hypothesis.likely)
        self._made_final(piece, found.final)
        if rest:  # if a pause closes what is left, it has been heard already
            left = Decoded((rest,), language, 1.0)
            self.piece.keep(replace(heard, start=found.cut), left)
        return True


def sure(answer: Decoded) -> bool:
    """Tell whether something was heard, and all of it without trouble."""
    return bool(answer.hypotheses) and all(one.sure for one in answer.hypotheses)
