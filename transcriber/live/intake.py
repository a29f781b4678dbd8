"""From a session's bytes to frames: decode, voice activity, and an account of every second."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from transcriber.audio.errors import NotAudio
from transcriber.audio.pcm import PcmFormat
from transcriber.audio.resample import NO_SAMPLES, Samples
from transcriber.audio.stream import Piece, Stream, StreamDecoder
from transcriber.audio.vad import VoiceActivity
from transcriber.engine.window import SAMPLE_RATE_HZ
from transcriber.live.buffer import AudioBuffer
from transcriber.live.endpoint import CutRules, Endpointer, Utterance

# Of audio that is done with, so much is kept: twice what the final lane hears before a piece.
_CONTEXT_S = 20.0
# So much before what is still needed, voice activity begins to listen: its state needs some speech.
_WARM_UP_S = 20.0


@dataclass(frozen=True)
class ChunkPart:
    """Bytes of one part of a chunk, and its format if declared as raw PCM."""

    data: bytes
    pcm: PcmFormat | None = None


@dataclass(frozen=True)
class Heard:
    """A decoded stretch with the speech probabilities of the frames that it completed."""

    samples: Samples
    probabilities: npt.NDArray[np.float32]
    gap_s: float = 0.0
    damaged: bool = False


# Stands where a part of a chunk was no audio: nothing tells how long it should have been.
_LOST = Heard(NO_SAMPLES, np.zeros(0, np.float32))


@dataclass(frozen=True)
class AudioSeconds:
    """Where a session's audio is; `received` is the sum of `final`, `pending` and `silence`."""

    received: float = 0.0
    final: float = 0.0
    pending: float = 0.0
    silence: float = 0.0
    lost: float = 0.0


@dataclass(frozen=True)
class Skip:
    """The beginning of a session's audio that an earlier session has made final.

    Attributes:
        seconds: how much it is.
        text: the last of its words, as context for those to come.
        text_s: where in the session's audio these begin.
    """

    seconds: float = 0.0
    text: str = ""
    text_s: float = 0.0


NO_SKIP = Skip()


class Intake:
    """The audio side of one session.

    `decode`, `resume_after_loss` and `end` do the heavy work and are called by one thread at a
    time, without the session's lock; `take` is quick and called with it.
    """

    def __init__(
        self,
        max_chunk_s: float,
        rules: CutRules | None = None,
        new_stream: Callable[[float], Stream] = StreamDecoder,
    ) -> None:
        self.buffer = AudioBuffer()
        self.endpointer = Endpointer(rules)
        self._decoder = new_stream(max_chunk_s)
        self._vad = VoiceActivity()
        self._received = 0
        self._skip_to = 0  # what lies before is final in an earlier session
        self._skipped = 0  # how much of what was received lies there
        self._chunks = 0
        self._final = 0
        self._lost = 0
        self._holes: list[tuple[int, int]] = []  # what was lost, in samples
        self._loss: int | None = None  # chunks lost just before the next audio
        self._ended = False
        self._deaf_to = 0  # where voice activity begins to listen

    @property
    def received_s(self) -> float:
        """Seconds of audio decoded so far, with what was skipped."""
        return self._received / SAMPLE_RATE_HZ

    @property
    def needed_from(self) -> int:
        """The earliest sample that a piece to come may hold; at the end, the end."""
        needed_from = self.endpointer.needed_from
        if self._ended and self.endpointer.open_start is None:
            return max(needed_from, self.buffer.end)
        return needed_from

    def skip_to(self, seconds: float) -> None:
        """Leave what lies before to an earlier session; call it before anything is decoded.

        That audio takes its time as any other, and is heard by the voice activity, but it is in
        no piece and counted nowhere.
        """
        self._skip_to = int(seconds * SAMPLE_RATE_HZ)
        self.endpointer.skip_to(self._skip_to)

    @property
    def final(self) -> int:
        """How many samples are in final pieces."""
        return self._final

    def restore(self, settled: int, final: int) -> None:
        """An earlier process was done with what lies before `settled`, in samples.

        Call it before anything is decoded. That audio is decoded again, to know where what follows
        begins, but it is in no piece, and counted as it was.
        """
        self.endpointer.skip_to(max(settled, self._skip_to))
        self._deaf_to = settled - int(_WARM_UP_S * SAMPLE_RATE_HZ)
        self._final = final

    def decode(self, parts: Sequence[ChunkPart]) -> list[Heard]:
        """Decode a chunk's bytes and run the voice activity on what they bring.

        Raises:
            AudioError: see `StreamDecoder.feed`.
        """
        pieces: list[Piece] = []
        heard: list[Heard] = []
        for number, part in enumerate(parts):
            try:
                pieces += self._decoder.feed(part.data, part.pcm)
            except NotAudio:
                if number == 0:
                    raise
                # What came before in this chunk is taken already, so the chunk is not refused.
                heard += [*self._listen(pieces), _LOST]
                pieces, self._vad = [], VoiceActivity()
        self._chunks += 1
        return heard + self._listen(pieces)

    def resume_after_loss(self, chunks: int) -> list[Heard]:
        """Note that `chunks` chunks will never come; returns what was still held back."""
        heard = self._listen(self._decoder.lost())
        self._vad = VoiceActivity()  # what comes next does not adjoin
        self._loss = (self._loss or 0) + chunks
        return heard

    def end(self) -> list[Heard]:
        """End the audio and return what was still held back."""
        return self._listen(self._decoder.finish())

    def close(self) -> None:
        """Free the decoder of a session that goes away."""
        self._decoder.close()

    def take(self, heard: Sequence[Heard]) -> None:
        """Add decoded audio, and put its frames in the endpointer's line."""
        for one in heard:
            if one is _LOST:
                self.endpointer.push_jump(self.buffer.end, shown=True)
                continue
            self._jump(one)
            self._received += len(one.samples)
            self._skipped += max(0, min(len(one.samples), self._skip_to - self.buffer.end))
            self.buffer.append(one.samples)
            self.endpointer.push(one.probabilities.tolist())

    def take_end(self) -> None:
        """The audio ends here."""
        if self._loss is not None:  # lost at the very end: nothing tells how long
            self.endpointer.push_jump(self.buffer.end, shown=True)
            self._loss = None
        self.endpointer.push_end()
        self._ended = True

    def forget_before(self, seconds: float) -> None:
        """Drop audio that is done with, but for the newest, which is context for what comes.

        Without it silence, which no pass ever makes final, would be kept for hours.
        """
        self.buffer.forget_before(int((seconds - _CONTEXT_S) * SAMPLE_RATE_HZ))

    def made_final(self, utterance: Utterance) -> None:
        """A piece has become final."""
        self._final += utterance.end - utterance.start

    def seconds(self, closed: int) -> AudioSeconds:
        """Account for every second that was received and not skipped.

        Args:
            closed: samples in pieces that are closed but not yet final.
        """
        line = self.endpointer
        settled = self.buffer.end if line.open_start is None else line.open_start
        lost = sum(end - start for start, end in self._holes if end <= settled)
        silence = max(0, settled - lost - self._skipped - closed - self._final)
        received = self._received - self._skipped
        pending = received - self._final - silence
        return AudioSeconds(
            *(
                round(samples / SAMPLE_RATE_HZ, 3)
                for samples in (received, self._final, pending, silence, self._lost)
            )
        )

    def _listen(self, pieces: Sequence[Piece]) -> list[Heard]:
        heard = []
        end = self.buffer.end
        for piece in _merged(pieces):
            if piece.gap_s:
                self._vad = VoiceActivity()
            end += len(piece.samples)
            # Behind a loss nobody knows yet how far on it is.
            deaf = end <= self._deaf_to and not piece.gap_s and self._loss is None
            listen = self._vad.pass_over if deaf else self._vad.push
            heard.append(Heard(piece.samples, listen(piece.samples), piece.gap_s, piece.damaged))
        return heard

    def _jump(self, one: Heard) -> None:
        """Move on over lost audio before `one`; the piece that it breaks off ends there."""
        loss = self._loss
        if loss is None and not one.gap_s:
            return
        gap = round(one.gap_s * SAMPLE_RATE_HZ)  # rounded down, many would shift what follows
        if not gap and self._chunks and loss:
            # The container has no clock: a lost chunk counts as long as the others, this one too.
            gap = round(loss * (self._received + len(one.samples)) / self._chunks)
        start = self.buffer.end
        self.buffer.skip(gap)
        self._holes.append((start, self.buffer.end))
        self._lost += self.buffer.end - start
        self.endpointer.push_jump(self.buffer.end, shown=loss is not None or one.damaged)
        self._loss = None


def _merged(pieces: Sequence[Piece]) -> list[Piece]:
    """Join pieces without a gap between them: many small ones cost more to look at."""
    groups: list[list[Piece]] = []
    for piece in pieces:
        if piece.gap_s or not groups:
            groups.append([])
        groups[-1].append(piece)
    return [
        replace(group[0], samples=np.concatenate([piece.samples for piece in group]))
        for group in groups
    ]
