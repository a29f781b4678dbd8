"""What a pass hears: audio of the session, what is final just before it, and the language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from transcriber.engine.window import (
    SAMPLE_RATE_HZ,
    Decoded,
    DecodingOptions,
    Lane,
    Window,
    Word,
)
from transcriber.live.context import Context, Left
from transcriber.live.endpoint import Utterance
from transcriber.live.intake import Intake, Skip
from transcriber.live.language import LanguageChoice
from transcriber.live.transcript import Segment

# The silence between two pieces that belong together; their segments begin and end with words.
_ADJOINING = SAMPLE_RATE_HZ


class Windows:
    """Makes the windows of one session. Not thread-safe: see its session.

    Attributes:
        language: the session's language, as far as it is known.
    """

    def __init__(self, options: DecodingOptions, intake: Intake) -> None:
        each_utterance = options.language_detection == "utterance"
        self.language = LanguageChoice(options.language, each_utterance)
        self._options = options
        self._intake = intake
        self._context = Context()
        self._parted_at = 0  # in samples, where a long pause ended an utterance

    def skip(self, skip: Skip) -> None:
        """Leave the beginning to an earlier session; call it before anything is decoded.

        Its last words stand before the first ones here, as if they had been heard here.
        """
        self._intake.skip_to(skip.seconds)
        if skip.text.strip():
            start, end = (int(time_s * SAMPLE_RATE_HZ) for time_s in (skip.text_s, skip.seconds))
            self.made_final(Utterance(start, end, end, end, 0.0), skip.text, sure=True)

    def restore(self, segments: Sequence[Segment], settled: int) -> None:
        """An earlier process made these segments final, and all that lies before `settled`."""
        start = 0
        for segment in segments:
            if segment.gap:
                self.note_gap()
                continue
            piece, words = _placed(segment, start, settled)
            self.made_final(piece, segment.text, True, words)
            start = piece.end

    def window(self, lane: Lane, piece: Utterance, shown: str, alone: bool = False) -> Window:
        """Return a window over a piece.

        Args:
            lane: of the pass.
            piece: a closed one, or the open one as far as it goes.
            shown: what passes before heard in it.
            alone: leave out what is final before it.
        """
        start, end = piece.start, piece.heard_to
        left = Left(start) if alone else self._context.left_of(start, end)
        least = self._context.least_letters(piece.speech_s, shown, self.language.fixed)
        return Window(
            audio=self._intake.buffer.read(left.start, end),
            lane=lane,
            options=self._options,
            language=self.language.fixed,
            expected_language=self.language.expected,
            prefix=left.text,
            prefix_s=(start - left.start) / SAMPLE_RATE_HZ,
            least_letters=least if lane is Lane.FINAL else 0,
            shown=shown if lane is Lane.FINAL else "",
            spoken_to_s=(piece.speech_end - start) / SAMPLE_RATE_HZ,
        )

    def note_pauses(self) -> None:
        """Where each utterance may have its own language, begin anew behind a long pause."""
        parted_at = self._intake.endpointer.parted_at
        if self.language.each_utterance and parted_at != self._parted_at:
            self._parted_at = parted_at
            self.language.new_utterance()
            self._context.part(parted_at)

    def note_gap(self) -> None:
        """What comes next does not adjoin what is final: audio was lost."""
        self._context.forget()

    def note_language(self, window: Window, answer: Decoded, start: int | None) -> None:
        """Learn from the language that was heard in a piece that begins at `start`, in samples.

        Where the language was given to the model, the answer is no finding; and what began before
        a long pause tells nothing of the utterance behind it, however late the answer comes.
        """
        if answer.hypotheses and window.language is None:
            earlier = start is not None and start < self._parted_at
            seconds = window.seconds - window.prefix_s
            self.language.heard(answer.language, answer.language_probability, seconds, earlier)

    def made_final(
        self, piece: Utterance, text: str, sure: bool, words: Sequence[Word] = ()
    ) -> None:
        """Remember the text of a piece; see `Context.note`."""
        placed = self._options.task == "transcribe"  # a translation's words are not in the audio
        self._context.note(piece, text, sure, words if placed else ())


def _placed(segment: Segment, earliest: int, latest: int) -> tuple[Utterance, list[Word]]:
    """Return the piece that a segment was, nearly, and its words with times from its start."""
    start, end = (int(time_s * SAMPLE_RATE_HZ) for time_s in (segment.start, segment.end))
    if start - earliest < _ADJOINING:
        start = earliest
    if latest - end < _ADJOINING:
        end = latest
    start_s = start / SAMPLE_RATE_HZ
    words = [
        replace(word, start=word.start - start_s, end=word.end - start_s) for word in segment.words
    ]
    return Utterance(start, max(start, end), end, end, 0.0), words
