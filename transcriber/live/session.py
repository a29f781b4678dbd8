"""One live session: takes chunks in any order, asks for passes, tells each word exactly once.

Three kinds of threads meet here: requests that bring chunks and wait, workers that bring what
the model heard, and the store's keeper that closes gaps and forgotten sessions. One condition
guards everything but the decoding of bytes, which one thread at a time does outside of it. Nothing
is told that is not written down.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from config.settings import Settings
from transcriber.audio.stream import Stream, StreamDecoder
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
from transcriber.live.ingest import Ingest
from transcriber.live.intake import NO_SKIP, Intake
from transcriber.live.ledger import Ledger, NoLedger, Standing, StoredSession
from transcriber.live.pace import Pace
from transcriber.live.passes import Passes, Submit
from transcriber.live.readable import RESTARTED, Readable
from transcriber.live.replies import Answer, ChunkReply
from transcriber.live.sequencer import Sequencer
from transcriber.live.snapshot import Snapshot

# The part of the latency target after which a reply stops to wait for final text.
_PATIENCE = 0.7
# When no chunk has come for so long, a partial pass that is due is not left to the next one. Longer
# than chunks are: asked for by the keeper, the passes of all sessions would come at once.
_PAUSE_S = 2.5


class Session(Readable):
    """See the module.

    Args:
        session_id: its id.
        options: fixed by its first chunk.
        settings: the service's.
        submit: asks the engine for one pass of a lane.
        clock: monotonic seconds.
        pace: the service's.
        ledger: where it is written down; memory only without one.
        new_stream: makes what decodes its bytes, for chunks of so many seconds at most.
    """

    kind = "session"

    def __init__(
        self,
        session_id: str,
        options: DecodingOptions,
        settings: Settings,
        submit: Submit,
        clock: Callable[[], float] = time.monotonic,
        pace: Pace | None = None,
        ledger: Ledger | None = None,
        new_stream: Callable[[float], Stream] = StreamDecoder,
    ) -> None:
        super().__init__(session_id, options, clock, ledger or NoLedger())
        self._settings = settings
        self._sequencer: Sequencer[Chunk] = Sequencer(settings.gap_timeout_s, clock)
        self._intake = Intake(settings.max_chunk_s, new_stream=new_stream)
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
        self._answers = Answers(
            self._passes, self.transcript, self._sequencer, self.ledger.answered, clock
        )
        self._ingest = Ingest(
            self._changed,
            self._sequencer,
            self._intake,
            self._passes,
            self._answers,
            self.ledger,
            lambda: self.state == "expired",
            self._progress,
            clock,
        )
        self._passes.log_name = self._ingest.log_name = self.log_name
        self._passes.session_id = session_id
        self._written = Standing()
        self._written_segments = 0
        self._recalled: Standing | None = None  # it was over when an earlier process ended

    def restore(self, stored: StoredSession) -> None:
        """Go on where an earlier process broke off; call it before anything else.

        The chunks are decoded once more, 13 s for an hour of WebM; the model hears again only
        what was not final.
        """
        standing = stored.standing
        if standing.state == "active":
            standing = replace(standing, revision=standing.revision + RESTARTED)
            self.ledger.stands(standing, ())
        self.state, self.transcript.revision = standing.state, standing.revision
        self.transcript.segments.extend(stored.segments)
        self._written, self._written_segments = standing, len(stored.segments)
        if standing.language is not None:
            self._passes.windows.language.restore(standing.language)
        if standing.state != "active":
            self._recalled = standing
            self._touched_s = self._clock() - stored.age_s
            self._ingest.recall(stored.chunks())
            return
        self._passes.windows.skip(stored.skip)
        self._passes.restore(standing.settled, standing.final)
        self._ingest.replay(stored.chunks())
        self._touched_s = self._clock()

    @property
    def has_begun(self) -> bool:
        """Whether any chunk was accepted."""
        with self._changed:
            return self._sequencer.next_sequence > 0

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
            held = self._force(sequence) if verdict == "held" else None
            ingest = verdict == "next" and not self._ingest.busy
            self._ingest.busy = self._ingest.busy or ingest
        if held is not None:
            self.ledger.wait_written()
            return held, False
        if ingest:
            self._ingest.run()
        with self._changed:
            patient_s = min(deadline_s, chunk.arrived_s + self._patience_s())
            self._wait_answered(sequence, patient_s)
            if self._more_replies_after(sequence):
                self._answers.hurry(sequence)
                self._progress()
            self._wait_answered(sequence, deadline_s)
            self._answers.hurry(sequence, False)
            if verdict == "duplicate" and sequence == self._ingest.final_sequence:
                self._renew_last(sequence, deadline_s)
            answer = self._answer(sequence)
        self.ledger.wait_written()
        if isinstance(answer, Exception):
            raise answer
        return answer, verdict == "duplicate"

    def _renew_last(self, sequence: int, deadline_s: float) -> None:
        """Who asks for the last reply again, and got it before the end, gets it whole."""
        outcome = self._answers.get(sequence)
        if isinstance(outcome, ChunkReply) and not outcome.complete and self._ingest.ending:
            wait_s = deadline_s - self._clock()
            self._changed.wait_for(lambda: self.state != "active", wait_s)
            if self.state == "ended":
                self._answers.renew_last(sequence)

    def _more_replies_after(self, sequence: int) -> bool:
        """Tell whether a later reply can tell what this one leaves out."""
        last = self._ingest.final_sequence
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
        if verdict in ("next", "held", "too-far") and self._is_beyond_end(sequence):
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
            self._write_chunk(chunk)
            self._touched_s = self._clock()
            self._ingest.refused.pop(sequence, None)
            if chunk.final:
                self._ingest.final_sequence = sequence
            if sequence == 0 and chunk.skip != NO_SKIP:
                self._passes.windows.skip(chunk.skip)
        return verdict

    def _write_chunk(self, chunk: Chunk) -> None:
        """Have a chunk on disk before it is accepted."""
        try:
            self.ledger.chunk(chunk)
        except BaseException:
            self._sequencer.withdraw(chunk.sequence)
            raise

    def _is_beyond_end(self, sequence: int) -> bool:
        if self._ingest.ending or self.state == "ended":
            return True
        last = self._ingest.final_sequence
        return last is not None and sequence > last

    def _is_answered(self, sequence: int) -> bool:
        return (
            self._answers.get(sequence) is not None
            or sequence in self._ingest.refused
            or self.state == "expired"
        )

    def _answer(self, sequence: int) -> Answer:
        answer = self._answers.get(sequence) or self._ingest.refused.get(sequence)
        if answer is None:
            answer = SessionExpired() if self.state == "expired" else self._force(sequence)
        return answer

    # -- answers ----------------------------------------------------------------------------

    def _progress(self) -> None:
        """Something was decoded: answer what can be answered, and wake those who wait."""
        if self._ingest.ending and self.state == "active" and self._passes.idle:
            self.state = "ended"
            self._passes.windows.language.end()
            self._intake.close()
            self.transcript.revision += 1
        self._write_down()
        self._answers.settle(self.state == "ended", self._ingest.decoding)
        self._changed.notify_all()

    def _write_down(self) -> None:
        """Write down what has become final, before any answer tells it."""
        segments = self.transcript.segments
        if len(segments) == self._written_segments and self.state == self._written.state:
            return
        self._written = Standing(
            state=self.state,
            revision=self.transcript.revision,
            settled=self._passes.position,
            segments=len(segments),
            final=self._intake.final,
            language=self._passes.windows.language.state,
            audio=self._passes.seconds(),
            duration_s=self._duration_s(),
        )
        self.ledger.stands(self._written, segments[self._written_segments :])
        self._written_segments = len(segments)

    def _duration_s(self) -> float | None:
        return None if self.state == "active" else round(self._intake.received_s, 3)

    def _force(self, sequence: int) -> ChunkReply:
        reply = self._answers.force(sequence, self.state == "ended")
        self._progress()
        return reply

    # -- readers ----------------------------------------------------------------------------

    def snapshot(self, after: int = -1) -> Snapshot:
        """Return the session as it is, with the segments whose id is above `after`."""
        with self._changed:
            past = self._recalled
            return Snapshot(
                state=self.state,
                revision=self.transcript.revision,
                next_sequence=self._sequencer.next_sequence,
                missing=tuple(self._sequencer.missing()),
                segments=tuple(self.transcript.segments[after + 1 :]),
                segment_count=len(self.transcript.segments),
                partial=self.transcript.partial,
                audio=past.audio if past else self._passes.seconds(),
                settled=past.all_settled if past else self._passes.settled(),
                language=self._passes.windows.language.latest,
                duration_s=past.duration_s if past else self._duration_s(),
            )

    # -- upkeep -----------------------------------------------------------------------------

    def tick(self) -> None:
        """Do what is due: a partial pass, giving up a gap, ending a session that was left alone."""
        with self._changed:
            if self.state != "active" or self._ingest.busy:
                return
            if self.idle_s() > _PAUSE_S:
                self._passes.request()
            waiting = self._sequencer.has_next  # for a decoder
            lost = self._sequencer.give_up_gap()
            left = self._clock() - self._touched_s > self._settings.session_ttl_s
            if not lost and not waiting and not (left and not self._ingest.ending):
                return
            self._ingest.busy = True
        if waiting:
            self._ingest.run()
        elif lost:
            self._ingest.give_up(lost)
        else:
            self._abandon()

    def _abandon(self) -> None:
        """No chunk came for too long: what is there becomes final, then the session is over."""
        self._ingest.end()
        with self._changed:
            self._passes.when_idle(self.expire)

    def expire(self) -> None:
        """End the session for good; readers still see what is final."""
        super().expire()
        self._intake.close()

    def _stop(self) -> None:
        self._passes.windows.language.end()
        self._passes.withdraw()
        self._write_down()
