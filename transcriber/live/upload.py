"""An upload that is transcribed in the background, while readers see it grow like a session."""

from __future__ import annotations

import itertools
import logging
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack
from typing import BinaryIO, Literal, cast

from transcriber.audio.decode import (
    NO_SAMPLES,
    SAMPLE_RATE_HZ,
    Part,
    Samples,
    decode_recording,
)
from transcriber.audio.duration import duration_s
from transcriber.audio.errors import AudioError
from transcriber.engine.window import DecodingOptions
from transcriber.live.errors import ServiceStopping
from transcriber.live.passes import Submit
from transcriber.live.readable import Readable
from transcriber.live.recording import Recording
from transcriber.live.snapshot import Snapshot
from transcriber.live.transcript import Partial

log = logging.getLogger(__name__)

# Larger files wait on disk for their turn.
_IN_MEMORY_BYTES = 8 << 20


class Upload(Readable):
    """A whole recording on its way, under an id that nobody can guess.

    Args:
        options: the client's wishes.
        submit: asks the engine for a pass.
        clock: monotonic seconds.
    """

    kind = "upload"

    def __init__(
        self,
        options: DecodingOptions,
        submit: Submit,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(secrets.token_urlsafe(24), options, clock)
        self.recording = Recording(self._decoded(), options, submit, self.transcript, self._changed)
        self.recording.log_name = self.log_name
        self.error: Exception | None = None
        self._duration_s: float | None = None
        self._files = ExitStack()
        self._blocks: Iterator[Samples] = iter(())

    def take(self, parts: Sequence[Part], max_s: float) -> None:
        """Copy the files, which may then go away, and decode the beginning.

        Args:
            parts: seekable files, as `decode_recording` has them.
            max_s: the most seconds of audio.

        Raises:
            AudioError: this is no audio, or can't be decoded at all.
            OSError: there is no room for the copy.
        """
        try:
            copies = [Part(self._copy(part.data), part.pcm) for part in parts]
            self._duration_s = duration_s(copies, max_s)
            blocks = cast("Generator[Samples, None, None]", decode_recording(copies, max_s))
            self._files.callback(blocks.close)
            self._blocks = itertools.chain([next(blocks, NO_SAMPLES)], blocks)
        except BaseException:
            self._files.close()
            raise

    def _copy(self, data: BinaryIO) -> BinaryIO:
        file = self._files.enter_context(tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES))  # noqa: SIM115
        shutil.copyfileobj(data, file)
        file.seek(0)
        return cast("BinaryIO", file)

    def start(self, when_done: Callable[[], None]) -> None:
        """Begin to transcribe, in a thread that calls `when_done` at its end, however it ends."""
        threading.Thread(
            target=self._run, args=(when_done,), name=f"upload-{self.log_name}", daemon=True
        ).start()

    def _run(self, when_done: Callable[[], None]) -> None:
        error: Exception | None = None
        try:
            with self._files:
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
        for block in self._blocks:
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
                self._changed.notify_all()

    def wait_done(self, wait_s: float) -> bool:
        """Wait until nothing more will come; True if that came about in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self.state != "active", wait_s)

    def snapshot(self, after: int = -1) -> Snapshot:
        """Return the upload as it is, with the segments whose id is above `after`."""
        with self._changed:
            return Snapshot(
                state=self.state,
                revision=self.transcript.revision,
                next_sequence=0,
                missing=(),
                segments=tuple(self.transcript.segments[after + 1 :]),
                segment_count=len(self.transcript.segments),
                partial=Partial(),
                audio=self.recording.seconds,
                settled=self.recording.settled,
                language=self.recording.language,
                duration_s=self._duration_s,
                error=self.error,
            )

    def release_readers(self) -> None:
        """The service stops: what is not done by now fails, and readers are told so."""
        self._end("failed", ServiceStopping())
        self.recording.stop()
        super().release_readers()

    def tick(self) -> None:
        """Nothing is due: it goes on by itself."""

    def _stop(self) -> None:
        self.recording.stop()
