"""When each chunk is answered, and with what.

Answers are given in order of sequence, because each tells the final text since the one before. A
chunk is answered when its audio is in the transcript. If its partial text is there but final text
is still being decoded, the answer waits a little, then leaves that to the next.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from transcriber.live.pass_log import PassesDone
from transcriber.live.passes import Passes
from transcriber.live.replies import Answer, ChunkReply, ReplyLog, TimingMs
from transcriber.live.sequencer import Sequencer
from transcriber.live.transcript import Transcript


class Answers:
    """The answers of one session. Not thread-safe: its session guards it."""

    def __init__(
        self,
        passes: Passes,
        transcript: Transcript,
        sequencer: Sequencer[Any],
        write: Callable[[int, Answer], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._passes = passes
        self._transcript = transcript
        self._sequencer = sequencer
        self._clock = clock
        self._log = ReplyLog(write)
        self._marks: dict[int, int] = {}  # the audio that must be in the transcript
        self._times: dict[int, tuple[float, float]] = {}  # when it came, and its decoding
        self._hurried: set[int] = set()

    def get(self, sequence: int) -> Answer | None:
        """Return the answer to a chunk, or the error it was refused with; None before that."""
        return self._log.get(sequence)

    def restore(self, sequence: int, answer: Answer) -> None:
        """A chunk was answered so by an earlier process."""
        self._log.restore(sequence, answer)

    def refuse(self, sequence: int, error: Exception) -> None:
        """Answer a chunk with an error, now and whenever it comes again."""
        self._log.put(sequence, error)

    def expect(self, sequence: int, arrived_s: float, audio_s: float) -> None:
        """A chunk has been decoded: it will be answered when its audio is in the transcript.

        A chunk that was held has been answered already: what it brought is told by the answer to
        the chunk that closed the gap.
        """
        self._times[sequence] = (arrived_s, audio_s)
        if self._log.get(sequence) is not None:
            sequence = max((n for n in self._marks if self._log.get(n) is None), default=-1)
        if sequence >= 0:
            self._marks[sequence] = self._passes.mark()

    def hurry(self, sequence: int, hurried: bool = True) -> None:
        """Let a chunk's answer wait for final text no longer, or again."""
        if hurried:
            self._hurried.add(sequence)
        else:
            self._hurried.discard(sequence)

    def settle(self, ended: bool, decoding: bool) -> None:
        """Give the answers that are due.

        Args:
            ended: whether the session is complete.
            decoding: whether a chunk is being decoded just now.
        """
        while (sequence := self._log.next_open()) in self._marks:
            # A held chunk that is about to be decoded belongs to this answer, and has no other.
            if decoding or self._sequencer.has_next or not self._is_due(sequence):
                return
            self._log.put(sequence, self._reply(sequence, True, ended))

    def renew_last(self, sequence: int) -> None:
        """The session has ended after its last chunk was answered too early: answer it anew.

        No later answer tells what that one left out; this is for whoever asks again.
        """
        old = self._log.get(sequence)
        if not isinstance(old, ChunkReply) or old.complete:
            return
        reply = self._reply(sequence, True, True)
        told_itself = old.end_segment > old.first_segment
        first = old.first_segment if told_itself else self._log.told_segments
        end = len(self._transcript.segments)
        self._log.put(sequence, replace(reply, first_segment=first, end_segment=end))

    def force(self, sequence: int, ended: bool) -> ChunkReply:
        """Answer now, as far as things are known; later answers and polls tell the rest."""
        outcome = self._log.get(sequence)
        if isinstance(outcome, ChunkReply):
            return outcome
        reply = self._reply(sequence, False, ended)
        self._log.put(sequence, reply)
        return reply

    def _is_due(self, sequence: int) -> bool:
        mark = self._marks[sequence]
        if sequence in self._hurried and self._passes.shown(mark):
            return True
        return self._passes.reached(mark)

    def _reply(self, sequence: int, complete: bool, ended: bool) -> ChunkReply:
        told = self._log.told_segments
        in_turn = self._log.next_open() == sequence
        now_s = self._clock()
        arrived_s, audio_s = self._times.pop(sequence, (now_s, 0.0))
        self._marks.pop(sequence, None)
        done = self._passes.log.take() if complete else PassesDone()
        times_s = (done.queue_s, audio_s, done.model_s, now_s - arrived_s)
        partial = self._transcript.partial
        return ChunkReply(
            sequence=sequence,
            complete=complete,
            revision=self._transcript.revision,
            next_sequence=self._sequencer.next_sequence,
            first_segment=told,
            end_segment=len(self._transcript.segments) if in_turn else told,
            partial=partial.text,
            stable_chars=partial.stable_chars,
            missing=tuple(self._sequencer.missing()),
            audio=self._passes.seconds(),
            settled=self._passes.settled(),
            timing=TimingMs(*(round(1000 * seconds) for seconds in times_s)),
            passes=done.newest,
            suggested_chunk_ms=self._passes.pace.suggested_chunk_ms,
            language=self._passes.windows.language.latest,
            final=ended,
        )
