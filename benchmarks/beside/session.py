"""One live session of a peer: the process that `program` is, and what it tells."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import psutil

from benchmarks.beside.install import PeerFailed, reason
from benchmarks.quality.run import Run, Shown
from tests.support.recordings import RATE_HZ, Recording

PROGRAM = Path(__file__).with_name("program.py")
# So much audio goes at once, as from a browser's microphone.
PIECE_S = 0.1
# Whoever has not told its last words by then is ended: nobody waits so long.
GIVE_UP_S = 60.0
START_S, STOP_S = 120.0, 10.0


def shown(message: Mapping[str, Any], at_s: float) -> Shown | None:
    """Return what a peer's message puts on the screen; None where it is about something else.

    Args:
        message: WhisperLiveKit's with `lines`, all final, and a buffer that is not; or one with
            all `final` text.
        at_s: when it came, on the clock on which the audio begins at 0.
    """
    if "lines" in message:
        # A pause is a line without text.
        lines = [line["text"].strip() for line in message["lines"] if line["text"]]
        return Shown(at_s, " ".join(lines), _spaced(message["buffer_transcription"]))
    if "final" in message:
        return Shown(at_s, message["final"], "")
    return None


class Program:
    """A session's process, ready for audio.

    Args:
        name: of the peer.
        command: see `program`.
        environment: for it.
        errors: where it may write what goes wrong.

    Attributes:
        used_s: CPU seconds, from when it was ready until it was ended.

    Raises:
        PeerFailed: it does not get ready.
    """

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], errors: Path
    ) -> None:
        self.used_s = 0.0
        self._name = name
        self._errors = errors
        self._told_all = False
        with errors.open("wb") as file:
            self._process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
            )
        self._before_s = 0.0
        with self._ended_after(START_S):
            first = self._messages().readline()
        if not first:
            self.close()
            raise PeerFailed(f"a session did not get ready: {reason(errors.read_text())}")
        self._before_s = cpu_s(self._process.pid)

    def play(self, recording: Recording) -> Run:
        """Play a recording, and end the process; what is not told in time after it is left out.

        Raises:
            PeerFailed: it ended by itself.
        """
        run = Run(self._name, recording, "", timed=True)
        start_s = time.monotonic()
        with self._ended_after(recording.duration_s + GIVE_UP_S) as gave_up:
            reader = threading.Thread(target=self._read, args=(run, start_s))
            reader.start()
            with contextlib.suppress(BrokenPipeError):
                self._feed(recording, start_s)
            reader.join()
        if gave_up.is_set():
            # Nobody knows the rest: it came later than any limit.
            text = run.log[-1].final if run.log else ""
            run.log.append(Shown(time.monotonic() - start_s, text, ""))
        self.close()
        if not self._told_all and not gave_up.is_set():
            raise PeerFailed(f"a session ended by itself: {reason(self._errors.read_text())}")
        run.text = run.log[-1].final if run.log else ""
        return run

    def close(self) -> None:
        """End the process, if it runs, and let go of its pipes."""
        self._stop()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    def _stop(self) -> None:
        if self._process.poll() is None:
            self.used_s = cpu_s(self._process.pid) - self._before_s
            end(self._process)

    def _feed(self, recording: Recording, start_s: float) -> None:
        pcm = (np.clip(recording.samples(), -1, 1) * 32767).astype("<i2")
        pause, size = threading.Event(), round(PIECE_S * RATE_HZ)
        assert self._process.stdin is not None
        with self._process.stdin as pipe:
            for at in range(0, len(pcm), size):
                piece = pcm[at : at + size]
                pause.wait(max(0.0, start_s + (at + len(piece)) / RATE_HZ - time.monotonic()))
                pipe.write(piece.tobytes())
                pipe.flush()

    def _read(self, run: Run, start_s: float) -> None:
        for line in self._messages():
            message = json.loads(line)
            if "end" in message:
                self._told_all = True
                return
            now = shown(message, time.monotonic() - start_s)
            before = run.log[-1] if run.log else Shown(0.0, "", "")
            if now and (now.final, now.partial) != (before.final, before.partial):
                run.log.append(now)

    def _messages(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout

    @contextmanager
    def _ended_after(self, seconds: float) -> Iterator[threading.Event]:
        """End the process if what is done meanwhile takes longer; the event tells that it did."""
        late = threading.Event()

        def give_up() -> None:
            late.set()
            self._stop()

        timer = threading.Timer(seconds, give_up)
        timer.start()
        try:
            yield late
        finally:
            timer.cancel()


def _spaced(text: str) -> str:
    return f" {text.strip()}" if text.strip() else ""


def cpu_s(pid: int) -> float:
    """Return the CPU seconds of a process and its children so far."""
    used_s = 0.0
    with contextlib.suppress(psutil.NoSuchProcess):
        master = psutil.Process(pid)
        for one in [master, *master.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                times = one.cpu_times()
                used_s += times.user + times.system
    return used_s


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process, by force if it has to be."""
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
