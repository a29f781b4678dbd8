"""A real gunicorn on a loopback port, started as the README's command starts it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil
import requests

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "gunicorn", "-c", "config/gunicorn.conf.py", "app:create_app()"]
START_S = 60.0
STOP_S = 20.0


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """One gunicorn on a port of its own; `log()` is what it printed.

    Attributes:
        process: its master process; another one after `restart`.
    """

    def __init__(
        self,
        port: int,
        environment: Mapping[str, str],
        log_path: Path,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self.port = port
        self._command = command
        self.url = f"http://127.0.0.1:{port}"
        self._environment = environment
        self._log_path = log_path
        self.process = self._start()

    def log(self) -> str:
        """Return everything printed so far."""
        return self._log_path.read_text(encoding="utf-8", errors="replace")

    def health(self) -> dict[str, object]:
        """Return the body of `/health`, whatever its status."""
        body: dict[str, object] = requests.get(f"{self.url}/health", timeout=5).json()
        return body

    def wait_until_up(self) -> None:
        """Wait until the port answers."""
        wait_for(lambda: self._answers(), START_S, self._what)

    def wait_until_ready(self, timeout_s: float = START_S) -> None:
        """Wait until `/health` answers 200."""
        self.wait_until_up()
        wait_for(lambda: requests.get(f"{self.url}/health", timeout=5).ok, timeout_s, self._what)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a crash does: by SIGKILL, master and worker at once, nothing flushed."""
        processes = psutil.Process(self.process.pid).children(recursive=True)
        self.process.kill()
        self.process.wait()
        for one in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        psutil.wait_procs(processes)

    def restart(self) -> None:
        """Start one that was killed or has ended again, on the same port."""
        assert self.process.poll() is not None, "it still runs"
        self.process = self._start()
        self.wait_until_up()

    def stop(self) -> None:
        """Let it end by itself, if it runs, and end it if it does not."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log_path.open("ab") as log:
            return subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _answers(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"gunicorn ended with {self.process.returncode}:\n{self.log()}")
        with contextlib.suppress(requests.ConnectionError, requests.Timeout):
            return requests.get(f"{self.url}/health/live", timeout=5).ok
        return False

    def _what(self) -> str:
        return f"the server did not get ready:\n{self.log()}"


def wait_for(condition: object, timeout_s: float, message: object = "it did not happen") -> None:
    """Wait until `condition()` is true; raise with the message if it never is."""
    assert callable(condition)
    start_s = time.monotonic()
    pause = threading.Event()
    while not condition():
        waited_s = time.monotonic() - start_s
        if waited_s > timeout_s:
            raise AssertionError(message() if callable(message) else message)
        # Whoever has waited long looks less often: each look takes from what is waited for.
        pause.wait(min(0.02 + waited_s / 10, 0.1))


@contextlib.contextmanager
def running(settings: Mapping[str, object], command: Sequence[str] = COMMAND) -> Iterator[Server]:
    """Run a server with these settings (as environment variables) and end it afterwards."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if name != "PORT"}
    environment |= {"HOST": "127.0.0.1", "PORT": str(port)}
    with tempfile.TemporaryDirectory() as folder:
        environment |= {"DATA_DIR": str(Path(folder) / "sessions"), "DECODERS": "1"}
        environment |= {name: str(value) for name, value in settings.items()}
        server = Server(port, environment, Path(folder) / "log", command)
        try:
            server.wait_until_up()
            yield server
        finally:
            server.stop()
