"""Where utterances end: a state machine over the speech probability of 32 ms frames.

Audio is cut into pieces for the final lane in the middle of pauses, so that nothing of a word is
trimmed away. Decisions depend on the frames alone and never on how the audio was cut into
chunks, so the same recording gives the same pieces however it arrives.
"""

from __future__ import annotations

from dataclasses import dataclass

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
        pauses: (length, pause): a piece of at least that length is closed by such a pause. The
            longer it already is, the shorter the pause that will do.
        long_pause_s: a pause this long closes a piece of any length.
        max_piece_s: without such a pause, the piece is cut at its best place by then.
        search_s: how far back that best place may lie.
        margin_s: the most silence that is kept at each side of a piece.
        after_s: how much of the pause after its end a piece may be decoded with.
        min_speech_s: a piece with less speech than this is a click, not a word.
    """

    pauses: tuple[tuple[float, float], ...] = ((5.0, 0.5), (8.0, 0.3), (10.0, 0.2))
    long_pause_s: float = 1.5
    max_piece_s: float = 12.0
    search_s: float = 6.0
    margin_s: float = 0.5
    after_s: float = 0.3
    min_speech_s: float = 0.096


@dataclass(frozen=True)
class Utterance:
    """A closed piece: samples from the recording's start.

    Attributes:
        start, end: what the piece consists of.
        heard_to: up to where it is decoded: a little of the pause after it helps the model.
        forced: it was cut for its length, not at a pause.
    """

    start: int
    end: int
    heard_to: int
    forced: bool = False


class Endpointer:
    """Follows one recording and says where its pieces are."""

    def __init__(self, rules: CutRules | None = None, position: int = 0) -> None:
        self.rules = rules or CutRules()
        self.position = position  # samples of the frames seen so far
        self.last_speech = position  # where the newest speech ended
        self._start = position
        self._frames: list[float] = []  # probabilities since the piece's start
        self._speech_frames = 0
        self._in_speech = False

    @property
    def open_start(self) -> int | None:
        """Where the open piece starts, or None while there is nothing but silence."""
        return self._start if self._is_speech() else None

    @property
    def settled_to(self) -> int:
        """Everything before this is in closed pieces or is silence."""
        return self._start

    def push(self, probability: float) -> Utterance | None:
        """Take the next frame and return the piece that it closes, if any."""
        frame_start, self.position = self.position, self.position + FRAME_SAMPLES
        self._frames.append(probability)
        self._in_speech = probability >= (OFFSET_PROB if self._in_speech else ONSET_PROB)
        if self._in_speech:
            if self._speech_frames == 0:
                self._skip_silence(frame_start)
            self._speech_frames += 1
            self.last_speech = self.position
            if self.position - self._start < self._samples(self.rules.max_piece_s):
                return None
            return self._cut_at_dip()
        return self._in_pause()

    def flush(self) -> Utterance | None:
        """Close what is open, because the audio ends or breaks off here."""
        utterance = None
        if self._is_speech():
            end = min(self.position, self.last_speech + self._samples(self.rules.margin_s))
            utterance = Utterance(self._start, end, end)
        self._restart(self.position)
        return utterance

    def jump(self, position: int) -> None:
        """Go on at `position`; what lies before it was lost. Call `flush` first."""
        self.position = self.last_speech = position
        self._restart(position)
        self._in_speech = False

    def _in_pause(self) -> Utterance | None:
        if self._speech_frames == 0:
            self._trim_frames()
            return None
        pause = self.position - self.last_speech
        if pause < self._samples(self._needed_pause_s(self.last_speech + pause // 2)):
            return None
        if not self._is_speech():
            self._restart(self.position)
            return None
        end = self.last_speech + min(pause // 2, self._samples(self.rules.margin_s))
        return self._close(end, min(self.position, end + self._samples(self.rules.after_s)))

    def _needed_pause_s(self, end: int) -> float:
        """Return how long a pause must be to close the piece if it ended at `end`."""
        length_s = (end - self._start) / SAMPLE_RATE_HZ
        allowed = [pause_s for least_s, pause_s in self.rules.pauses if length_s >= least_s]
        return min([self.rules.long_pause_s, *allowed])

    def _close(self, end: int, heard_to: int, forced: bool = False) -> Utterance:
        utterance = Utterance(self._start, end, heard_to, forced)
        rest = self._frames[(end - self._start) // FRAME_SAMPLES :]
        self._restart(end)
        self._frames = rest
        if forced:  # speech goes on behind the cut
            self._speech_frames = sum(probability >= OFFSET_PROB for probability in rest)
        return utterance

    def _cut_at_dip(self) -> Utterance:
        """Cut where speech was least likely lately; the latest place where several are alike."""
        smooth = _smoothed(self._frames)
        search = self._samples(self.rules.search_s) // FRAME_SAMPLES
        candidates = range(max(len(smooth) - search, 1), len(smooth) - _SMOOTH_REACH)
        low = min(smooth[at] for at in candidates) + _ALIKE
        best = max(at for at in candidates if smooth[at] <= low)
        end = self._start + best * FRAME_SAMPLES + FRAME_SAMPLES // 2
        return self._close(end, end, forced=True)

    def _skip_silence(self, speech_start: int) -> None:
        """The piece begins `margin_s` before its speech; what came before is silence."""
        start = speech_start - self._samples(self.rules.margin_s)
        skip = max(0, start - self._start) // FRAME_SAMPLES
        self._start += skip * FRAME_SAMPLES
        self._frames = self._frames[skip:]

    def _trim_frames(self) -> None:
        """Silence needs no memory beyond the margin that the next piece may begin with."""
        keep = self._samples(self.rules.margin_s) // FRAME_SAMPLES + 1
        skip = len(self._frames) - keep
        if skip > 0:
            self._start += skip * FRAME_SAMPLES
            self._frames = self._frames[skip:]

    def _restart(self, start: int) -> None:
        self._start = start
        self._frames = []
        self._speech_frames = 0

    def _is_speech(self) -> bool:
        return self._speech_frames * FRAME_SAMPLES >= self._samples(self.rules.min_speech_s)

    @staticmethod
    def _samples(seconds: float) -> int:
        return int(seconds * SAMPLE_RATE_HZ)


def _smoothed(values: list[float]) -> list[float]:
    """Return the mean of each value and its neighbours."""
    near = [
        values[max(0, at - _SMOOTH_REACH) : at + _SMOOTH_REACH + 1] for at in range(len(values))
    ]
    return [sum(window) / len(window) for window in near]
