"""Whole recordings: sent once, transcribed in the background, followed until their end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from transcriber.client.errors import ClientError, RequestError
from transcriber.client.following import follow, pause
from transcriber.client.live import DEFAULT_SERVER
from transcriber.client.options import Task, form_fields
from transcriber.client.replies import Reply, Segment
from transcriber.client.server import Server
from transcriber.client.servers import chosen, probe, said_of
from transcriber.client.transcript import Transcript

# A body of the largest size may take this long on a line of a megabyte a second.
_SEND_S = 300.0
# A server that does not answer may be starting again, with what it was sent.
_PATIENCE_S = 30.0
_LEAVE_S = 2.0
# A server that was started anew knows nothing of it.
_FORGOTTEN = ("unknown-session", "session-expired")


@dataclass(frozen=True)
class Progress:
    """How far a recording is: seconds that are done, of how many; None while that is unknown."""

    done_s: float
    duration_s: float | None


@dataclass(frozen=True)
class Transcription:
    """A recording's text.

    Attributes:
        text: all of it.
        segments: with times in seconds, and words.
        language: its code.
        duration_s: how long the recording is.
    """

    text: str
    segments: tuple[Segment, ...]
    language: str | None
    duration_s: float | None


def transcribe(
    path: str | Path,
    servers: str | Sequence[str] = DEFAULT_SERVER,
    *,
    key: str = "",
    language: str | None = None,
    task: Task = "transcribe",
    prompt: str = "",
    hotwords: str = "",
    on_progress: Callable[[Progress], object] = lambda progress: None,
    on_problem: Callable[[ClientError], object] = lambda error: None,
    patience_s: float = 60.0,
) -> Transcription:
    """Have a whole recording transcribed by the first of several servers that can.

    If that one fails for half a minute, the next one begins anew.

    Args:
        path: webm, ogg, mp4/m4a, wav, flac or mp3.
        servers: an address, or several, preferred first.
        key: one of the servers' `API_KEYS`, where they ask for one.
        language: a code such as `en`; None has it detected.
        task: `translate` is into English.
        prompt: text that sets spelling and style.
        hotwords: words to expect.
        on_progress: called as it goes on.
        on_problem: called with why a server did not take it, before another is asked, or the same
            once more.
        patience_s: how long to look for a server that takes it.

    Raises:
        OSError: the file can't be read.
        ClientError: no server takes it; its `code` says why.
    """
    fields = {**form_fields(language, task, prompt, hotwords), "word_timestamps": "true"}
    data = Path(path).read_bytes()
    job = _Job(chosen(servers, key), data, fields, on_progress, on_problem)
    return job.run(patience_s)


@dataclass
class _Job:
    servers: list[Server]
    data: bytes
    fields: dict[str, str]
    on_progress: Callable[[Progress], object]
    on_problem: Callable[[ClientError], object]
    troubles: dict[str, ClientError] = field(default_factory=dict)

    def run(self, patience_s: float) -> Transcription:
        try:
            return self._run(patience_s)
        finally:
            for server in self.servers:
                server.wire.close()

    def _run(self, patience_s: float) -> Transcription:
        since_s, attempt = time.monotonic(), 0
        while True:
            for server in self.servers:
                try:
                    return self._at(server)
                except RequestError as error:
                    self.troubles[server.url] = error
                    passes = error.retryable or error.wants_key or error.code in _FORGOTTEN
                    if not passes:
                        raise  # about the recording: another server would say the same
                    if server is not self.servers[-1]:
                        self.on_problem(error)
            if time.monotonic() - since_s > patience_s or not self._may_pass():
                raise self._nobody()
            self.on_problem(self.troubles[self.servers[-1].url])
            asked = [getattr(one, "retry_after_s", None) or 0 for one in self.troubles.values()]
            pause(attempt, min(asked))
            attempt += 1

    def _at(self, server: Server) -> Transcription:
        health = probe(server)
        if health.get("status") not in ("ok", "degraded"):
            raise RequestError("http", said_of(health), 503, "not-ready", server=server.url)
        _, body = server.wire.json(
            "POST",
            "/transcribe",
            _SEND_S,
            {"Prefer": "respond-async"},
            data=self.fields,
            files={"audio": ("recording", self.data)},
        )
        path = f"/sessions/{(body or {}).get('session_id')}"
        try:
            return self._followed(server, path)
        except RequestError:
            raise
        except BaseException:  # nobody waits for it any more, so nobody shall work on it
            with contextlib.suppress(RequestError):
                server.wire.json("DELETE", path, _LEAVE_S)
            raise

    def _followed(self, server: Server, path: str) -> Transcription:
        transcript, reply = Transcript(), None
        for reply in follow(server.wire, path, _PATIENCE_S):
            transcript.add(reply.segments, 0.0)
            self.on_progress(Progress(reply.settled_s, reply.duration_s))
        assert reply is not None
        _raise_if_failed(reply, server)
        segments = tuple(transcript.segments)
        return Transcription(transcript.text, segments, reply.language, reply.duration_s)

    def _may_pass(self) -> bool:
        """Tell whether a server may yet take it: one that wants another key never will."""
        return any(
            not isinstance(error, RequestError) or not error.wants_key
            for error in self.troubles.values()
        )

    def _nobody(self) -> ClientError:
        if len(self.troubles) == 1:
            return next(iter(self.troubles.values()))
        told = "; ".join(f"{url}: {error}" for url, error in self.troubles.items())
        return ClientError(told, "no-server")


def _raise_if_failed(reply: Reply, server: Server) -> None:
    if reply.state == "ended":
        return
    error = reply.error or {}
    raise RequestError(
        "http",
        str(error.get("detail") or f"the upload is {reply.state}"),
        int(error.get("status", 500)),
        str(error.get("code", reply.state)),
        server=server.url,
    )
