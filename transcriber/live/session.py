"""One live session: takes chunks in any order, asks for passes, tells each word exactly once.

Three kinds of threads meet here: requests that bring chunks and wait, workers that bring what
the model heard, and the store's keeper that closes gaps and forgotten sessions. One condition
guards everything but the decoding of bytes, which one thread at a time does outside of it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from config.settings import Settings
from transcriber.audio.errors import AudioError, NotAudio, Undecodable
from transcriber.engine.window import DecodingOptions
from transcriber.live.answers import Answers
from transcriber.live.chunk import Chunk
from transcriber.live.errors import (
    SequenceGap,
    SequenceGivenUp,
    SequenceReused,
    SessionEnded,
    SessionExpired,
    SessionTooLong,
)
from transcriber.live.intake import Heard, Intake
from transcriber.live.pace import Pace
from transcriber.live.passes import Passes, Submit
from transcriber.live.readable import Readable
from transcriber.live.replies import ChunkReply
from transcriber.live.sequencer import Sequencer
from transcriber.live.snapshot import Snapshot

log = logging.getLogger(__name__)

# The part of the latency target after which a reply stops to wait for final text.
_PATIENCE = 0.7
# When no chunk has come for so long, a partial pass that is due is not left to the next one. Longer
# than chunks are: asked for by the keeper, the passes of all sessions would come at once.
_PAUSE_S = 2.5


class Session(Readable):
    """See the module. `submit` asks the engine for one pass of a lane; `pace` is the service's."""

    kind = "session"

    def __init__(
        self,
        session_id: str,
        options: DecodingOptions,
        settings: Settings,
        submit: Submit,
        clock: Callable[[], float] = time.monotonic,
        pace: Pace | None = None,
    ) -> None:
        super().__init__(session_id, options, clock)
        self._settings = settings
        self._sequencer: Sequencer[Chunk] = Sequencer(settings.gap_timeout_s, clock)
        self._intake = Intake(settings.max_chunk_s)
        self._passes = Passes(
            options,
            self._intake,
            self.transcript,
            submit,
            self._changed,
            self._progress,
            pace or Pace(settings.latency_target_ms / 1000, clock),
            settings.final_hold_s,
        )
        self._passes.log_name = self.log_name
        self._answers = Answers(self._passes, self.transcript, self._sequencer, clock)
        self._refused: dict[int, AudioError] = {}
        self._ingesting = False  # a thread decodes chunks as long as the next is there
        self._decoding = False  # it is at one just now
        self._ending = False
        self._final_sequence: int | None = None

    # -- chunks ---------------------------------------------------------------------------

    def post(self, chunk: Chunk, wait_s: float) -> tuple[ChunkReply, bool]:
        """Take a chunk and wait for the pass that includes it.

        Args:
            chunk: the chunk, in any order, possibly a repetition.
            wait_s: seconds to wait before the reply is given as far as it is known.

        Returns:
            The reply, and whether it is one that was given before.

        Raises:
            SessionError: the chunk can't be taken; nothing was stored.
            NotAudio: its bytes are nothing that could continue the session; nothing was stored.
            Undecodable, TooLong: its sequence is consumed and the transcript shows a gap.
        """
        deadline_s = self._clock() + wait_s
        sequence = chunk.sequence
        with self._changed:
            verdict = self._offer(chunk)
            if verdict == "held":
                return self._force(sequence), False
            ingest = verdict == "next" and not self._ingesting
            self._ingesting = self._ingesting or ingest
        if ingest:
            self._ingest_in_order()
        with self._changed:
            patient_s = min(deadline_s, chunk.arrived_s + self._patience_s())
            self._wait_answered(sequence, patient_s)
            if self._more_replies_after(sequence):
                self._answers.hurry(sequence)
                self._progress()
            self._wait_answered(sequence, deadline_s)
            self._answers.hurry(sequence, False)
            if verdict == "duplicate" and sequence == self._final_sequence:
                self._renew_last(sequence, deadline_s)
            return self._outcome(sequence), verdict == "duplicate"

    def _renew_last(self, sequence: int, deadline_s: float) -> None:
        """Who asks for the last reply again, and got it before the end, gets it whole."""
        outcome = self._answers.get(sequence)
        if isinstance(outcome, ChunkReply) and not outcome.complete and self._ending:
            wait_s = deadline_s - self._clock()
            self._changed.wait_for(lambda: self.state != "active", wait_s)
            if self.state == "ended":
                self._answers.renew_last(sequence)

    def _more_replies_after(self, sequence: int) -> bool:
        """Tell whether a later reply can tell what this one leaves out."""
        last = self._final_sequence
        return last is None or (sequence != last and self._answers.get(last) is None)

    def _patience_s(self) -> float:
        """Return how long a reply waits for final text, so that it arrives within the target."""
        return _PATIENCE * self._settings.latency_target_ms / 1000

    def _wait_answered(self, sequence: int, until_s: float) -> None:
        self._changed.wait_for(lambda: self._is_answered(sequence), until_s - self._clock())

    def _offer(self, chunk: Chunk) -> str:
        sequence = chunk.sequence
        if self.state == "expired":
            raise SessionExpired
        verdict = self._sequencer.offer(sequence, chunk.fingerprint(), chunk)
        if verdict in ("next", "held") and self._is_beyond_end(sequence):
            self._sequencer.withdraw(sequence)
            raise SessionEnded
        if verdict == "reused":
            raise SequenceReused
        if verdict == "too-far":
            raise SequenceGap(self._sequencer.next_sequence)
        if verdict == "given-up":
            raise SequenceGivenUp
        if verdict != "duplicate":
            if self._intake.received_s >= self._settings.max_audio_s:
                self._sequencer.withdraw(sequence)
                raise SessionTooLong(self._settings.max_audio_s)
            self._touched_s = self._clock()
            self._refused.pop(sequence, None)
            if chunk.final:
                self._final_sequence = sequence
            if sequence == 0:
                self._passes.windows.skip(chunk.skip)
        return verdict

    def _is_beyond_end(self, sequence: int) -> bool:
        if self._ending or self.state == "ended":
            return True
        return self._final_sequence is not None and sequence > self._final_sequence

    def _is_answered(self, sequence: int) -> bool:
        return (
            self._answers.get(sequence) is not None
            or sequence in self._refused
            or self.state == "expired"
        )

    def _outcome(self, sequence: int) -> ChunkReply:
        outcome = self._answers.get(sequence) or self._refused.get(sequence)
        if outcome is None:
            if self.state == "expired":
                raise SessionExpired
            outcome = self._force(sequence)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    # -- decoding bytes, one thread at a time -----------------------------------------------

    def _ingest_in_order(self) -> None:
        """Decode chunks as long as the next in order is there."""
        try:
            while (taken := self._take_next()) is not None:
                self._ingest(*taken)
        except BaseException:
            with self._changed:
                self._ingesting = self._decoding = False
            raise

    def _take_next(self) -> tuple[int, Chunk] | None:
        """Take the next chunk in order; if there is none, the request that brings it ingests."""
        with self._changed:
            taken = self._sequencer.take() if self.state != "expired" else None
            self._ingesting = self._decoding = taken is not None
            if taken is None:
                self._progress()
            return taken

    def _ingest(self, sequence: int, chunk: Chunk) -> None:
        """Decode one chunk; if it is refused, its sequence is awaited again."""
        start_s = self._clock()
        heard: list[Heard] = []
        error: AudioError | None = None
        try:
            heard = self._intake.decode(chunk.parts)
            if chunk.final:
                heard += self._end(chunk)
        except NotAudio as problem:
            with self._changed:
                self._sequencer.refuse(sequence)
                self._refused[sequence] = problem
                if chunk.final:
                    self._final_sequence = None
            return
        except AudioError as problem:
            error = problem
        except Exception as problem:  # a bug must cost one chunk, not the session
            log.exception("Decoding chunk %d failed", sequence, extra={"session": self.log_name})
            error = Undecodable(f"The chunk can't be decoded ({type(problem).__name__}).")
        if error is not None:
            heard += self._intake.resume_after_loss(1)
        with self._changed:
            self._intake.take(heard)
            if chunk.final:
                self._ending = True
                self._intake.take_end()
            if error is not None:
                self._answers.refuse(sequence, error)
            self._answers.expect(sequence, chunk.arrived_s, self._clock() - start_s)
            self._passes.request()
            self._intake.forget_before(self._passes.settled().seconds)
            self._decoding = False
            self._progress()

    def _end(self, chunk: Chunk) -> list[Heard]:
        """End the audio; what is wrong with an earlier chunk is no fault of an empty last one."""
        try:
            return self._intake.end()
        except AudioError:
            if any(part.data for part in chunk.parts):
                raise
            return []

    # -- answers ----------------------------------------------------------------------------

    def _progress(self) -> None:
        """Something was decoded: answer what can be answered, and wake those who wait."""
        if self._ending and self.state == "active" and self._passes.idle:
            self.state = "ended"
            self._passes.windows.language.end()
            self._intake.close()
            self.transcript.revision += 1
        self._answers.settle(self.state == "ended", self._decoding)
        self._changed.notify_all()

    def _force(self, sequence: int) -> ChunkReply:
        reply = self._answers.force(sequence, self.state == "ended")
        self._progress()
        return reply

    # -- readers ----------------------------------------------------------------------------

    def snapshot(self, after: int = -1) -> Snapshot:
        """Return the session as it is, with the segments whose id is above `after`."""
        with self._changed:
            return Snapshot(
                state=self.state,
                revision=self.transcript.revision,
                next_sequence=self._sequencer.next_sequence,
                missing=tuple(self._sequencer.missing()),
                segments=tuple(self.transcript.segments[after + 1 :]),
                segment_count=len(self.transcript.segments),
                partial=self.transcript.partial,
                audio=self._passes.seconds(),
                settled=self._passes.settled(),
                language=self._passes.windows.language.latest,
                duration_s=None if self.state == "active" else round(self._intake.received_s, 3),
            )

    # -- upkeep -----------------------------------------------------------------------------

    def tick(self) -> None:
        """Do what is due: a partial pass, giving up a gap, ending a session that was left alone."""
        with self._changed:
            if self.state != "active" or self._ingesting:
                return
            if self.idle_s() > _PAUSE_S:
                self._passes.request()
            lost = self._sequencer.give_up_gap()
            left = self._clock() - self._touched_s > self._settings.session_ttl_s
            if not lost and not (left and not self._ending):
                return
            self._ingesting = True
        if lost:
            self._skip(lost)
        else:
            self._abandon()

    def _skip(self, lost: list[int]) -> None:
        heard = self._intake.resume_after_loss(len(lost))
        with self._changed:
            for sequence in lost:
                self._answers.refuse(sequence, SequenceGivenUp())
            self._intake.take(heard)
        self._ingest_in_order()

    def _abandon(self) -> None:
        """No chunk came for too long: what is there becomes final, then the session is over."""
        heard = self._intake.end()
        with self._changed:
            self._intake.take(heard)
            self._ending = True
            self._intake.take_end()
            self._passes.request()
            self._passes.when_idle(self.expire)

    def expire(self) -> None:
        """End the session for good; readers still see what is final."""
        super().expire()
        self._intake.close()

    def _stop(self) -> None:
        self._passes.windows.language.end()
        self._passes.withdraw()
