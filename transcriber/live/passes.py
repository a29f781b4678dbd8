"""The passes of one session over its audio: which are wanted, their windows, their results.

The final lane decodes closed pieces, one after the other, because each is prompted with the text
of the one before. The partial lane decodes the open piece whenever new speech has come.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable

from transcriber.engine.pool import Source, Timing
from transcriber.engine.window import SAMPLE_RATE_HZ, Decoded, DecodingOptions, Lane, Window
from transcriber.live.endpoint import Utterance
from transcriber.live.intake import Gap, Intake
from transcriber.live.language import LanguageChoice
from transcriber.live.transcript import Transcript

Submit = Callable[[Lane, Source], None]

# The prompt is the text just before; more words than this bring old errors, not accuracy.
PROMPT_WORDS = 20
# The partial lane looks at no more than Whisper's window less the silence it needs at the end.
_PARTIAL_SAMPLES = 27 * SAMPLE_RATE_HZ
_TRIES = 2


class Passes:
    """See the module. Every method is called with `lock` held, except the three of `Source`."""

    def __init__(
        self,
        options: DecodingOptions,
        intake: Intake,
        transcript: Transcript,
        submit: Submit,
        lock: threading.Condition,
        progress: Callable[[], None],
    ) -> None:
        self.language = LanguageChoice(options.language)
        self._options = options
        self._intake = intake
        self._transcript = transcript
        self._submit = submit
        self._lock = lock
        self._progress = progress
        self._queue: deque[Utterance | Gap] = deque()
        self._closed = 0  # pieces and gaps queued so far
        self._done = 0  # of these, how many are final
        self._final_window: Window | None = None
        self._tries = 0
        self._partial_window: Window | None = None
        self._partial_piece = 0
        self._partial_end = 0
        self._shown_to = 0  # audio that the partial text covers
        self._timing = [0.0, 0.0]
        self._on_idle: Callable[[], None] | None = None
        self._withdrawn = False

    # -- wishes ------------------------------------------------------------------------------

    def take(self, events: Iterable[Utterance | Gap]) -> None:
        """Queue closed pieces and gaps in their order."""
        for event in events:
            self._queue.append(event)
            self._closed += 1
            if isinstance(event, Utterance):
                self._transcript.close()
        self._settle_gaps()

    def request(self) -> None:
        """Ask for the passes that are wanted now."""
        if self._withdrawn:
            return
        if self._queue and self._final_window is None:
            self._submit(Lane.FINAL, self)
        if self._wants_partial() and self._partial_window is None:
            self._submit(Lane.PARTIAL, self)

    def withdraw(self) -> None:
        """The session goes away: no more passes."""
        self._withdrawn = True
        self._queue.clear()

    @property
    def idle(self) -> bool:
        """Whether every closed piece is final."""
        return not self._queue

    def when_idle(self, call: Callable[[], None]) -> None:
        """Call once every closed piece is final; at once if it is so already."""
        if self.idle:
            call()
        else:
            self._on_idle = call

    def mark(self) -> tuple[int, int]:
        """Return what has to be done for all audio so far to be in the transcript."""
        speech_to = self._intake.endpointer.last_speech if self._wants_partial() else 0
        return self._closed, speech_to

    def reached(self, mark: tuple[int, int]) -> bool:
        """Tell whether a mark has been reached."""
        pieces, speech_to = mark
        return self._done >= pieces and (self._shown_to >= speech_to or self._withdrawn)

    def take_timing(self) -> tuple[float, float]:
        """Return seconds in the queue and in the model since the last call."""
        queue_s, model_s = self._timing
        self._timing = [0.0, 0.0]
        return queue_s, model_s

    def _wants_partial(self) -> bool:
        endpointer = self._intake.endpointer
        return endpointer.open_start is not None and endpointer.last_speech > self._shown_to

    # -- the engine asks -----------------------------------------------------------------------

    def next_window(self, lane: Lane) -> Window | None:
        """Return the next closed piece, or the open one with its newest audio."""
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
        self._final_window = self._window(piece.start, piece.heard_to, Lane.FINAL, "")
        return self._final_window

    def _next_partial(self) -> Window | None:
        if self._partial_window is not None or not self._wants_partial():
            return None
        end = self._intake.buffer.end
        start = max(self._intake.endpointer.open_start or 0, end - _PARTIAL_SAMPLES)
        self._partial_piece, self._partial_end = self._closed, end
        self._partial_window = self._window(
            start, end, Lane.PARTIAL, self._transcript.closing_text()
        )
        return self._partial_window

    def _window(self, start: int, end: int, lane: Lane, more_text: str) -> Window:
        return Window(
            audio=self._intake.buffer.read(start, end),
            lane=lane,
            options=self._options,
            language=self.language.fixed,
            previous_text=(self._transcript.tail(PROMPT_WORDS) + more_text).strip(),
        )

    # -- the engine answers ----------------------------------------------------------------------

    def decoded(self, window: Window, answer: Decoded, timing: Timing) -> None:
        """Take what the model heard in a window."""
        with self._lock:
            self._timing[0] += timing.queue_s
            self._timing[1] += timing.model_s
            if answer.hypotheses:
                self.language.heard(answer.language, answer.language_probability, window.seconds)
            if window is self._final_window:
                self._finalise(answer)
            elif window is self._partial_window:
                self._show(answer)
            self._after_pass()

    def failed(self, window: Window, error: Exception) -> None:
        """The model raised: a final piece is tried once more, a partial pass is let go."""
        with self._lock:
            if window is self._final_window:
                self._tries += 1
                if self._tries < _TRIES:
                    self._final_window = None
                else:
                    self._finalise(None)
            elif window is self._partial_window:
                self._show(None)
            self._after_pass()

    def _finalise(self, answer: Decoded | None) -> None:
        self._final_window, self._tries = None, 0
        if not self._queue:  # withdrawn meanwhile
            return
        piece = self._queue.popleft()
        assert isinstance(piece, Utterance)
        self._transcript.finalise(answer, piece.start / SAMPLE_RATE_HZ)
        self._intake.made_final(piece)
        self._done += 1
        self._shown_to = max(self._shown_to, piece.end)
        self._intake.buffer.forget_before(piece.end)
        self._settle_gaps()

    def _show(self, answer: Decoded | None) -> None:
        self._partial_window = None
        if self._partial_piece == self._closed:
            self._shown_to = max(self._shown_to, self._partial_end)
            if answer is not None:
                self._transcript.show(answer.text)

    def _settle_gaps(self) -> None:
        """A gap becomes final as soon as all before it is."""
        while self._queue and isinstance(self._queue[0], Gap):
            gap = self._queue.popleft()
            self._done += 1
            self._transcript.note_gap(gap.start / SAMPLE_RATE_HZ, gap.end / SAMPLE_RATE_HZ)

    def _after_pass(self) -> None:
        self.request()
        self._progress()
        if self._on_idle is not None and self.idle:
            call, self._on_idle = self._on_idle, None
            call()
