"""Where pieces end: a state machine over the speech probability of 32 ms frames.

Audio is cut in the middle of pauses, so that nothing of a word is trimmed away. A pause alone does
not end a sentence, and Whisper errs most where it can't see a sentence whole: at a short pause the
endpointer only proposes a piece, and waits until the final lane has decoded it. If the text ends a
sentence the piece is accepted, else the piece stays open, and the pause may still settle it by its
length. Frames that come meanwhile wait in line, so the pieces depend on the audio alone, and never
on how it was cut into chunks or on how fast the model was.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

from transcriber.audio.vad import FRAME_SAMPLES
from transcriber.engine.window import SAMPLE_RATE_HZ

ONSET_PROB = 0.5  # a frame at least this likely is speech
OFFSET_PROB = 0.35  # speech goes on while frames are at least this likely
_SMOOTH_REACH = 3  # frames at each side, when looking for the best place to cut
_ALIKE = 0.02  # places that differ less in probability are equally good


@dataclass(frozen=True)
class CutRules:
    """When a piece is closed; seconds. The defaults are measured, see docs/design.md.

    Attributes:
        proposals: (length, pause): from that length on, such a pause proposes a piece.
        long_pause_s: a pause this long closes a piece whatever its text.
        full_piece_s, full_pause_s: a piece this long is closed by the next pause of that length.
        max_piece_s: without any pause, a piece is cut at its best place by then.
        search_s: how far back that best place may lie.
        lead_s: the silence that a piece may begin with.
        margin_s: the silence that a piece may end with.
        after_s: how much of the pause after its end a piece may be decoded with.
        min_speech_s: a piece with less speech than this is a click, not a word.
    """

    proposals: tuple[tuple[float, float], ...] = ((4.0, 0.4), (8.0, 0.3))
    long_pause_s: float = 1.0
    full_piece_s: float = 20.0
    full_pause_s: float = 0.3
    max_piece_s: float = 27.0
    search_s: float = 8.0
    lead_s: float = 1.0
    margin_s: float = 0.5
    after_s: float = 0.3
    min_speech_s: float = 0.096


@dataclass(frozen=True)
class Utterance:
    """A piece; positions are samples since the recording's start.

    Attributes:
        start, end: what the piece consists of.
        heard_to: up to where it is decoded: a little of the pause after it helps the model.
        speech_s: seconds of speech in it.
        settled: it is closed whatever its text; otherwise it is proposed.
    """

    start: int
    end: int
    heard_to: int
    speech_s: float
    settled: bool = True


@dataclass(frozen=True)
class Gap:
    """A stretch that never arrived, in samples; it is shown in the transcript."""

    start: int
    end: int


@dataclass(frozen=True)
class _Jump:
    """In the line of frames: what comes next lies at `position`."""

    position: int
    shown: bool


class _End:
    """In the line of frames: the audio ends here."""


class Endpointer:
    """Follows one recording and says where its pieces are."""

    def __init__(self, rules: CutRules | None = None) -> None:
        self.rules = rules or CutRules()
        self.position = 0  # samples of the frames looked at so far
        self.last_speech = 0  # where the newest speech ended
        self._line: deque[float | _Jump | _End] = deque()
        self._proposed: Utterance | None = None
        self._rejected: Utterance | None = None  # proposed in this pause, with no sentence's end
        self._first = 0  # what lies before belongs to no piece
        self._start = 0
        self._frames: list[float] = []  # probabilities since (about) the piece's start
        self._frames_start = 0  # in samples, where the first of them begins
        self._speech_frames = 0
        self._in_speech = False

    @property
    def open_start(self) -> int | None:
        """Where the open piece starts, or None while there is nothing but silence."""
        return self._start if self._is_speech() else None

    @property
    def needed_from(self) -> int:
        """The earliest sample that a piece to come may hold."""
        return self._start

    @property
    def waiting_for_verdict(self) -> bool:
        """Whether a proposed piece has neither been accepted nor rejected yet."""
        return self._proposed is not None

    @property
    def caught_up(self) -> bool:
        """Whether everything that was pushed has been looked at."""
        return not self._line and self._proposed is None

    def skip_to(self, position: int) -> None:
        """Let no piece begin before `position`, in samples; call it before the first frame."""
        self._first = self._start = position

    def push(self, probabilities: Iterable[float]) -> None:
        """Put the next frames in line."""
        self._line.extend(probabilities)

    def push_jump(self, position: int, shown: bool) -> None:
        """Go on at `position`, because what lies before it was lost.

        Args:
            position: in samples, where the next frame begins.
            shown: whether the transcript shows it as a gap.
        """
        self._line.append(_Jump(position, shown))

    def push_end(self) -> None:
        """The audio ends here, and so does the open piece."""
        self._line.append(_End())

    def next_event(self) -> Utterance | Gap | None:
        """Look at what is in line, up to the next piece or gap; None if there is none yet."""
        while self._line and self._proposed is None:
            event = self._step()
            if event is not None:
                return event
        return None

    def accept(self) -> None:
        """The proposed piece ends a sentence: it is closed."""
        proposed, self._proposed = self._proposed, None
        assert proposed is not None
        self._close(proposed)

    def reject(self) -> None:
        """The proposed piece does not end a sentence: it stays open."""
        self._rejected, self._proposed = self._proposed, None

    # -- one frame at a time ---------------------------------------------------------------

    def _step(self) -> Utterance | Gap | None:
        item = self._line[0]
        if isinstance(item, float):
            self._line.popleft()
            return self._look_at(item)
        if self._is_speech():  # what is open ends here; the marker is looked at again after it
            end = min(self.position, self.last_speech + _samples(self.rules.margin_s))
            piece = self._rejected or self._utterance(end, end)
            self._restart(self.position)
            return replace(piece, settled=True)
        self._line.popleft()
        start = self.position
        self._restart(start)
        if isinstance(item, _Jump):
            self.position = self.last_speech = item.position
            self._restart(item.position)
            self._in_speech = False
            skipped = start < self._first >= item.position
            if item.shown and not skipped:
                return Gap(max(start, self._first), item.position)
        return None

    def _look_at(self, probability: float) -> Utterance | None:
        frame_start, self.position = self.position, self.position + FRAME_SAMPLES
        if self.position <= self._first:
            probability = 0.0
        self._frames.append(probability)
        self._in_speech = probability >= (OFFSET_PROB if self._in_speech else ONSET_PROB)
        if not self._in_speech:
            return self._in_pause()
        if self._speech_frames == 0:
            self._skip_silence(frame_start)
        self._speech_frames += 1
        self.last_speech = self.position
        self._rejected = None
        if self.position - self._start < _samples(self.rules.max_piece_s):
            return None
        return self._cut_at_dip()

    def _in_pause(self) -> Utterance | None:
        if self._speech_frames == 0:
            self._trim_frames()
            return None
        pause = self.position - self.last_speech
        if not self._is_speech():
            if pause >= _samples(self.rules.long_pause_s):
                self._restart(self.position)
            return None
        end = self.last_speech + min(pause // 2, _samples(self.rules.margin_s))
        piece = self._utterance(end, min(self.position, end + _samples(self.rules.after_s)))
        if self._settles(pause, end):
            return self._close(self._rejected or piece)
        if self._rejected is None and self._proposes(pause, end):
            self._proposed = replace(piece, settled=False)
            return self._proposed
        return None

    def _settles(self, pause: int, end: int) -> bool:
        full = end - self._start >= _samples(self.rules.full_piece_s)
        needed_s = self.rules.full_pause_s if full else self.rules.long_pause_s
        return pause >= _samples(needed_s)

    def _proposes(self, pause: int, end: int) -> bool:
        length = end - self._start
        return any(
            length >= _samples(length_s) and pause >= _samples(pause_s)
            for length_s, pause_s in self.rules.proposals
        )

    def _utterance(self, end: int, heard_to: int) -> Utterance:
        speech_s = self._speech_frames * FRAME_SAMPLES / SAMPLE_RATE_HZ
        return Utterance(self._start, end, heard_to, speech_s)

    def _cut_at_dip(self) -> Utterance:
        """Cut where speech was least likely lately; the latest place where several are alike."""
        smooth = _smoothed(self._frames)
        search = _samples(self.rules.search_s) // FRAME_SAMPLES
        candidates = range(max(len(smooth) - search, 1), len(smooth) - _SMOOTH_REACH)
        low = min(smooth[at] for at in candidates) + _ALIKE
        best = max(at for at in candidates if smooth[at] <= low)
        end = self._frames_start + best * FRAME_SAMPLES + FRAME_SAMPLES // 2
        return self._close(self._utterance(end, end))

    def _close(self, piece: Utterance) -> Utterance:
        """Start the next piece where this one ends, with the frames that lie behind it."""
        rest = self._frames[(piece.end - self._frames_start) // FRAME_SAMPLES :]
        self._restart(piece.end)
        self._frames, self._frames_start = rest, self.position - len(rest) * FRAME_SAMPLES
        if self._in_speech:  # cut for its length: speech goes on behind the cut
            self._speech_frames = sum(probability >= OFFSET_PROB for probability in rest)
        return replace(piece, settled=True)

    def _skip_silence(self, speech_start: int) -> None:
        """The piece begins `lead_s` before its speech; what came before is silence."""
        self._begin_at(speech_start - _samples(self.rules.lead_s))

    def _trim_frames(self) -> None:
        """Silence needs no memory beyond what the next piece may begin with."""
        self._begin_at(self.position - _samples(self.rules.lead_s))

    def _begin_at(self, start: int) -> None:
        """Let the piece begin no earlier than `start`."""
        skip = (start - self._frames_start) // FRAME_SAMPLES
        if start > self._start and skip > 0:
            self._start = start
            self._frames = self._frames[skip:]
            self._frames_start += skip * FRAME_SAMPLES

    def _restart(self, start: int) -> None:
        self._start = max(start, self._first)
        self._frames, self._frames_start = [], self.position
        self._speech_frames = 0
        self._rejected = None

    def _is_speech(self) -> bool:
        return self._speech_frames * FRAME_SAMPLES >= _samples(self.rules.min_speech_s)


def _samples(seconds: float) -> int:
    return int(seconds * SAMPLE_RATE_HZ)


def _smoothed(values: list[float]) -> list[float]:
    """Return the mean of each value and its neighbours."""
    near = [
        values[max(0, at - _SMOOTH_REACH) : at + _SMOOTH_REACH + 1] for at in range(len(values))
    ]
    return [sum(window) / len(window) for window in near]
