"""An upload that is transcribed in the background, while readers see it grow like a session."""

from __future__ import annotations

import contextlib
import logging
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import IO, BinaryIO, Literal, cast

from transcriber.audio.decode import Part
from transcriber.audio.errors import AudioError, NoDecoder
from transcriber.audio.opened import Opened, OpenRecording, open_here
from transcriber.audio.resample import SAMPLE_RATE_HZ, Samples
from transcriber.engine.window import DecodingOptions
from transcriber.live.chunk import Chunk
from transcriber.live.errors import ServiceStopping
from transcriber.live.intake import ChunkPart
from transcriber.live.language import LanguageState
from transcriber.live.ledger import Ledger, Refusal, Standing, StoredChunk, StoredSession
from transcriber.live.passes import Submit
from transcriber.live.readable import RESTARTED, Readable
from transcriber.live.recording import Recording
from transcriber.live.snapshot import Snapshot
from transcriber.live.transcript import Partial

log = logging.getLogger(__name__)

# It is written down in pieces of that size.
_PIECE_BYTES = 4 << 20


def new_upload_id() -> str:
    """Return an id that nobody can guess."""
    return secrets.token_urlsafe(24)


class Upload(Readable):
    """A whole recording on its way, under an id that nobody can guess.

    Args:
        options: the client's wishes.
        submit: asks the engine for a pass.
        clock: monotonic seconds.
        open_recording: opens it.
        upload_id: its id; made up if there is none yet.
        ledger: where it is written down; memory only without one.
    """

    kind = "upload"

    def __init__(
        self,
        options: DecodingOptions,
        submit: Submit,
        clock: Callable[[], float] = time.monotonic,
        open_recording: OpenRecording = open_here,
        upload_id: str | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        super().__init__(upload_id or new_upload_id(), options, clock, ledger)
        self.recording = Recording(self._decoded(), options, submit, self.transcript, self._changed)
        self.recording.log_name, self.recording.session_id = self.log_name, self.id
        self.error: Exception | None = None
        self._duration_s: float | None = None
        self._open = open_recording
        self._opened: Opened | None = None
        self._started = False
        self._recalled: Standing | None = None  # it was over when an earlier process ended

    def take(self, parts: Sequence[Part], max_s: float) -> None:
        """Open the files, which may then go away.

        Args:
            parts: seekable files, as `decode_recording` has them.
            max_s: the most seconds of audio.

        Raises:
            AudioError: this is no audio, or can't be decoded at all.
            OSError: there is no room for a copy.
            StorageError: it can't be written down; nothing was.
        """
        self._opened = self._open(parts, max_s)
        self._duration_s = self._opened.duration_s
        try:
            self._write_parts(parts)
        except BaseException:
            self._opened.close()
            raise

    def _write_parts(self, parts: Sequence[Part]) -> None:
        """Have all of it on disk before it is accepted; the first standing says that it is."""
        sequence = 0
        for part in parts:
            part.data.seek(0)
            piece, following = part.data.read(_PIECE_BYTES), part.data.read(_PIECE_BYTES)
            while piece:
                stored = [ChunkPart(piece, part.pcm)]
                self.ledger.chunk(Chunk(sequence, stored, final=not following))
                piece, following = following, part.data.read(_PIECE_BYTES)
                sequence += 1
        self.ledger.stands(Standing(revision=1, duration_s=self._duration_s), ())
        self.ledger.wait_written()

    def restore(self, stored: StoredSession, max_s: float) -> None:
        """Begin anew what an earlier process broke off, or tell what came of it.

        The same words come again, as the recording is the same.

        Raises:
            NoDecoder, OSError: see `take`.
        """
        standing = stored.standing
        self.state, self.transcript.revision = standing.state, standing.revision
        self._duration_s = standing.duration_s
        if standing.state == "active":
            self.transcript.revision += RESTARTED
            self.ledger.stands(replace(standing, revision=self.transcript.revision), ())
            try:
                with contextlib.ExitStack() as files:
                    self._opened = self._open(_stored_parts(stored.chunks(), files), max_s)
            except NoDecoder:
                raise
            except AudioError as error:
                self._end("failed", error)
            return
        self._recalled = standing
        self._touched_s = self._clock() - stored.age_s
        self.error = standing.refusal.error() if standing.refusal else None
        self.transcript.segments.extend(stored.segments)

    def start(self, when_done: Callable[[], None]) -> None:
        """Begin to transcribe, in a thread that calls `when_done` at its end, however it ends."""
        self._started = True
        threading.Thread(
            target=self._run, args=(when_done,), name=f"upload-{self.log_name}", daemon=True
        ).start()

    def _run(self, when_done: Callable[[], None]) -> None:
        error: Exception | None = None
        try:
            assert self._opened is not None
            with contextlib.closing(self._opened):
                self.recording.run()
        except AudioError as problem:
            error = problem
        except Exception as problem:  # readers are told
            log.exception("The upload failed", extra={"session": self.log_name})
            error = problem
        finally:
            self._end("failed" if error else "ended", error)
            when_done()

    def _decoded(self) -> Iterator[Samples]:
        """Yield the recording's blocks; at their end its length is known for certain."""
        samples = 0
        for block in self._opened.blocks if self._opened else ():
            samples += len(block)
            yield block
        with self._changed:
            self._duration_s = round(samples / SAMPLE_RATE_HZ, 3)

    def _end(self, state: Literal["ended", "failed"], error: Exception | None = None) -> None:
        with self._changed:
            if self.state == "active":
                self.state, self.error = state, error
                self._touched_s = self._clock()
                self.transcript.revision += 1
                if not isinstance(error, ServiceStopping):  # the next process takes it up again
                    self.ledger.stands(self._standing(), self.transcript.segments)
                self._changed.notify_all()

    def _standing(self) -> Standing:
        recording = self.recording
        return Standing(
            state=self.state,
            revision=self.transcript.revision,
            settled=int(recording.settled.seconds * SAMPLE_RATE_HZ),
            segments=recording.settled.segments,
            language=LanguageState(latest=recording.language),
            audio=recording.seconds,
            duration_s=self._duration_s,
            refusal=Refusal.of(self.error) if self.error is not None else None,
        )

    def wait_done(self, wait_s: float) -> bool:
        """Wait until nothing more will come; True if that came about in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self.state != "active", wait_s)

    def snapshot(self, after: int = -1) -> Snapshot:
        """Return the upload as it is, with the segments whose id is above `after`."""
        with self._changed:
            past = self._recalled
            language = past.language.latest if past and past.language else self.recording.language
            return Snapshot(
                state=self.state,
                revision=self.transcript.revision,
                next_sequence=0,
                missing=(),
                segments=tuple(self.transcript.segments[after + 1 :]),
                segment_count=len(self.transcript.segments),
                partial=Partial(),
                audio=past.audio if past else self.recording.seconds,
                settled=past.all_settled if past else self.recording.settled,
                language=language,
                duration_s=self._duration_s,
                error=self.error,
            )

    def release_readers(self) -> None:
        """The service stops: what is not done by now fails, and readers are told so."""
        self._end("failed", ServiceStopping())
        self._stop()
        super().release_readers()

    def tick(self) -> None:
        """Nothing is due: it goes on by itself."""

    def _stop(self) -> None:
        self.recording.stop()
        if self._opened is not None and not self._started:
            self._opened.close()


def _stored_parts(pieces: Iterable[StoredChunk], files: contextlib.ExitStack) -> list[Part]:
    """Return the files of an upload again, each put together from its pieces."""
    parts: list[Part] = []
    file: IO[bytes] | None = None
    for one in pieces:
        assert one.chunk is not None
        if file is None:
            file = files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
            parts.append(Part(cast("BinaryIO", file), one.chunk.parts[0].pcm))
        file.write(one.chunk.parts[0].data)
        if one.chunk.final:
            file.seek(0)
            file = None
    return parts
