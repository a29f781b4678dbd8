"""The process: how it starts, what it says, and how it stops."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from tests.support.contract import problem
from tests.support.live import LiveSession, upload
from tests.support.offline import put_tiny_en, silent_hub, without_weights
from tests.support.recordings import recording
from tests.support.server import COMMAND, ROOT, Server, free_port, running, wait_for

SHORT = recording("en/short-austen-0880.flac")
LONG = recording("en/long-ls-367.flac")
# The promise is 30 s, and every step must fit into it.
EXIT_S = 30.0


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server that the test may end."""
    with running({"MODEL": "tiny.en", "CPU_THREADS": 1}) as started:
        started.wait_until_ready()
        yield started


def is_draining(server: Server) -> bool:
    """Tell whether the server answers that it is shutting down."""
    return server.health()["status"] == "draining"


def test_the_last_line_of_the_start_says_where_to_open_it(own_server: Server) -> None:
    last = own_server.log().strip().splitlines()[-1]
    assert last.endswith(f"Open http://localhost:{own_server.port}")
    assert "tiny.en" in last


def test_a_device_that_there_is_not_stops_the_start_with_a_line() -> None:
    environment = {**os.environ, "DEVICE": "tpu"}
    ended = subprocess.run(
        COMMAND, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 1
    (line,) = ended.stderr.strip().splitlines()
    assert line.startswith("A setting can't be used: DEVICE='tpu' is not one of auto, cpu, cuda")


def test_the_port_answers_before_there_is_a_model(server: Server, tmp_path: Path) -> None:
    put_tiny_en(tmp_path)
    with silent_hub() as hub:
        settings = {"MODEL": "auto", **without_weights(tmp_path, hub)}
        with running(settings) as looking_for_base:
            refused = upload(looking_for_base.url, SHORT.data)
            assert problem(refused, 503, "starting")["detail"]
            looking_for_base.wait_until_ready()
            assert upload(looking_for_base.url, SHORT.data).json()["model"] == "tiny.en"


def test_sigterm_lets_accepted_work_finish_and_refuses_new(own_server: Server) -> None:
    live, other = LiveSession(own_server.url), LiveSession(own_server.url)
    live.post(0, SHORT.data)
    with ThreadPoolExecutor(2) as pool:
        long = LONG.data
        accepted: list[Any] = [
            pool.submit(upload, own_server.url, long),
            pool.submit(live.post, 1, SHORT.data, final=True),
        ]
        wait_for(lambda: live.state()["next_sequence"] == 2 and busy(own_server) >= 1, 30)
        own_server.terminate()
        start_s = time.monotonic()
        wait_for(lambda: is_draining(own_server), 5)
        health = requests.get(f"{own_server.url}/health", timeout=5)
        assert (health.status_code, health.json()["accepting"]) == (503, False)
        problem(other.post(0, SHORT.data), 503, "draining")
        problem(upload(own_server.url, SHORT.data), 503, "draining")
        assert [one.result().status_code for one in accepted] == [200, 200]
    assert accepted[0].result().json()["text"]
    assert live.replies[1]["final"]
    assert live.text().lower().count("young man") == 2
    assert own_server.process.wait(EXIT_S) == 0
    assert time.monotonic() - start_s < EXIT_S
    assert "Traceback" not in own_server.log()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_the_model_is_loaded_ends_it_in_order(number: signal.Signals) -> None:
    with running({"MODEL": "tiny.en"}) as starting:
        assert starting.health()["status"] == "starting"
        starting.process.send_signal(number)
        assert starting.process.wait(EXIT_S / 2) == 0
        assert "SIGKILL" not in starting.log()
        assert "Traceback" not in starting.log()


def test_sigterm_before_it_serves_ends_it_at_once() -> None:
    environment = {**os.environ, "PORT": str(free_port()), "MODEL": "tiny.en", "DATA_DIR": ""}
    with subprocess.Popen(COMMAND, cwd=ROOT, env=environment, stderr=subprocess.PIPE) as master:
        worker = psutil.Process(master.pid)
        wait_for(lambda: len(worker.children()) == 1, 20, "it started no worker")
        master.terminate()
        _, log = master.communicate(timeout=EXIT_S / 2)
    assert master.returncode == 0
    assert b"Traceback" not in log


def busy(server: Server) -> int:
    """Return how many workers have something to do."""
    workers: Any = server.health()["workers"]
    number: int = workers["busy"]
    return number


def test_sigterm_with_nothing_to_do(own_server: Server) -> None:
    own_server.terminate()
    wait_for(lambda: is_draining(own_server), 5, "clients are told before the port closes")
    assert own_server.process.wait(EXIT_S) == 0


def test_a_reader_that_waits_for_news_does_not_hold_up_the_end(own_server: Server) -> None:
    session = LiveSession(own_server.url)
    session.post(0, SHORT.data)
    with ThreadPoolExecutor(1) as pool:
        poll = pool.submit(session.state, after=10, wait=60)
        own_server.terminate()
        assert poll.result()["state"] == "active", "it is answered"
        assert own_server.process.wait(EXIT_S / 2) == 0


def test_numpy_has_no_threads_that_would_take_the_cores_from_the_model() -> None:
    count = (
        "import runpy; runpy.run_path('config/gunicorn.conf.py');"
        "import numpy, psutil; print(psutil.Process().num_threads())"
    )
    settings = {name: value for name, value in os.environ.items() if "BLAS" not in name}
    found = subprocess.run(
        [sys.executable, "-c", count], cwd=ROOT, env=settings, capture_output=True, check=True
    )
    assert found.stdout.strip() == b"1"
