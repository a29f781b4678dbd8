"""GET /metrics: what Prometheus is told, and the dashboard that draws it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import requests
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families

from config.settings import Settings
from tests.support.engine import FakeModel, pool_of
from tests.support.live import TIMEOUT_S, LiveSession
from tests.support.recordings import RATE_HZ, encode, recording
from tests.support.server import Server, running, wait_for
from transcriber.gpu import GpuMemory
from transcriber.live.store import SessionStore
from transcriber.metrics import Metrics

ROOT = Path(__file__).parents[2]
SHORT = recording("en/short-austen-0880.flac")
SAMPLES = SHORT.samples()
CHUNKS = [
    encode(SAMPLES[start : start + 2 * RATE_HZ]) for start in range(0, len(SAMPLES), 2 * RATE_HZ)
]
# Told by machines that have a graphics card.
GPU_FIGURES = {"transcriber_gpu_memory_used_bytes", "transcriber_gpu_memory_bytes"}
DASHBOARD = ROOT / "docs" / "grafana.json"

Figures = dict[str, float]


def scrape(server: Server) -> Figures:
    """Return every figure by its name with its labels, as Prometheus writes them."""
    response = requests.get(f"{server.url}/metrics", timeout=TIMEOUT_S)
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=")
    figures = {}
    for family in _families(response.text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            figures[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return figures


def _families(text: str) -> list[Metric]:
    return list(text_string_to_metric_families(text))


class Grown:
    """By how much figures have grown since this was made."""

    def __init__(self, server: Server) -> None:
        self._server, self._before = server, scrape(server)

    def __call__(self, name: str) -> float:
        return scrape(self._server).get(name, 0.0) - self._before.get(name, 0.0)


def test_a_session_is_counted_with_its_chunks_and_its_audio(server: Server) -> None:
    grown = Grown(server)
    session = LiveSession(server.url)
    session.post(0, CHUNKS[0])
    assert grown("transcriber_sessions_started_total{kind=session}") == 1
    assert grown("transcriber_sessions_finished_total{kind=session,outcome=ended}") == 0
    assert grown("transcriber_sessions_active") == 1
    for sequence, chunk in enumerate(CHUNKS[1:], 1):
        session.post(sequence, chunk, final=sequence == len(CHUNKS) - 1)
    session.wait_ended()
    assert grown("transcriber_sessions_finished_total{kind=session,outcome=ended}") == 1
    assert grown("transcriber_sessions_active") == 0
    answered = sum(
        grown(f"transcriber_chunks_total{{reply={how}}}") for how in ("complete", "early")
    )
    assert answered == len(CHUNKS)
    received, final, silence = (
        grown(f"transcriber_audio_seconds_total{{state={state}}}")
        for state in ("received", "final", "silence")
    )
    assert received == pytest.approx(len(SAMPLES) / RATE_HZ, abs=0.01)
    assert final > received / 2, "most of it is speech"
    assert final + silence == pytest.approx(received, abs=0.01)


def test_a_repeated_chunk_is_counted_as_such_and_its_audio_once(server: Server) -> None:
    session = LiveSession(server.url)
    session.post(0, CHUNKS[0])
    grown = Grown(server)
    session.post(0, CHUNKS[0])
    assert grown("transcriber_chunks_total{reply=repeated}") == 1
    assert grown("transcriber_audio_seconds_total{state=received}") == 0


def test_what_became_of_a_session_that_was_deleted_or_never_began(server: Server) -> None:
    grown = Grown(server)
    session = LiveSession(server.url)
    session.post(0, CHUNKS[0])
    requests.delete(f"{server.url}/sessions/{session.session_id}", timeout=TIMEOUT_S)
    assert LiveSession(server.url).post(0, b"no audio at all").status_code == 415
    assert grown("transcriber_sessions_finished_total{kind=session,outcome=deleted}") == 1
    assert grown("transcriber_sessions_finished_total{kind=session,outcome=refused}") == 1
    received, *parts = (
        grown(f"transcriber_audio_seconds_total{{state={state}}}")
        for state in ("received", "final", "silence", "dropped")
    )
    assert received == pytest.approx(2.0, abs=0.01)
    assert sum(parts) == pytest.approx(received, abs=0.01)
    assert grown("transcriber_audio_pending_seconds") == pytest.approx(0, abs=0.001)


@pytest.mark.parametrize("prefer", [None, "respond-async"], ids=["plain", "async"])
def test_a_whole_recording_is_counted_as_an_upload(server: Server, prefer: str | None) -> None:
    grown = Grown(server)
    response = requests.post(
        f"{server.url}/transcribe",
        files={"audio": encode(SAMPLES)},
        headers={"Prefer": prefer} if prefer else {},
        timeout=TIMEOUT_S,
    )
    assert response.status_code == (202 if prefer else 200)
    assert grown("transcriber_sessions_started_total{kind=upload}") == 1
    ended = "transcriber_sessions_finished_total{kind=upload,outcome=ended}"
    wait_for(lambda: grown(ended) == 1, 60)
    received = grown("transcriber_audio_seconds_total{state=received}")
    assert received == pytest.approx(len(SAMPLES) / RATE_HZ, abs=0.01)
    assert grown("transcriber_pass_model_seconds_count{lane=file}") == 1


@pytest.mark.parametrize("prefer", [None, "respond-async"], ids=["plain", "async"])
def test_an_upload_that_is_no_audio_is_counted_as_refused(
    server: Server, prefer: str | None
) -> None:
    grown = Grown(server)
    response = requests.post(
        f"{server.url}/transcribe",
        files={"audio": b"no audio at all"},
        headers={"Prefer": prefer} if prefer else {},
        timeout=TIMEOUT_S,
    )
    assert response.status_code == 415
    assert grown("transcriber_sessions_started_total{kind=upload}") == 1
    assert grown("transcriber_sessions_finished_total{kind=upload,outcome=refused}") == 1


def test_a_forgotten_session_stays_counted_and_counts_as_expired() -> None:
    settings = {"MODEL": "tiny.en", "SESSION_TTL_S": "0.5", "KEEP_TRANSCRIPTS_S": "0"}
    with running(settings) as forgetful:
        forgetful.wait_until_ready()
        session = LiveSession(forgetful.url)
        session.post(0, CHUNKS[0])
        url = f"{forgetful.url}/sessions/{session.session_id}"
        wait_for(lambda: requests.get(url, timeout=TIMEOUT_S).status_code == 410, 30)
        figures = scrape(forgetful)
    assert figures["transcriber_sessions_finished_total{kind=session,outcome=expired}"] == 1
    assert figures["transcriber_audio_seconds_total{state=received}"] == pytest.approx(2, abs=0.01)


def test_requests_are_counted_by_route_and_not_by_id(server: Server) -> None:
    grown = Grown(server)
    for number in range(3):
        requests.get(f"{server.url}/sessions/nobody-knows-this-one-{number}", timeout=TIMEOUT_S)
    requests.get(f"{server.url}/nowhere/at/all", timeout=TIMEOUT_S)
    count = "transcriber_request_seconds_count{method=GET,route=%s,status=404}"
    assert grown(count % "/sessions/<session_id>") == 3
    assert grown(count % "-") == 1
    assert not [name for name in scrape(server) if "nobody" in name or "nowhere" in name]


def test_passes_are_those_that_health_tells_of(server: Server) -> None:
    lanes = requests.get(f"{server.url}/health", timeout=TIMEOUT_S).json()["lanes"]
    figures = scrape(server)
    for lane, told in lanes.items():
        count = figures.get(f"transcriber_pass_model_seconds_count{{lane={lane}}}", 0)
        assert count == told["passes"], lane


def test_the_process_tells_its_memory_time_and_files(server: Server) -> None:
    figures = scrape(server)
    assert figures["process_resident_memory_bytes"] > 50e6
    assert figures["process_cpu_seconds_total"] > 0
    assert 0 < figures["process_open_fds"] < figures["process_max_fds"]


def test_the_memory_of_graphics_cards_is_told_card_by_card() -> None:
    cards = [GpuMemory(0, 3 << 30, 80 << 30), GpuMemory(1, 0, 80 << 30)]
    with pool_of(FakeModel(np.zeros(0, np.float32))) as pool:
        store = SessionStore(Settings(), pool.submit, lambda: 1)
        metrics = Metrics(pool.state, lambda: 0, store.state, store.totals, gpus=lambda: cards)
        body, _ = metrics.render("")
    told = [line for line in body.decode().splitlines() if line.startswith("transcriber_gpu")]
    assert sorted(told) == [
        'transcriber_gpu_memory_bytes{gpu="0"} 8.589934592e+10',
        'transcriber_gpu_memory_bytes{gpu="1"} 8.589934592e+10',
        'transcriber_gpu_memory_used_bytes{gpu="0"} 3.221225472e+09',
        'transcriber_gpu_memory_used_bytes{gpu="1"} 0.0',
    ]


def test_whoever_asks_for_openmetrics_gets_it(server: Server) -> None:
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    response = requests.get(f"{server.url}/metrics", headers=accept, timeout=TIMEOUT_S)
    assert response.headers["Content-Type"].startswith("application/openmetrics-text")
    families = openmetrics_families(response.text)  # type: ignore[no-untyped-call]
    assert "transcriber_workers" in {one.name for one in families}


def test_a_version_that_is_none_gets_the_usual_text(server: Server) -> None:
    accept = {"Accept": "application/openmetrics-text; version=abc"}
    response = requests.get(f"{server.url}/metrics", headers=accept, timeout=TIMEOUT_S)
    assert (response.status_code, response.headers["Content-Type"][:10]) == (200, "text/plain")


def test_the_dashboard_asks_only_for_figures_that_there_are(server: Server) -> None:
    LiveSession(server.url).post_all(CHUNKS)
    known = {name.partition("{")[0] for name in scrape(server)} | GPU_FIGURES
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    names = {name for expr in asked for name in re.findall(r"\b(?:transcriber|process)_\w+", expr)}
    assert len(asked) >= len(dashboard["panels"]) > 8
    assert names <= known


def test_every_figure_is_documented(server: Server) -> None:
    text = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`(transcriber_\w+)", text))
    families = _families(requests.get(f"{server.url}/metrics", timeout=TIMEOUT_S).text)
    told = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in families
        if family.name.startswith("transcriber_")
    }
    assert told == documented
