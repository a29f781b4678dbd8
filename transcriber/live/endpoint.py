"""Where pieces end: a state machine over the speech probability of 32 ms frames.

Audio is cut in the middle of pauses, so that nothing of a word is trimmed away: a long pause closes
the open piece, and so does a shorter one when the piece has grown as long as Whisper's window
allows. Before that, its owner cuts it where the words up to there have become final.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from transcriber.audio.vad import FRAME_SAMPLES
from transcriber.engine.window import SAMPLE_RATE_HZ

ONSET_PROB = 0.5  # a frame at least this likely is speech
OFFSET_PROB = 0.35  # speech goes on while frames are at least this likely
_SMOOTH_REACH = 3  # frames at each side, when looking for the best place to cut
_ALIKE = 0.02  # places that differ less in probability are equally good


@dataclass(frozen=True)
class CutRules:
    """When a piece is closed; seconds.

    Attributes:
        pause_s: a pause this long may end a sentence.
        long_pause_s: a pause this long closes a piece.
        full_piece_s: a piece this long is closed by the next pause of `pause_s`.
        max_piece_s: without any pause, a piece is cut at its best place by then.
        search_s: how far back that best place may lie.
        lead_s: the silence that a piece may begin with.
        margin_s: the silence that a piece may end with.
        after_s: how much of the pause after its end a piece may be decoded with.
        min_speech_s: a piece with less speech than this is a click, not a word.
    """

    pause_s: float = 0.3
    long_pause_s: float = 1.0
    full_piece_s: float = 20.0
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
        speech_end: where its last speech ends.
        speech_s: seconds of speech in it.
    """

    start: int
    end: int
    heard_to: int
    speech_end: int
    speech_s: float


@dataclass(frozen=True)
class Gap:
    """A stretch that never arrived, in samples; it is shown in the transcript."""

    start: int
    end: int


class Endpointer:
    """Follows one recording and says where its pieces are."""

    def __init__(self, rules: CutRules | None = None) -> None:
        self.rules = rules or CutRules()
        self.position = 0  # samples of the frames looked at so far
        self.last_speech = 0  # where the newest speech ended
        self.parted_at = 0  # the newest place where a long pause has ended an utterance
        self._events: deque[Utterance | Gap] = deque()
        self._first = 0  # what lies before belongs to no piece
        self._start = 0
        self._frames: list[float] = []  # probabilities since (about) the piece's start
        self._spoken: list[bool] = []  # which of these frames are speech
        self._frames_start = 0  # in samples, where the first of them begins
        self._speech_frames = 0
        self._in_speech = False

    @property
    def open_start(self) -> int | None:
        """Where the open piece starts, or None while there is nothing but silence."""
        return self._start if self._is_speech(self._speech_frames) else None

    @property
    def open_speech_s(self) -> float:
        """Seconds of speech in the open piece."""
        return self._speech_frames * FRAME_SAMPLES / SAMPLE_RATE_HZ

    @property
    def pause_cut(self) -> int | None:
        """Where the open piece would end in the present pause; None unless it is long enough."""
        pause = self.position - self.last_speech
        long_enough = pause >= _samples(self.rules.pause_s)
        return self._middle_of(pause) if long_enough and not self._in_speech else None

    @property
    def needed_from(self) -> int:
        """The earliest sample that a piece to come may hold."""
        return self._events[0].start if self._events else self._start

    def skip_to(self, position: int) -> None:
        """Let no piece begin before `position`, in samples; call it before the first frame."""
        self._first = self._start = self.last_speech = position

    def push(self, probabilities: Iterable[float]) -> None:
        """Look at the next frames."""
        for probability in probabilities:
            self._look_at(probability)

    def push_jump(self, position: int, shown: bool) -> None:
        """Go on at `position`, because what lies before it was lost; the open piece ends.

        Args:
            position: in samples, where the next frame begins.
            shown: whether the transcript shows it as a gap.
        """
        self.push_end()
        start, self.position, self.last_speech = self.position, position, position
        self._restart(position)
        self._in_speech = False
        skipped = start < self._first >= position
        if shown and not skipped:
            self._events.append(Gap(max(start, self._first), position))

    def push_end(self) -> None:
        """The audio ends here, and so does the open piece."""
        if self.open_start is not None:
            end = min(self.position, self.last_speech + _samples(self.rules.margin_s))
            self._close(end, end)
        self._restart(self.position)

    def next_event(self) -> Utterance | Gap | None:
        """Return the next piece that was closed, or the next gap; None if there is none."""
        return self._events.popleft() if self._events else None

    def cut(self, position: int) -> Utterance:
        """Take off the open piece what lies before `position`, since its words are final."""
        return self._split(position, position)

    def speech_behind(self, position: int) -> bool:
        """Tell whether the open piece, cut at `position`, would still hold speech."""
        rest = self._spoken[max(0, self._index(position)) :]
        return self._in_speech or self._is_speech(sum(rest))

    # -- one frame at a time ---------------------------------------------------------------

    def _look_at(self, probability: float) -> None:
        frame_start, self.position = self.position, self.position + FRAME_SAMPLES
        if self.position <= self._first:
            probability = 0.0
        self._frames.append(probability)
        self._in_speech = probability >= (OFFSET_PROB if self._in_speech else ONSET_PROB)
        self._spoken.append(self._in_speech)
        if not self._in_speech:
            self._in_pause()
            return
        if self._speech_frames == 0:
            # The piece begins `lead_s` before its speech; what came before is silence.
            self._begin_at(frame_start - _samples(self.rules.lead_s))
        self._speech_frames += 1
        self.last_speech = self.position
        if self.position - self._start >= _samples(self.rules.max_piece_s):
            self._cut_at_dip()

    def _in_pause(self) -> None:
        pause = self.position - self.last_speech
        if pause >= _samples(self.rules.long_pause_s):
            self.parted_at = self._middle_of(pause)
        if self._speech_frames == 0:
            # Silence needs no memory beyond what the next piece may begin with.
            self._begin_at(self.position - _samples(self.rules.lead_s))
            return
        if self.open_start is None:
            if pause >= _samples(self.rules.long_pause_s):
                self._restart(self.position)
            return
        end = self._middle_of(pause)
        full = end - self._start >= _samples(self.rules.full_piece_s)
        if pause >= _samples(self.rules.pause_s if full else self.rules.long_pause_s):
            self._close(end, min(self.position, end + _samples(self.rules.after_s)))

    def _middle_of(self, pause: int) -> int:
        return self.last_speech + min(pause // 2, _samples(self.rules.margin_s))

    def _cut_at_dip(self) -> None:
        """Cut where speech was least likely lately; the latest place where several are alike."""
        smooth = _smoothed(self._frames)
        search = _samples(self.rules.search_s) // FRAME_SAMPLES
        candidates = range(max(len(smooth) - search, 1), len(smooth) - _SMOOTH_REACH)
        low = min(smooth[at] for at in candidates) + _ALIKE
        best = max(at for at in candidates if smooth[at] <= low)
        end = self._frames_start + best * FRAME_SAMPLES + FRAME_SAMPLES // 2
        self._close(end, end)

    def _close(self, end: int, heard_to: int) -> None:
        self._events.append(self._split(end, heard_to))

    def _split(self, end: int, heard_to: int) -> Utterance:
        """Return the piece up to `end`; the next one starts there, with the frames behind it."""
        at = max(0, self._index(end))
        frames, spoken = self._frames[at:], self._spoken[at:]
        before = self._spoken[:at]
        speech_s = sum(before) * FRAME_SAMPLES / SAMPLE_RATE_HZ
        last = max((n for n, one in enumerate(before) if one), default=-1)
        speech_end = min(self._frames_start + (last + 1) * FRAME_SAMPLES, end)
        piece = Utterance(self._start, end, heard_to, speech_end, speech_s)
        self._restart(end)
        self._frames, self._spoken = frames, spoken
        self._frames_start = self.position - len(frames) * FRAME_SAMPLES
        self._speech_frames = sum(spoken)
        return piece

    def _begin_at(self, start: int) -> None:
        """Let the piece begin no earlier than `start`."""
        skip = self._index(start)
        if start > self._start and skip > 0:
            self._start = start
            self._frames, self._spoken = self._frames[skip:], self._spoken[skip:]
            self._frames_start += skip * FRAME_SAMPLES

    def _restart(self, start: int) -> None:
        self._start = max(start, self._first)
        self._frames, self._spoken, self._frames_start = [], [], self.position
        self._speech_frames = 0

    def _index(self, position: int) -> int:
        """Return which of the kept frames lies at a position."""
        return (position - self._frames_start) // FRAME_SAMPLES

    def _is_speech(self, frames: int) -> bool:
        return frames * FRAME_SAMPLES >= _samples(self.rules.min_speech_s)


def _samples(seconds: float) -> int:
    return int(seconds * SAMPLE_RATE_HZ)


def _smoothed(values: list[float]) -> list[float]:
    """Return the mean of each value and its neighbours."""
    near = [
        values[max(0, at - _SMOOTH_REACH) : at + _SMOOTH_REACH + 1] for at in range(len(values))
    ]
    return [sum(window) / len(window) for window in near]
