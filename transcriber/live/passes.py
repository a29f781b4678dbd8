"""The passes of one session over its audio: which are wanted, their windows, their results.

The open piece is heard again and again as new speech comes: quickly, to show its words, and every
second or two carefully, to make final those that will not change any more. What a pause closes is
heard in the final lane. Each window begins with audio that is final already, and its text.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from transcriber.engine.pool import Source, Timing
from transcriber.engine.window import (
    SAMPLE_RATE_HZ,
    Decoded,
    DecodingOptions,
    Hypothesis,
    Lane,
    Window,
)
from transcriber.live.closed_pieces import ClosedPieces
from transcriber.live.context import LEFT_S
from transcriber.live.endpoint import Gap, Utterance
from transcriber.live.hearing import Hearing
from transcriber.live.intake import AudioSeconds, Intake
from transcriber.live.open_piece import OpenPiece
from transcriber.live.pace import Pace, Turns
from transcriber.live.pass_log import PassLog
from transcriber.live.settle import HOLD_S, settle
from transcriber.live.transcript import Settled, Transcript
from transcriber.live.windows import Windows

Submit = Callable[[Lane, Source], None]

# An open piece this long becomes final even by a pass that leaves out words of those before.
_BELIEVED_S = 8.0


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
        self._turns = Turns(pace)
        self._options = options
        self._hold_s = hold_s
        self._intake = intake
        self._line = intake.endpointer
        self._transcript = transcript
        self._submit = submit
        self._lock = lock
        self._progress = progress
        self._closed = ClosedPieces()
        self._open = OpenPiece(self._line)
        self._on_idle: Callable[[], None] | None = None
        self._withdrawn = False
        self._settled_at_last = Settled()

    # -- wishes ------------------------------------------------------------------------------

    def request(self) -> None:
        """Look at the new audio, and ask for the passes that are wanted now."""
        if self._withdrawn:
            return
        self._pull()
        if self._closed and self._closed.window is None and not self._being_heard():
            self._submit(Lane.FINAL, self)
        if self._open.running is None and self._open.wants_pass() and self._turns.ask():
            self._submit(Lane.PARTIAL, self)

    def withdraw(self) -> None:
        """The session goes away: no more passes."""
        self._settled_at_last = self.settled()
        self._withdrawn = True
        self._turns.drop()
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
        return self._open.shown_to >= mark or not self._shows_soon(mark)

    def seconds(self) -> AudioSeconds:
        """Return where the session's audio is."""
        return self._intake.seconds(self._closed.samples)

    def settled(self) -> Settled:
        """Return up to where the audio is final or silent, and in how many segments."""
        if self._withdrawn:  # pieces that waited for their turn are gone
            return self._settled_at_last
        position = self._closed.first.start if self._closed else self._intake.needed_from
        # Rounded down: what lies behind the last whole millisecond may still be needed.
        seconds = position * 1000 // SAMPLE_RATE_HZ / 1000
        return Settled(seconds, len(self._transcript.segments))

    def _pull(self) -> None:
        """Queue the pieces that the endpointer finds, and finish those that need no decoding."""
        self.windows.note_pauses()
        while (event := self._line.next_event()) is not None:
            if isinstance(event, Utterance):
                self._transcript.close()
            self._closed.add(event, self._open.shown_to)
        if self._open.running is None and (heard := self._open.heard_before_pause()):
            self._advance(heard[0], heard[1].hypotheses[0])
        while self._closed:
            head = self._closed.first
            if isinstance(head, Gap):
                self._closed.take()
                self.windows.note_gap()
                start_s, end_s = head.start / SAMPLE_RATE_HZ, head.end / SAMPLE_RATE_HZ
                self._transcript.note_gap(start_s, end_s)
            elif self._closed.window is None and (kept := self._open.kept(head)):
                self._finalise(kept)
            else:
                return

    def _being_heard(self) -> bool:
        """Tell whether a careful pass that is under way hears all of what was closed next."""
        head = self._closed.first
        return isinstance(head, Utterance) and self._open.is_hearing(head)

    def _shows_soon(self, mark: int) -> bool:
        """Tell whether a pass that runs, waits or is due will show the audio before a mark."""
        if self._turns.asked:
            return True
        running = self._open.running
        return running is not None and (mark <= running.end or self._turns.is_due)

    # -- the engine asks -----------------------------------------------------------------------

    def next_window(self, lane: Lane) -> Window | None:
        """Return the window of the next piece, or of the open one with its newest audio."""
        with self._lock:
            if self._withdrawn:
                return None
            window = self._next_final() if lane is Lane.FINAL else self._next_open()
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

    def _next_open(self) -> Window | None:
        start = self._line.open_start
        if self._open.running or start is None or not self._open.wants_pass():
            self._turns.drop()
            return None
        self._turns.taken()
        end = self._intake.buffer.end
        # Nothing can become final before what was said before it.
        careful = not self._closed and self._open.wants_careful(end)
        lane = Lane.FINAL if careful else Lane.PARTIAL
        piece = Utterance(start, end, end, self._line.last_speech, self._line.open_speech_s)
        window = self.windows.window(lane, piece, self._transcript.heard_of_open, self._open.alone)
        window = replace(window, open=careful)
        self._open.begin(window, end)
        return window

    # -- the engine answers ----------------------------------------------------------------------

    def decoded(self, window: Window, answer: Decoded, timing: Timing) -> None:
        """Take what the model heard in a window."""
        with self._lock:
            self.log.note(window, timing)
            self._pull()
            self.windows.note_language(window, answer, self._closed.piece_of(window))
            if window is self._closed.window:
                self._closed.heard()
                if self._closed:  # not withdrawn meanwhile
                    self._finalise(answer)
            elif (heard := self._open.running) and window is heard.window:
                self._turns.done(window.seconds, timing)
                self._take(heard, answer)
            self._after_pass()

    def failed(self, window: Window, error: Exception) -> None:
        """The model raised: a piece is tried once more, a partial pass is let go."""
        with self._lock:
            if window is self._closed.window:
                if self._closed.failed():
                    self._finalise(None)
            elif (heard := self._open.running) and window is heard.window:
                self._turns.drop()
                self._take(heard, None)
            self._after_pass()

    def _take(self, heard: Hearing, answer: Decoded | None) -> None:
        """Show what was heard of the open piece, and make final what will not change."""
        self._open.running = None
        if self._withdrawn:
            return
        is_open = heard.start == self._line.open_start  # or it has been closed in the meantime
        if is_open:
            self._open.shown_to = max(self._open.shown_to, heard.end)
        if answer is None:
            return
        doubtful = False
        if is_open and self._transcript.loses(answer.text):
            self._open.alone = True
            # The next pass will tell; what has been open for too long is believed.
            doubtful = heard.seconds < _BELIEVED_S
        if heard.window.open and _sure(answer) and not doubtful:
            self._open.keep(heard, answer)
            if is_open and self._advance(heard, answer.hypotheses[0]):
                return
        if is_open:
            self._transcript.show(answer.text, _seconds(heard.end), self._is_cut_off(heard))

    def _is_cut_off(self, heard: Hearing) -> bool:
        """Tell whether the next pass, which is near, will hear the end of the last word."""
        return heard.cut_off and not self.pace.interval_s

    def _advance(self, heard: Hearing, hypothesis: Hypothesis) -> bool:
        """Make the first words of the open piece final, if they are; tell whether they were."""
        language = self.windows.language.fixed
        if self._closed or language is None:  # what was said before is not final yet
            return False
        whole_only = self._options.task == "translate"
        found = settle(heard, hypothesis, self._hold_s, whole_only)
        if found is None or not heard.start < found.cut < self._line.position:
            return False
        rest = found.rest
        if rest and not self._line.speech_behind(found.cut):
            return False  # the words behind the cut would have nothing to be heard from
        piece = self._line.cut(found.cut)
        self._transcript.advance(
            found.final,
            _seconds(piece.start),
            rest.text if rest else "",
            _seconds(heard.end),
            self._is_cut_off(heard),
        )
        self._made_final(piece, found.final.text, sure=True)
        if rest:  # if a pause closes what is left, it has been heard already
            left = Decoded((rest,), language, 1.0)
            self._open.keep(replace(heard, start=found.cut), left)
        return True

    def _finalise(self, answer: Decoded | None) -> None:
        """The oldest closed piece becomes final."""
        piece = self._closed.take()
        assert isinstance(piece, Utterance)
        self._transcript.finalise(answer, _seconds(piece.start))
        silent = answer is not None and not answer.hypotheses
        sure = silent or (answer is not None and _sure(answer))
        self._made_final(piece, answer.text if answer else "", sure)

    def _made_final(self, piece: Utterance, text: str, sure: bool) -> None:
        self._open.made_final(piece)
        self.windows.made_final(piece, text, sure)
        self._intake.made_final(piece)
        self._intake.buffer.forget_before(piece.end - int(2 * LEFT_S * SAMPLE_RATE_HZ))

    def _after_pass(self) -> None:
        self.request()
        self._progress()
        if self._on_idle is not None and self.idle:
            call, self._on_idle = self._on_idle, None
            call()


def _seconds(samples: int) -> float:
    return samples / SAMPLE_RATE_HZ


def _sure(answer: Decoded) -> bool:
    """Tell whether something was heard, and all of it without trouble."""
    return bool(answer.hypotheses) and all(one.sure for one in answer.hypotheses)
