"""An upload that is transcribed in the background, while readers see it grow like a session."""

from __future__ import annotations

import contextlib
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from transcriber.audio.decode import SAMPLE_RATE_HZ, Part, Samples
from transcriber.audio.errors import AudioError
from transcriber.audio.opened import Opened, OpenRecording, open_here
from transcriber.engine.window import DecodingOptions
from transcriber.live.errors import ServiceStopping
from transcriber.live.passes import Submit
from transcriber.live.readable import Readable
from transcriber.live.recording import Recording
from transcriber.live.snapshot import Snapshot
from transcriber.live.transcript import Partial

log = logging.getLogger(__name__)


class Upload(Readable):
    """A whole recording on its way, under an id that nobody can guess.

    Args:
        options: the client's wishes.
        submit: asks the engine for a pass.
        clock: monotonic seconds.
        open_recording: opens it.
    """

    kind = "upload"

    def __init__(
        self,
        options: DecodingOptions,
        submit: Submit,
        clock: Callable[[], float] = time.monotonic,
        open_recording: OpenRecording = open_here,
    ) -> None:
        super().__init__(secrets.token_urlsafe(24), options, clock)
        self.recording = Recording(self._decoded(), options, submit, self.transcript, self._changed)
        self.recording.log_name = self.log_name
        self.error: Exception | None = None
        self._duration_s: float | None = None
        self._open = open_recording
        self._opened: Opened | None = None

    def take(self, parts: Sequence[Part], max_s: float) -> None:
        """Open the files, which may then go away.

        Args:
            parts: seekable files, as `decode_recording` has them.
            max_s: the most seconds of audio.

        Raises:
            AudioError: this is no audio, or can't be decoded at all.
            OSError: there is no room for a copy.
        """
        self._opened = self._open(parts, max_s)
        self._duration_s = self._opened.duration_s

    def start(self, when_done: Callable[[], None]) -> None:
        """Begin to transcribe, in a thread that calls `when_done` at its end, however it ends."""
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
