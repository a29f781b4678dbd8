"""The passes of one session over its audio: which are wanted, their windows, their results.

The open piece is heard again and again as new speech comes: quickly, to show its words, and every
second or two carefully, to make final those that will not change any more. What a pause closes is
heard in the final lane. Each window begins with audio that is final already, and its text.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from transcriber.engine.source import Source, Timing
from transcriber.engine.window import (
    PREFIX_S,
    SAMPLE_RATE_HZ,
    Decoded,
    DecodingOptions,
    Hypothesis,
    Lane,
    Window,
    Word,
)
from transcriber.live.closed_pieces import ClosedPieces
from transcriber.live.endpoint import Gap, Utterance
from transcriber.live.intake import AudioSeconds, Intake
from transcriber.live.open_lane import OpenLane, sure
from transcriber.live.pace import Pace
from transcriber.live.pass_log import PassLog
from transcriber.live.settle import HOLD_S
from transcriber.live.transcript import Settled, Transcript
from transcriber.live.windows import Windows

Submit = Callable[[Lane, Source], None]
# Final text before that is no context for what comes.
_TOLD_S = 2 * PREFIX_S


class Passes(Source):
    """See the module. Every method is called with `lock` held, except the three of `Source`."""

    def __init__(
        self,
        options: DecodingOptions,
        intake: Intake,
        transcript: Transcript,
        submit: Submit,
        lock: threading.Condition,
        progress: Callable[[], None],
        pace: Pace,
        hold_s: float = HOLD_S,
    ) -> None:
        self.log, self.pace = PassLog(), pace
        self.windows = Windows(options, intake)
        self._intake = intake
        self._line = intake.endpointer
        self._transcript = transcript
        self._submit = submit
        self._lock = lock
        self._progress = progress
        self._closed = ClosedPieces()
        self._open = OpenLane(
            options,
            intake,
            transcript,
            self.windows,
            pace,
            hold_s,
            lambda: bool(self._closed),
            self._advanced,
        )
        self._on_idle: Callable[[], None] | None = None
        self._withdrawn = False
        self._settled_at_last = Settled()

    # -- wishes ------------------------------------------------------------------------------

    def request(self) -> None:
        """Look at the new audio, and ask for the passes that are wanted now."""
        if self._withdrawn:
            return
        self._open.note_audio()
        self._pull()
        if self._closed and self._closed.window is None and not self._being_heard():
            self._submit(Lane.FINAL, self)
        if self._open.wants_pass() and self._open.turns.ask():
            self._submit(Lane.PARTIAL, self)

    def withdraw(self) -> None:
        """The session goes away: no more passes."""
        self._settled_at_last = self.settled()
        self._withdrawn = True
        self._open.turns.drop()
        self._closed.clear()

    @property
    def idle(self) -> bool:
        """Whether everything that was closed is final."""
        return self._withdrawn or not self._closed

    def when_idle(self, call: Callable[[], None]) -> None:
        """Call once everything is final; at once if it is so already."""
        if self.idle:
            call()
        else:
            self._on_idle = call

    def mark(self) -> int:
        """Return the position up to which audio has come."""
        return self._intake.buffer.end

    def reached(self, mark: int) -> bool:
        """Tell whether all audio before a mark is in the transcript, and what ended is final."""
        return not self._closed.any_before(mark) and self.shown(mark)

    def shown(self, mark: int) -> bool:
        """Tell whether all audio before a mark is in the transcript, or waits until it is due."""
        if self._withdrawn or self._closed.any_unseen_before(mark):
            return False
        if self._line.open_start is None:
            return True
        mark = min(mark, self._line.last_speech)
        return self._open.piece.shown_to >= mark or not self._open.shows_soon(mark)

    def seconds(self) -> AudioSeconds:
        """Return where the session's audio is."""
        return self._intake.seconds(self._closed.samples)

    def settled(self) -> Settled:
        """Return up to where the audio is final or silent, and in how many segments."""
        if self._withdrawn:  # pieces that waited for their turn are gone
            return self._settled_at_last
        # Rounded down: what lies behind the last whole millisecond may still be needed.
        seconds = self.position * 1000 // SAMPLE_RATE_HZ / 1000
        return Settled(seconds, len(self._transcript.segments))

    @property
    def position(self) -> int:
        """The sample before which all is final or silent, while the session goes on."""
        return self._closed.first.start if self._closed else self._intake.needed_from

    def restore(self, settled: int, final: int) -> None:
        """An earlier process was done with what lies before `settled`; see `Intake.restore`."""
        self._intake.restore(settled, final)
        early_s = _seconds(settled) - _TOLD_S
        newest = [one for one in self._transcript.segments if one.end >= early_s]
        self.windows.restore(newest, settled)

    def _pull(self) -> None:
        """Queue the pieces that the endpointer finds, and finish those that need no decoding."""
        self.windows.note_pauses()
        while (event := self._line.next_event()) is not None:
            if isinstance(event, Utterance):
                self._transcript.close()
            self._closed.add(event, self._open.piece.shown_to)
        self._open.advance_in_pause()
        while self._closed:
            head = self._closed.first
            if isinstance(head, Gap):
                self._closed.take()
                self.windows.note_gap()
                start_s, end_s = head.start / SAMPLE_RATE_HZ, head.end / SAMPLE_RATE_HZ
                self._transcript.note_gap(start_s, end_s)
            elif self._closed.window is None and (kept := self._open.piece.kept(head)):
                self._finalise(kept)
            else:
                return

    def _being_heard(self) -> bool:
        """Tell whether a careful pass that is under way hears all of what was closed next."""
        head = self._closed.first
        return isinstance(head, Utterance) and self._open.piece.is_hearing(head)

    # -- the engine asks -----------------------------------------------------------------------

    def next_window(self, lane: Lane) -> Window | None:
        """Return the window of the next piece, or of the open one with its newest audio."""
        with self._lock:
            if self._withdrawn:
                return None
            window = self._next_final() if lane is Lane.FINAL else self._open.next_window()
            if window is None:
                self._progress()
            return window

    def _next_final(self) -> Window | None:
        if self._closed.window is not None or not self._closed or self._being_heard():
            return None
        piece = self._closed.first
        assert isinstance(piece, Utterance), "gaps never wait at the head of the queue"
        window = self.windows.window(Lane.FINAL, piece, self._transcript.heard_of_next)
        self._closed.window = window
        return window

    # -- the engine answers ----------------------------------------------------------------------

    def decoded(self, window: Window, answer: Decoded, timing: Timing) -> None:
        """Take what the model heard in a window."""
        with self._lock:
            self.log.note(window, timing)
            self._pull()
            closed = self._closed.piece_of(window)
            start = closed.start if closed else self._open.piece.start_of(window)
            self.windows.note_language(window, answer, start)
            if window is self._closed.window:
                self._closed.heard()
                if self._closed:  # not withdrawn meanwhile
                    self._finalise(answer)
            elif not self._withdrawn:
                self._open.decoded(window, answer, timing)
            self._after_pass()

    def failed(self, window: Window, error: Exception) -> None:
        """The model raised: a piece is tried once more, a partial pass is let go."""
        with self._lock:
            if window is self._closed.window:
                if self._closed.failed():
                    self._finalise(None)
            elif not self._withdrawn:
                self._open.failed(window)
            self._after_pass()

    def _finalise(self, answer: Decoded | None) -> None:
        """The oldest closed piece becomes final."""
        piece = self._closed.take()
        assert isinstance(piece, Utterance)
        self._transcript.finalise(answer, _seconds(piece.start))
        heard = answer.hypotheses if answer else ()
        is_sure = answer is not None and (not heard or sure(answer))
        words = [word for one in heard for word in one.words]
        self._made_final(piece, answer.text if answer else "", is_sure, words)

    def _advanced(self, piece: Utterance, heard: Hypothesis) -> None:
        """The beginning of the open piece became final."""
        self._made_final(piece, heard.text, True, heard.words)

    def _made_final(
        self, piece: Utterance, text: str, is_sure: bool, words: Sequence[Word]
    ) -> None:
        self._open.piece.made_final(piece)
        self.windows.made_final(piece, text, is_sure, words)
        self._intake.made_final(piece)
        self._intake.buffer.forget_before(piece.end - int(2 * PREFIX_S * SAMPLE_RATE_HZ))

    def _after_pass(self) -> None:
        self.request()
        self._progress()
        if self._on_idle is not None and self.idle:
            call, self._on_idle = self._on_idle, None
            call()


def _seconds(samples: int) -> float:
    return samples / SAMPLE_RATE_HZ
