"""The passes of one session over its audio: which are wanted, their windows, their results.

The final lane decodes pieces in order, because each has the ones before as its context. The partial
lane decodes the open piece whenever new speech has come and the service's pace allows it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from transcriber.engine.pool import Source, Timing
from transcriber.engine.window import SAMPLE_RATE_HZ, Decoded, DecodingOptions, Lane, Window
from transcriber.live.context import LEFT_S, Context
from transcriber.live.endpoint import Gap, Utterance
from transcriber.live.intake import AudioSeconds, Intake
from transcriber.live.language import LanguageChoice
from transcriber.live.pace import Pace, Turns
from transcriber.live.pass_log import PassLog
from transcriber.live.transcript import Settled, Transcript

Submit = Callable[[Lane, Source], None]

# The prompt is the text just before; more words than this bring old errors, not accuracy.
PROMPT_WORDS = 20
# The partial lane looks at no more than Whisper's window less the silence it needs at the end.
_PARTIAL_SAMPLES = 27 * SAMPLE_RATE_HZ
_TRIES = 2
_SENTENCE_ENDS = ".?!…؟۔。！？।"  # noqa: RUF001 (each script's own)


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
    ) -> None:
        self.log, self.pace = PassLog(), pace
        self._turns = Turns(pace)
        self.language = LanguageChoice(options.language)
        self._options = options
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
        # What was decoded but ended no sentence, in case the pause settles it after all.
        self._rejected: tuple[Utterance, Decoded] | None = None
        self._partial_window: Window | None = None
        self._partial_start = self._partial_end = 0
        self._shown_to = 0  # audio that the partial text covers
        self._on_idle: Callable[[], None] | None = None
        self._withdrawn = False
        self._settled_at_last = Settled()

    # -- wishes ------------------------------------------------------------------------------

    def request(self) -> None:
        """Look at the new audio, and ask for the passes that are wanted now."""
        if self._withdrawn:
            return
        self._pull()
        if self._queue and self._final_window is None:
            self._submit(Lane.FINAL, self)
        if self._wants_partial() and self._partial_window is None and self._turns.ask():
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
        return self._withdrawn or (not self._queue and self._line.caught_up)

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
        waits = self._line.waiting_for_verdict or any(item.start < mark for item in self._queue)
        return not waits and self.shown(mark)

    def shown(self, mark: int) -> bool:
        """Tell whether all audio before a mark is in the transcript, or waits until it is due."""
        closed = [item for item in self._queue if isinstance(item, Utterance) and item.settled]
        if self._withdrawn or any(piece.start < mark for piece in closed):
            return False
        if self._line.open_start is None:
            return True
        mark = min(mark, self._line.last_speech)
        return self._shown_to >= mark or not self._shows_soon(mark)

    def seconds(self) -> AudioSeconds:
        """Return where the session's audio is."""
        closed = [piece for piece in self._queue if isinstance(piece, Utterance) and piece.settled]
        return self._intake.seconds(sum(piece.end - piece.start for piece in closed))

    def settled(self) -> Settled:
        """Return up to where the audio is final or silent, and in how many segments."""
        if self._withdrawn:  # pieces that waited for their turn are gone from the queue
            return self._settled_at_last
        position = self._queue[0].start if self._queue else self._intake.needed_from
        # Rounded down: what lies behind the last whole millisecond may still be needed.
        seconds = position * 1000 // SAMPLE_RATE_HZ / 1000
        return Settled(seconds, len(self._transcript.segments))

    def _pull(self) -> None:
        """Queue the pieces that the endpointer finds, and finish those that need no decoding."""
        while (event := self._line.next_event()) is not None:
            if isinstance(event, Utterance) and event.settled:
                self._transcript.close()
            self._queue.append(event)
        while self._queue:
            head = self._queue[0]
            if isinstance(head, Gap):
                self._queue.popleft()
                self._context.forget()
                start_s, end_s = head.start / SAMPLE_RATE_HZ, head.end / SAMPLE_RATE_HZ
                self._transcript.note_gap(start_s, end_s)
            elif self._rejected and head.settled and self._rejected[0].end == head.end:
                self._finalise(self._rejected[1])
            else:
                return

    def _wants_partial(self) -> bool:
        return self._line.open_start is not None and self._line.last_speech > self._shown_to

    def _shows_soon(self, mark: int) -> bool:
        """Tell whether a pass that runs, waits or is due will show the audio before a mark."""
        runs = self._partial_window is not None
        return self._turns.asked or (runs and (mark <= self._partial_end or self._turns.is_due))

    # -- the engine asks -----------------------------------------------------------------------

    def next_window(self, lane: Lane) -> Window | None:
        """Return the window of the next piece, or of the open one with its newest audio."""
        with self._lock:
            if self._withdrawn:
                return None
            window = self._next_final() if lane is Lane.FINAL else self._next_partial()
            if window is None:
                self._progress()
            return window

    def _next_final(self) -> Window | None:
        if self._final_window is not None or not self._queue:
            return None
        piece = self._queue[0]
        assert isinstance(piece, Utterance), "gaps never wait at the head of the queue"
        left = self._context.left_of(piece)
        self._final_window = Window(
            audio=self._intake.buffer.read(left.start, piece.heard_to),
            lane=Lane.FINAL,
            options=self._options,
            language=self.language.fixed,
            prefix=left.text,
            prefix_s=(piece.start - left.start) / SAMPLE_RATE_HZ,
            least_letters=self._context.least_letters(piece),
        )
        return self._final_window

    def _next_partial(self) -> Window | None:
        start = self._line.open_start
        if self._partial_window is not None or start is None or not self._wants_partial():
            self._turns.drop()
            return None
        self._turns.taken()
        end = self._intake.buffer.end
        self._partial_start, self._partial_end = start, end
        text = self._transcript.tail(PROMPT_WORDS) + self._transcript.closing_text()
        self._partial_window = Window(
            audio=self._intake.buffer.read(max(start, end - _PARTIAL_SAMPLES), end),
            lane=Lane.PARTIAL,
            options=self._options,
            language=self.language.fixed,
            previous_text=text.strip(),
        )
        return self._partial_window

    # -- the engine answers ----------------------------------------------------------------------

    def decoded(self, window: Window, answer: Decoded, timing: Timing) -> None:
        """Take what the model heard in a window."""
        with self._lock:
            self.log.note(window, timing)
            if window.lane is Lane.PARTIAL:
                self._turns.done(window.seconds, timing)
            if answer.hypotheses:
                self.language.heard(
                    answer.language, answer.language_probability, window.seconds - window.prefix_s
                )
            if window is self._final_window:
                self._judge(answer)
            elif window is self._partial_window:
                self._show(answer)
            self._after_pass()

    def failed(self, window: Window, error: Exception) -> None:
        """The model raised: a piece is tried once more, a partial pass is let go."""
        with self._lock:
            if window is self._final_window:
                self._final_window = None
                self._tries += 1
                if self._tries >= _TRIES:
                    self._give_up()
            elif window is self._partial_window:
                self._turns.drop()
                self._show(None)
            self._after_pass()

    def _judge(self, answer: Decoded) -> None:
        """A settled piece becomes final; a proposed one only if its text ends a sentence."""
        self._final_window, self._tries = None, 0
        if not self._queue:  # withdrawn meanwhile
            return
        piece = self._queue[0]
        assert isinstance(piece, Utterance)
        if piece.settled:
            self._finalise(answer)
        elif ends_sentence(answer.text):
            self._line.accept()
            self._transcript.close()
            self._finalise(answer)
            self._shown_to = piece.end  # what was shown beyond it went with it
        else:
            self._line.reject()
            self._queue.popleft()
            self._rejected = (piece, answer)
            if answer.text and self._shown_to < piece.heard_to:
                self._transcript.show(answer.text)
                self._shown_to = piece.heard_to

    def _give_up(self) -> None:
        """The model raised twice: a proposal is dropped, a settled piece keeps its partial text."""
        self._tries = 0
        piece = self._queue[0] if self._queue else None
        if isinstance(piece, Utterance) and not piece.settled:
            self._line.reject()
            self._queue.popleft()
        elif piece is not None:
            self._finalise(None)

    def _finalise(self, answer: Decoded | None) -> None:
        piece = self._queue.popleft()
        assert isinstance(piece, Utterance)
        self._rejected = None
        self._transcript.finalise(answer, piece.start / SAMPLE_RATE_HZ)
        self._context.note(piece, answer)
        self._intake.made_final(piece)
        self._shown_to = max(self._shown_to, piece.end)
        self._intake.buffer.forget_before(piece.end - int(2 * LEFT_S * SAMPLE_RATE_HZ))

    def _show(self, answer: Decoded | None) -> None:
        """Show a partial text, unless its piece has been closed in the meantime."""
        self._partial_window = None
        if self._partial_start == self._line.open_start:
            self._shown_to = max(self._shown_to, self._partial_end)
            if answer is not None:
                self._transcript.show(answer.text)

    def _after_pass(self) -> None:
        self.request()
        self._progress()
        if self._on_idle is not None and self.idle:
            call, self._on_idle = self._on_idle, None
            call()


def ends_sentence(text: str) -> bool:
    """Tell whether a text ends with a sentence; three dots mean that it was broken off."""
    text = text.rstrip("\"'”») ")
    return bool(text) and text[-1] in _SENTENCE_ENDS and not text.endswith("...")
