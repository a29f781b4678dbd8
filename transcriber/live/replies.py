"""What each chunk was answered: kept so that a repeated chunk gets the same answer again.

Replies are told in order of sequence, and each final segment is told in exactly one of them:
a client that appends every `text` by sequence has the whole transcript, whatever was answered
late, early or twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from transcriber.live.intake import AudioSeconds
from transcriber.live.pace import LEAST_CHUNK_MS
from transcriber.live.pass_log import PassDone
from transcriber.live.transcript import Settled

# So many of the newest replies are kept with all their figures; of older ones only the text.
FULL_REPLIES = 64


@dataclass(frozen=True)
class TimingMs:
    """Where the time of a reply went, in milliseconds."""

    queue: int = 0
    audio: int = 0
    model: int = 0
    total: int = 0


_NO_TIMING, _NO_AUDIO, _NOT_SETTLED = TimingMs(), AudioSeconds(), Settled()


@dataclass(frozen=True)
class ChunkReply:
    """The answer to one chunk. Its segments are `first_segment` up to before `end_segment`.

    `complete` is False if the pass that includes the chunk was not done yet (202). `passes` are
    those since the last complete reply.
    """

    sequence: int
    complete: bool
    revision: int
    next_sequence: int
    first_segment: int
    end_segment: int
    partial: str = ""
    stable_chars: int = 0
    missing: tuple[int, ...] = ()
    audio: AudioSeconds = _NO_AUDIO
    settled: Settled = _NOT_SETTLED
    timing: TimingMs = _NO_TIMING
    passes: tuple[PassDone, ...] = ()
    suggested_chunk_ms: int = LEAST_CHUNK_MS
    language: str | None = None
    final: bool = False


# What a chunk was answered: a reply, or the error it was refused with.
Answer = ChunkReply | Exception


def _nowhere(sequence: int, answer: Answer) -> None:
    """Write nothing down."""


@dataclass
class ReplyLog:
    """The answer to every chunk, by sequence; `write` writes each down that is given."""

    write: Callable[[int, Answer], None] = _nowhere
    told_segments: int = 0
    _next: int = 0
    _answers: dict[int, Answer] = field(default_factory=dict)

    def get(self, sequence: int) -> Answer | None:
        """Return the answer to a chunk, or None while there is none."""
        return self._answers.get(sequence)

    def put(self, sequence: int, answer: Answer) -> None:
        """Give an answer; the segments that it tells are told."""
        self.restore(sequence, answer)
        self.write(sequence, answer)

    def restore(self, sequence: int, answer: Answer) -> None:
        """Keep an answer that has been written down."""
        self._answers[sequence] = answer
        if isinstance(answer, ChunkReply):
            self.told_segments = max(self.told_segments, answer.end_segment)
        old = self._answers.get(sequence - FULL_REPLIES)
        if isinstance(old, ChunkReply):
            self._answers[sequence - FULL_REPLIES] = replace(
                old,
                partial="",
                stable_chars=0,
                audio=_NO_AUDIO,
                settled=_NOT_SETTLED,
                timing=_NO_TIMING,
                passes=(),
            )

    def next_open(self) -> int:
        """Return the first sequence without an answer; only its reply may tell segments."""
        while self._next in self._answers:
            self._next += 1
        return self._next
