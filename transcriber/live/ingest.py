"""From chunks to audio: each is decoded once, in order, by one thread at a time.

The thread that brings the next chunk decodes it, and those after it that are there already. The
decoding itself goes on outside the session's lock.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterable, Sequence

from transcriber.audio.errors import AudioError, NoDecoder, NotAudio, Undecodable
from transcriber.live.answers import Answers
from transcriber.live.chunk import Chunk
from transcriber.live.errors import SequenceGivenUp
from transcriber.live.intake import Heard, Intake
from transcriber.live.ledger import Ledger, StoredChunk
from transcriber.live.passes import Passes
from transcriber.live.sequencer import Sequencer

log = logging.getLogger(__name__)


class Ingest:
    """The chunks of one session on their way to its intake.

    Args:
        lock: the session's.
        is_over: tells whether the session takes no more audio.
        progress: called, with the lock held, when there may be something to answer.

    Attributes:
        busy: a thread decodes chunks, as long as the next is there.
        decoding: it is at one just now.
        ending: the audio has ended.
        final_sequence: the last chunk, once it has come.
        refused: why chunks were refused that were no audio, or came when nothing could decode
            them; they may come again.
        log_name: what the session is called in logs.
    """

    def __init__(
        self,
        lock: threading.Condition,
        sequencer: Sequencer[Chunk],
        intake: Intake,
        passes: Passes,
        answers: Answers,
        ledger: Ledger,
        is_over: Callable[[], bool],
        progress: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self.busy = self.decoding = self.ending = False
        self.final_sequence: int | None = None
        self.refused: dict[int, AudioError] = {}
        self.log_name = ""
        self._lock = lock
        self._sequencer = sequencer
        self._intake = intake
        self._passes = passes
        self._answers = answers
        self._ledger = ledger
        self._is_over = is_over
        self._progress = progress
        self._clock = clock
        self._replaying = False

    def run(self) -> None:
        """Decode chunks as long as the next in order is there; `busy` is set already."""
        try:
            while (taken := self._take_next()) is not None:
                if not self._ingest(*taken):
                    self._stop_here()
                    return
        except BaseException:
            with self._lock:
                self.busy = self.decoding = False
            raise

    def give_up(self, lost: Sequence[int]) -> None:
        """Go on without chunks that never came; `busy` is set already."""
        with self._lock:
            self._ledger.lost(lost)
        self._pass_over(lost)
        self.run()

    def end(self) -> None:
        """No last chunk has come, and none will."""
        heard: list[Heard] = []
        with contextlib.suppress(AudioError):  # nobody is there to be told
            heard = self._intake.end()
        with self._lock:
            self._intake.take(heard)
            self._take_end()
            self._passes.request()

    def replay(self, stored: Iterable[StoredChunk]) -> None:
        """Take what an earlier process took, up to where a chunk is still missing.

        What it had not got to is decoded now, and answered.
        """
        self._replaying = True
        for one in stored:
            if one.chunk is None:
                self._sequencer.restore(one.sequence + 1, None)
                self._pass_over([one.sequence])
                continue
            with self._lock:
                if one.chunk.final:
                    self.final_sequence = one.sequence
                if one.answer is not None:
                    self._answers.restore(one.sequence, one.answer)
                self._sequencer.offer(one.sequence, one.fingerprint, one.chunk)
                taken = self._sequencer.take()
            if taken is not None:
                self._ingest(*taken)
        self._replaying = False

    def recall(self, stored: Iterable[StoredChunk]) -> None:
        """Know the chunks of a session that is over, so that a repeated one is answered again."""
        for one in stored:
            self._sequencer.restore(one.sequence + 1, one.fingerprint if one.chunk else None)
            if one.answer is not None:
                self._answers.restore(one.sequence, one.answer)
            if one.chunk is not None and one.chunk.final:
                self.final_sequence = one.sequence

    def _take_next(self) -> tuple[int, Chunk] | None:
        """Take the next chunk in order; if there is none, the request that brings it ingests."""
        with self._lock:
            taken = None if self._is_over() else self._sequencer.take()
            self.busy = self.decoding = taken is not None
            if taken is None:
                self._progress()
            return taken

    def _stop_here(self) -> None:
        """A chunk has to wait for a decoder; `run` is called again for it."""
        with self._lock:
            self.busy = self.decoding = False
            self._progress()

    def _ingest(self, sequence: int, chunk: Chunk) -> bool:
        """Decode one chunk; if it is refused, its sequence is awaited again.

        Returns:
            False if nothing can decode it just now, and it has been answered: it is kept.
        """
        start_s = self._clock()
        heard: list[Heard] = []
        error: AudioError | None = None
        try:
            heard = self._intake.decode(chunk.parts)
            if chunk.final:
                heard += self._last_of(chunk)
        except (NotAudio, NoDecoder) as problem:
            if self._replaying and isinstance(problem, NoDecoder):
                raise  # the session stays away until there is one
            with self._lock:
                if isinstance(problem, NoDecoder) and self._answers.get(sequence) is not None:
                    self._sequencer.put_back(sequence, chunk)
                    return False
                self._refuse(sequence, chunk, problem)
            return True
        except AudioError as problem:
            error = problem
        except Exception as problem:  # a bug must cost one chunk, not the session
            log.exception("Decoding chunk %d failed", sequence, extra={"session": self.log_name})
            error = Undecodable(f"The chunk can't be decoded ({type(problem).__name__}).")
        if error is not None:
            heard += self._intake.resume_after_loss(1)
        with self._lock:
            self._intake.take(heard)
            if chunk.final:
                self._take_end()
            if error is not None:
                self._answers.refuse(sequence, error)
            self._answers.expect(sequence, chunk.arrived_s, self._clock() - start_s)
            self._passes.request()
            self._intake.forget_before(self._passes.settled().seconds)
            self.decoding = False
            self._progress()
        return True

    def _refuse(self, sequence: int, chunk: Chunk, problem: AudioError) -> None:
        self._sequencer.refuse(sequence)
        self.refused[sequence] = problem
        self._ledger.refused(sequence)
        if chunk.final:
            self.final_sequence = None

    def _last_of(self, chunk: Chunk) -> list[Heard]:
        """End the audio; what is wrong with an earlier chunk is no fault of an empty last one."""
        has_audio = any(part.data for part in chunk.parts)
        try:
            return self._intake.end()
        except NoDecoder:
            if not has_audio:
                raise
            return []  # the chunk itself is decoded: what is missing is less than a block
        except AudioError:
            if has_audio:
                raise
            return []

    def _take_end(self) -> None:
        self.ending = True
        self._intake.take_end()

    def _pass_over(self, lost: Sequence[int]) -> None:
        heard = self._intake.resume_after_loss(len(lost))
        with self._lock:
            for sequence in lost:
                self._answers.refuse(sequence, SequenceGivenUp())
            self._intake.take(heard)
