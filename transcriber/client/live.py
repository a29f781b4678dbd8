"""Live transcription for programs: audio in, words out, over plain HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Literal

from transcriber.client.delivery import Callbacks, Delivery
from transcriber.client.errors import ClientError
from transcriber.client.options import Task, form_fields
from transcriber.client.replies import Partial, Segment
from transcriber.client.servers import chosen
from transcriber.client.tape import Tape

DEFAULT_SERVER = "http://localhost:7860"


class LiveClient:
    """One recording, brought to the best of several servers, with no word lost or doubled.

    The same rules as the page's: chunks grow with the server's delay, a request is tried again
    until it is answered, and a server that fails is replaced by the next one in the list, which is
    given what is not final yet. Use it as a context manager::

        with LiveClient("http://localhost:7860", on_final=show) as live:
            for block in microphone:
                live.send(block)
        print(live.text)

    Leaving the block waits until every word is final. Audio is kept in memory until its text is
    final, 32 kB for each second; without a server it gathers.

    Args:
        servers: an address, or several, preferred first.
        key: one of the servers' `API_KEYS`, where they ask for one.
        language: a code such as `en`; None has it detected.
        task: `translate` is into English.
        prompt: text that sets spelling and style.
        hotwords: words to expect.
        on_final: called with each `Segment` once it is final, in order, each once.
        on_partial: called with the `Partial` behind them whenever it changes.
        on_problem: called with what people should know of, such as a server that refuses the
            recording while another takes it.

    Callbacks run on a thread of the client's own: they must not take long. Audio is sent from one
    thread at a time, or its blocks come in any order.

    Raises:
        ClientError: an address is none.
    """

    def __init__(
        self,
        servers: str | Sequence[str] = DEFAULT_SERVER,
        *,
        key: str = "",
        language: str | None = None,
        task: Task = "transcribe",
        prompt: str = "",
        hotwords: str = "",
        on_final: Callable[[Segment], object] = lambda segment: None,
        on_partial: Callable[[Partial], object] = lambda partial: None,
        on_problem: Callable[[ClientError], object] = lambda error: None,
    ) -> None:
        self._tape = Tape()
        self._delivery = Delivery(
            chosen(servers, key),
            self._tape,
            form_fields(language, task, prompt, hotwords),
            Callbacks(on_final, on_partial, on_problem),
        )
        self._state: Literal["recording", "ended", "closed"] = "recording"
        self._delivery.loop.start()

    def send(self, audio: Any) -> None:
        """Add audio; it returns at once, whatever the network does.

        Args:
            audio: mono samples at 16 kHz: as bytes, 16-bit little-endian; or as a NumPy array of
                int16, or of floats between -1 and 1.

        Raises:
            ClientError: every server refuses the recording, or it was ended before.
        """
        if self._state != "recording":
            raise ClientError("The recording was ended: use another LiveClient.", "ended")
        self._raise_failure()
        self._tape.append(_pcm(audio))

    def finish(self, timeout_s: float | None = None) -> str:
        """End the recording, wait until every word is final, and return the text.

        Args:
            timeout_s: how long to wait; None is for as long as it takes, also for a server.

        Raises:
            ClientError: every server refuses the recording (its `code` says why); it takes longer
                (`timeout`), and `finish` can be called again; it was closed (`closed`); or a
                callback calls this (`in-callback`).
        """
        if self._delivery.loop.is_here:
            raise ClientError("A callback can't wait for the words behind it.", "in-callback")
        if self._state == "recording":
            self._state = "ended"
            self._delivery.loop.call(self._delivery.end)
        if self._state == "ended":
            if not self._delivery.over.wait(timeout_s):
                raise ClientError(
                    f"{self.pending_s:.0f} s of audio were not transcribed in {timeout_s:g} s:"
                    f" {self._trouble()}",
                    "timeout",
                )
            self.close()
        self._raise_failure()
        if not self._delivery.complete:
            raise ClientError("It was closed before every word was final.", "closed")
        return self.text

    def close(self) -> None:
        """Give up whatever is not final."""
        if self._state != "closed":
            self._state = "closed"
            self._delivery.over.set()  # nobody has to wait any longer
            self._delivery.loop.stop()
            if self._delivery.session is not None:
                self._delivery.session.close()
            for server in self._delivery.servers.list:
                server.wire.close()

    @property
    def text(self) -> str:
        """Return all that is final."""
        return self._delivery.transcript.text

    @property
    def segments(self) -> list[Segment]:
        """Return what is final, with times and words."""
        return list(self._delivery.transcript.segments)

    @property
    def partial(self) -> Partial:
        """Return what comes behind it and may still change."""
        return self._delivery.transcript.partial

    @property
    def language(self) -> str | None:
        """Return the language that was detected, None while the model is not sure."""
        return self._delivery.language

    @property
    def server(self) -> str | None:
        """Return the address of the server in use, None while there is none."""
        session = self._delivery.session
        return session.server.url if session else None

    @property
    def watch_url(self) -> str | None:
        """Return a link that lets others read along, None while there is none."""
        session = self._delivery.session
        return (
            f"{session.server.url}/?watch={session.watch_id}"
            if session and session.watch_id
            else None
        )

    @property
    def pending_s(self) -> float:
        """Return how many seconds of audio no server has answered yet."""
        return self._delivery.pending_s

    @property
    def waiting(self) -> str:
        """Return why no server takes the recording at the moment; empty while one does."""
        delivery = self._delivery
        down = delivery.session is not None and delivery.session.server.is_down
        return self._trouble() if delivery.waiting or down else ""

    def __enter__(self) -> LiveClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None and self._state != "closed":
            self.finish()
        self.close()

    def _raise_failure(self) -> None:
        if self._delivery.failure is not None:
            self.close()
            raise self._delivery.failure

    def _trouble(self) -> str:
        servers = self._delivery.servers.list
        return "; ".join(f"{one.url}: {one.detail or 'no answer yet'}" for one in servers)


def _pcm(audio: Any) -> bytes:
    """Return samples as bytes, 16-bit little-endian; NumPy is not needed for bytes."""
    if isinstance(audio, (bytes, bytearray, memoryview)):
        return bytes(audio)
    if getattr(audio, "ndim", 0) != 1:
        raise TypeError("audio is bytes, or a NumPy array of one dimension")
    if audio.dtype.kind == "f":
        audio = (audio.clip(-1.0, 1.0) * 32767).round()
        audio[audio != audio] = 0  # what is no number is silence
    elif str(audio.dtype) != "int16":
        raise TypeError(f"samples are int16, or floats between -1 and 1, not {audio.dtype}")
    data: bytes = audio.astype("<i2").tobytes()
    return data
