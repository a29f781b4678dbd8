"""Systems that live sessions are played to in real time, one or several at once."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol

import requests

from benchmarks.beside.install import PeerFailed, reason
from benchmarks.beside.session import PROGRAM, START_S, Program, cpu_s, end
from benchmarks.capacity.service import Service
from benchmarks.quality.run import Run, Shown
from benchmarks.quality.systems import FasterWhisper, text_of
from tests.support.recordings import RATE_HZ, Recording
from tests.support.server import free_port

# Seconds between its passes, as whisper_streaming's own.
RECIPE_S = 1.0

# Plays a recording in real time to a session that waits for it.
Session = Callable[[Recording], Run]


class System(Protocol):
    """Something that transcribes live sessions."""

    def open(self) -> Session:
        """Return a session that is ready for audio."""

    def cpu_s(self) -> float:
        """Return the CPU seconds that all sessions have used so far."""


class OurService:
    """This service, its chunks posted as the page does.

    Args:
        service: one that is ready.
        chunk_s: seconds of a chunk.
    """

    def __init__(self, service: Service, chunk_s: float) -> None:
        self._service = service
        self._chunk_s = chunk_s

    def open(self) -> Session:
        """Return a session; it begins with its first chunk."""
        return lambda recording: self._service.live(recording, self._chunk_s)

    def cpu_s(self) -> float:
        """Return what the server's processes have used."""
        return self._service.used().cpu_s


class Recipe:
    """LocalAgreement as whisper_streaming describes it, on one model in this process.

    Args:
        whisper: the model, for as many calls at once as there are workers.
    """

    def __init__(self, whisper: FasterWhisper) -> None:
        self._whisper = whisper

    def open(self) -> Session:
        """Return a session; there is nothing to begin."""
        return self._play

    def cpu_s(self) -> float:
        """Return what this process has used."""
        return time.process_time()

    def _play(self, recording: Recording) -> Run:
        run = Run("recipe", recording, "", timed=True)
        stream, samples = self._whisper.agreement_stream(recording), recording.samples()
        duration_s = len(samples) / RATE_HZ
        start_s, heard_s, pause = time.monotonic(), 0.0, threading.Event()
        while heard_s < duration_s:
            now_s = time.monotonic() - start_s
            pause.wait(max(0.0, min(heard_s + RECIPE_S, duration_s) - now_s))
            # Late, it takes all audio there is by then.
            heard_s = min(time.monotonic() - start_s, duration_s)
            stream.hear(samples[: round(heard_s * RATE_HZ)])
            if heard_s >= duration_s:
                stream.finish()
            at_s = time.monotonic() - start_s
            run.log.append(Shown(at_s, text_of(stream.committed), text_of(stream.tail)))
        run.text = text_of(stream.committed)
        return run


class Programs:
    """A peer each of whose sessions is a process.

    Args:
        name: of the peer.
        command: of a session: see `program`.
        environment: for it.
        scratch: folder for what it writes when something goes wrong.
        server: the process that does the work, where it is not the sessions' own.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        scratch: Path,
        server: subprocess.Popen[bytes] | None = None,
    ) -> None:
        self._name = name
        self._command = command
        self._environment = environment
        self._scratch = scratch
        self._server = server
        self._sessions: list[Program] = []

    def open(self) -> Session:
        """Return a session that is ready for audio.

        Raises:
            PeerFailed: it does not get ready.
        """
        errors = self._scratch / f"session-{len(self._sessions)}"
        self._sessions.append(Program(self._name, self._command, self._environment, errors))
        return self._sessions[-1].play

    def cpu_s(self) -> float:
        """Return what the server has used, or else all sessions that are over, beginning apart."""
        if self._server:
            return cpu_s(self._server.pid)
        return sum(session.used_s for session in self._sessions)

    def close(self) -> None:
        """End the sessions that were never played."""
        for session in self._sessions:
            session.close()


@contextmanager
def whisperlivekit(
    python: Path, weights: Path, recording: Recording, threads: int
) -> Iterator[Programs]:
    """Run WhisperLiveKit's server on a loopback port, and end it afterwards.

    LocalAgreement on faster-whisper, all else as it comes; its first pass, which no session waits
    for, is over a recording of ours.

    Raises:
        PeerFailed: it does not get ready.
    """
    port = free_port()
    command = [str(python.with_name("whisperlivekit-server")), "--host=127.0.0.1"]
    command += [f"--port={port}", "--backend-policy=localagreement", "--backend=faster-whisper"]
    command += [f"--model_dir={weights}", f"--lan={recording.language or 'auto'}", "--pcm-input"]
    command += [f"--warmup-file={recording.path}", "--log-level=WARNING"]
    environment = _environment(threads)
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "server"
        with told.open("wb") as file:
            server = subprocess.Popen(command, env=environment, stdout=file, stderr=file)
        try:
            _wait_for_server(server, f"http://127.0.0.1:{port}/health", told)
            session = [str(python), str(PROGRAM), "whisperlivekit", f"ws://127.0.0.1:{port}/asr"]
            programs = Programs("whisperlivekit", session, environment, Path(folder), server)
            with closing(programs):
                yield programs
        finally:
            end(server)


@contextmanager
def whisper_streaming(
    python: Path, weights: Path, recording: Recording, threads: int
) -> Iterator[Programs]:
    """Run whisper-streaming: each session is a process with a model of its own."""
    session = [str(python), str(PROGRAM), "whisper-streaming", str(weights), str(threads)]
    session.append(recording.language)
    with tempfile.TemporaryDirectory() as folder:
        programs = Programs("whisper-streaming", session, _environment(threads), Path(folder))
        with closing(programs):
            yield programs


def _environment(threads: int) -> dict[str, str]:
    """No hub is asked; a call of the model has so many threads, with 0 as many as it comes with."""
    chosen = {"OMP_NUM_THREADS": str(threads)} if threads else {}
    return {**os.environ, "HF_HUB_OFFLINE": "1", **chosen}


def _wait_for_server(server: subprocess.Popen[bytes], url: str, told: Path) -> None:
    start_s, pause = time.monotonic(), threading.Event()
    while time.monotonic() - start_s < START_S and server.poll() is None:
        with contextlib.suppress(requests.ConnectionError, requests.Timeout):
            if requests.get(url, timeout=5).ok:
                return
        pause.wait(0.2)
    raise PeerFailed(f"does not start: {reason(told.read_text())}")
