"""The passes of one session over its audio: which are wanted, their windows, their results.

The open piece is heard again and again as new speech comes: quickly, to show its words, and every
few seconds carefully, to make final those that will not change any more. What a pause closes is
heard in the final lane. Each window begins with audio that is final already, and its text.
"""

from __future__ import annotations

import threading
from collections import deque
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
from transcriber.live.context import LEFT_S, Context
from transcriber.live.endpoint import Gap, Utterance
from transcriber.live.intake import AudioSeconds, Intake, Skip
from transcriber.live.language import LanguageChoice
from transcriber.live.pace import Pace, Turns
from transcriber.live.pass_log import PassLog
from transcriber.live.settle import CAREFUL_EVERY_S, HOLD_S, Hearing, settle
from transcriber.live.transcript import Settled, Transcript

Submit = Callable[[Lane, Source], None]

_TRIES = 2


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
        each_utterance = options.language_detection == "utterance"
        self.language = LanguageChoice(options.language, each_utterance)
        self._turns = Turns(pace)
        self._options = options
        self._hold_s = hold_s
        self._intake = intake
        self._line = intake.endpointer
        self._transcript = transcript
        self._submit = submit
        self._lock = lock
        self._progress = progress
        self._context = Context()
        self._queue: deque[Utterance | Gap] = deque()
        self._final_window: Window | None = None
        self._tries = 0
        self._open: Hearing | None = None
        self._careful_to = 0  # audio that a careful pass has heard
        self._paused_at = 0  # the end of the speech that one has heard in the pause after it
        self._parted_at = 0
        # The last careful pass, in case a pause closes what it heard.
        self._heard: tuple[Hearing, Decoded] | None = None
        self._shown_to = 0  # audio that the partial text covers
        self._unseen: set[Utterance] = set()  # closed before all of it was shown
        self._on_idle: Callable[[], None] | None = None
        self._withdrawn = False
        self._settled_at_last = Settled()

    def skip(self, skip: Skip) -> None:
        """Leave the beginning to an earlier session; call it before anything is decoded.

        Its last words stand before the first ones here, as if they had been heard here.
        """
        self._intake.skip_to(skip.seconds)
        if skip.text.strip():
            start, end = (int(time_s * SAMPLE_RATE_HZ) for time_s in (skip.text_s, skip.seconds))
            self._context.note(Utterance(start, end, end, end, 0.0), skip.text, sure=True)

    # -- wishes ------------------------------------------------------------------------------

    def request(self) -> None:
        """Look at the new audio, and ask for the passes that are wanted now."""
        if self._withdrawn:
            return
        self._pull()
        if self._queue and self._final_window is None and not self._being_heard():
            self._submit(Lane.FINAL, self)
        if self._wants_partial() and self._open is None and self._turns.ask():
            self._submit(Lane.PARTIAL, self)

    def withdraw(self) -> None:
        """The session goes away: no more passes."""
        self._settled_at_last = self.settled()
        self._withdrawn = True
        self._turns.drop()
        self._queue.clear()

    @property
    def idle(self) -> bool:
        """Whether everything that was closed is final."""
        return self._withdrawn or not self._queue

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
        return not any(item.start < mark for item in self._queue) and self.shown(mark)

    def shown(self, mark: int) -> bool:
        """Tell whether all audio before a mark is in the transcript, or waits until it is due."""
        unseen = (piece.start < mark and piece in self._unseen for piece in self._closed())
        if self._withdrawn or any(unseen):
            return False
        if self._line.open_start is None:
            return True
        mark = min(mark, self._line.last_speech)
        return self._shown_to >= mark or not self._shows_soon(mark)

    def seconds(self) -> AudioSeconds:
        """Return where the session's audio is."""
        return self._intake.seconds(sum(piece.end - piece.start for piece in self._closed()))

    def settled(self) -> Settled:
        """Return up to where the audio is final or silent, and in how many segments."""
        if self._withdrawn:  # pieces that waited for their turn are gone from the queue
            return self._settled_at_last
        position = self._queue[0].start if self._queue else self._intake.needed_from
        # Rounded down: what lies behind the last whole millisecond may still be needed.
        seconds = position * 1000 // SAMPLE_RATE_HZ / 1000
        return Settled(seconds, len(self._transcript.segments))

    def _closed(self) -> list[Utterance]:
        return [item for item in self._queue if isinstance(item, Utterance)]

    def _pull(self) -> None:
        """Queue the pieces that the endpointer finds, and finish those that need no decoding."""
        if self.language.each_utterance and self._line.parted_at != self._parted_at:
            self._parted_at = self._line.parted_at
            self.language.new_utterance()
            self._context.part(self._parted_at)
        while (event := self._line.next_event()) is not None:
            if isinstance(event, Utterance):
                self._transcript.close()
                if event.speech_end > self._shown_to:
                    self._unseen.add(event)
            self._queue.append(event)
        while self._queue:
            head = self._queue[0]
            if isinstance(head, Gap):
                self._queue.popleft()
                self._context.forget()
                start_s, end_s = head.start / SAMPLE_RATE_HZ, head.end / SAMPLE_RATE_HZ
                self._transcript.note_gap(start_s, end_s)
            elif self._final_window is None and self._heard and self._heard[0].covers(head):
                self._finalise(self._heard[1])
            else:
                return

    def _being_heard(self) -> bool:
        """Tell whether a careful pass that is under way hears all of what was closed next."""
        head = self._queue[0]
        running = self._open
        if running is None or not running.window.open or not isinstance(head, Utterance):
            return False
        return running.covers(head)

    def _wants_partial(self) -> bool:
        if self._line.open_start is None:
            return False
        return self._line.last_speech > self._shown_to or self._is_pause_due()

    def _is_pause_due(self) -> bool:
        """Tell whether a pause may have ended a sentence, and no careful pass has heard it."""
        return self._line.pause_cut is not None and self._line.last_speech != self._paused_at

    def _shows_soon(self, mark: int) -> bool:
        """Tell whether a pass that runs, waits or is due will show the audio before a mark."""
        if self._turns.asked:
            return True
        return self._open is not None and (mark <= self._open.end or self._turns.is_due)

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
        if self._final_window is not None or not self._queue or self._being_heard():
            return None
        piece = self._queue[0]
        assert isinstance(piece, Utterance), "gaps never wait at the head of the queue"
        window = self._window(Lane.FINAL, piece.start, piece.heard_to, piece.speech_s)
        self._final_window = window
        return window

    def _next_open(self) -> Window | None:
        start = self._line.open_start
        if self._open is not None or start is None or not self._wants_partial():
            self._turns.drop()
            return None
        self._turns.taken()
        end = self._intake.buffer.end
        careful = self._is_careful_due(start, end)
        lane = Lane.FINAL if careful else Lane.PARTIAL
        window = self._window(lane, start, end, self._line.open_speech_s)
        if careful:
            window = replace(window, open=True)
            self._careful_to = end
            if self._line.pause_cut is not None:
                self._paused_at = self._line.last_speech
        self._open = Hearing(window, start, end, self._line.last_speech, self._line.pause_cut)
        return window

    def _is_careful_due(self, start: int, end: int) -> bool:
        """Tell whether the next pass over the open piece shall make words final.

        One does each few seconds, and at a pause: what is said before it may be all that is said.
        """
        if self._queue:  # nothing can become final before what was said before it
            return False
        new = end - max(start, self._careful_to)
        return self._is_pause_due() or new >= CAREFUL_EVERY_S * SAMPLE_RATE_HZ

    def _window(self, lane: Lane, start: int, end: int, speech_s: float) -> Window:
        left = self._context.left_of(start, end)
        return Window(
            audio=self._intake.buffer.read(left.start, end),
            lane=lane,
            options=self._options,
            language=self.language.fixed,
            expected_language=self.language.expected,
            prefix=left.text,
            prefix_s=(start - left.start) / SAMPLE_RATE_HZ,
            least_letters=self._context.least_letters(speech_s) if lane is Lane.FINAL else 0,
        )

    # -- the engine answers ----------------------------------------------------------------------

    def decoded(self, window: Window, answer: Decoded, timing: Timing) -> None:
        """Take what the model heard in a window."""
        with self._lock:
            self.log.note(window, timing)
            self._pull()
            if answer.hypotheses:
                self._note_language(window, answer)
            if window is self._final_window:
                self._final_window, self._tries = None, 0
                if self._queue:  # not withdrawn meanwhile
                    self._finalise(answer)
            elif self._open is not None and window is self._open.window:
                self._turns.done(window.seconds, timing)
                self._take(self._open, answer)
            self._after_pass()

    def _note_language(self, window: Window, answer: Decoded) -> None:
        head = self._queue[0] if window is self._final_window and self._queue else None
        earlier = isinstance(head, Utterance) and head.end <= self._parted_at
        seconds = window.seconds - window.prefix_s
        self.language.heard(answer.language, answer.language_probability, seconds, earlier)

    def failed(self, window: Window, error: Exception) -> None:
        """The model raised: a piece is tried once more, a partial pass is let go."""
        with self._lock:
            if window is self._final_window:
                self._final_window = None
                self._tries += 1
                if self._tries >= _TRIES and self._queue:
                    self._tries = 0
                    self._finalise(None)
            elif self._open is not None and window is self._open.window:
                self._turns.drop()
                self._take(self._open, None)
            self._after_pass()

    def _take(self, heard: Hearing, answer: Decoded | None) -> None:
        """Show what was heard of the open piece, and make final what will not change."""
        self._open = None
        if self._withdrawn:
            return
        if heard.window.open and answer is not None and _sure(answer):
            self._heard = (heard, answer)
        if heard.start != self._line.open_start:  # it has been closed in the meantime
            return
        self._shown_to = max(self._shown_to, heard.end)
        if answer is None:
            return
        hypothesis = answer.hypotheses[0] if answer.hypotheses else None
        if hypothesis is None or not heard.window.open or not self._advance(heard, hypothesis):
            self._transcript.show(answer.text)

    def _advance(self, heard: Hearing, hypothesis: Hypothesis) -> bool:
        """Make the first words of the open piece final, if they are; tell whether they were."""
        if self._queue or self.language.fixed is None:  # what was said before is not final yet
            return False
        whole_only = self._options.task == "translate"
        found = settle(heard, hypothesis, self._hold_s, whole_only)
        if found is None or not heard.start < found.cut < self._line.position:
            return False
        rest = found.rest
        if rest and not self._line.speech_behind(found.cut):
            return False  # the words behind the cut would have nothing to be heard from
        piece = self._line.cut(found.cut)
        self._transcript.advance(found.final, _seconds(piece.start), rest.text if rest else "")
        self._made_final(piece, found.final.text, sure=True)
        if rest:  # if a pause closes what is left, it has been heard already
            left = Decoded((rest,), self.language.fixed, 1.0)
            self._heard = (replace(heard, start=found.cut), left)
        return True

    def _finalise(self, answer: Decoded | None) -> None:
        """The oldest closed piece becomes final."""
        piece = self._queue.popleft()
        assert isinstance(piece, Utterance)
        self._unseen.discard(piece)
        self._transcript.finalise(answer, _seconds(piece.start))
        silent = answer is not None and not answer.hypotheses
        sure = silent or (answer is not None and _sure(answer))
        self._made_final(piece, answer.text if answer else "", sure)

    def _made_final(self, piece: Utterance, text: str, sure: bool) -> None:
        self._heard = None
        self._context.note(piece, text, sure)
        self._intake.made_final(piece)
        self._shown_to = max(self._shown_to, piece.end)
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
