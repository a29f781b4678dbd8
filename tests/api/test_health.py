"""GET /health: for clients that choose a server, load balancers and people."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests

from tests.support.contract import assert_marked, problem, quick
from tests.support.live import TIMEOUT_S, LiveSession, upload
from tests.support.offline import CLOSED_HUB, put_tiny_en, silent_hub, without_weights
from tests.support.recordings import RATE_HZ, encode, recording
from tests.support.server import Server, running, wait_for

SHORT = recording("en/short-austen-0880.flac")
LONG = recording("en/long-ls-367.flac")
KEYS = {
    *("status", "detail", "instance_id", "version", "model", "device", "compute_type"),
    *("accepting", "workers", "queue", "sessions", "oldest_job_s", "latency_ms"),
    *("partial_model", "lanes", "partial_interval_s", "suggested_chunk_ms", "archive"),
}


def health(server: Server) -> requests.Response:
    """Ask for the health, which must be there in under a second."""
    response = quick(lambda: requests.get(f"{server.url}/health", timeout=5))
    assert_marked(response)
    assert response.json().keys() == KEYS
    return response


def test_ok(server: Server) -> None:
    response = health(server)
    body = response.json()
    assert response.status_code == 200
    assert (body["status"], body["accepting"], body["detail"]) == ("ok", True, "")
    assert (body["model"], body["device"], body["compute_type"]) == ("tiny.en", "cpu", "int8")
    assert body["workers"]["size"] == 3
    assert body["queue"]["limit"] == 2 * body["sessions"]["limit"] + 12
    assert body["sessions"]["limit"] == 50
    assert body["partial_model"] is None


def test_live_says_only_that_the_process_is_up(server: Server) -> None:
    response = requests.get(f"{server.url}/health/live", timeout=TIMEOUT_S)
    assert (response.status_code, response.json()) == (200, {"status": "live"})


def test_counts_sessions_and_tells_how_long_chunks_take(server: Server) -> None:
    session = LiveSession(server.url)
    before = health(server).json()
    session.post(0, encode(LONG.samples()[:RATE_HZ]))
    during = health(server).json()
    session.post(1, [], final=True)
    after = health(server).json()
    active = [body["sessions"]["active"] for body in (before, during, after)]
    assert active == [active[0], active[0] + 1, active[0]]
    assert 0 < during["latency_ms"]["p50"] <= during["latency_ms"]["p95"]
    assert after["lanes"].keys() == {"partial", "final", "file"}
    for lane in ("partial", "final"):
        figures = after["lanes"][lane]
        assert figures["passes"] > before["lanes"][lane]["passes"]
        assert figures["queue_ms"].keys() == figures["model_ms"].keys() == {"p50", "p95"}
        assert 0 < figures["model_ms"]["p50"] <= figures["model_ms"]["p95"]
    assert after["partial_interval_s"] >= 0
    assert 400 <= after["suggested_chunk_ms"] <= 2000


def test_never_waits_for_the_model(server: Server) -> None:
    long = encode(LONG.samples()[: 10 * RATE_HZ])
    sessions = [LiveSession(server.url) for _ in range(2)]
    seen: list[Any] = []

    def all_busy() -> bool:
        seen.append(health(server).json())
        return bool(seen[-1]["workers"]["busy"] == 3 and seen[-1]["queue"]["depth"])

    with ThreadPoolExecutor(5) as pool:
        uploads = [pool.submit(upload, server.url, long) for _ in range(3)]
        chunks = [pool.submit(session.post, 0, long, final=True) for session in sessions]
        wait_for(all_busy, 60)
        seen += [health(server).json() for _ in range(10)]
        assert all(one.result().ok for one in [*uploads, *chunks])
    assert {body["status"] for body in seen} == {"ok"}
    assert max(body["oldest_job_s"] for body in seen) > 0
    for session in sessions:
        session.wait_ended()


def test_degraded_while_full(small_server: Server) -> None:
    session = LiveSession(small_server.url)
    session.post(0, SHORT.data)
    full = health(small_server)
    assert full.status_code == 200
    assert (full.json()["status"], full.json()["accepting"]) == ("degraded", False)
    assert full.json()["detail"]
    session.post(1, [], final=True)
    free = health(small_server).json()
    assert (free["status"], free["accepting"]) == ("ok", True)


def test_degraded_with_a_smaller_model_than_wished_for(server: Server, tmp_path: Path) -> None:
    put_tiny_en(tmp_path)
    settings = without_weights(tmp_path, CLOSED_HUB)
    with running({"MODEL": "auto", **settings}) as fallen_back:
        fallen_back.wait_until_ready()
        body = health(fallen_back).json()
        assert (body["status"], body["accepting"]) == ("degraded", True)
        assert body["model"] == "tiny.en"
        assert "tiny.en instead of" in body["detail"]
        assert "tiny.en instead of" in fallen_back.log(), "the log warns of it too"
        assert upload(fallen_back.url, SHORT.data).json()["model"] == "tiny.en"


def test_starting_and_then_model_failed(tmp_path: Path) -> None:
    with (
        silent_hub() as hub,
        running({"MODEL": "tiny.en", **without_weights(tmp_path, hub)}) as server,
    ):
        starting = health(server)
        assert starting.status_code == 503
        assert (starting.json()["status"], starting.json()["accepting"]) == ("starting", False)
        assert starting.json()["detail"]
        refused = upload(server.url, SHORT.data)
        assert problem(refused, 503, "starting")["retryable"]
        problem(LiveSession(server.url).post(0, SHORT.data), 503, "starting")

        wait_for(lambda: server.health()["status"] != "starting", 60)
        failed = health(server)
        assert failed.status_code == 503
        assert (failed.json()["status"], failed.json()["accepting"]) == ("model_failed", False)
        detail = failed.json()["detail"]
        assert "hub" in detail, "the reason"
        assert "MODEL" in detail, "how to mend it"
        assert problem(upload(server.url, SHORT.data), 503, "model-failed")["detail"] == detail
        live = requests.get(f"{server.url}/health/live", timeout=TIMEOUT_S)
        assert live.status_code == 200, "the process stays up"


def test_a_model_that_does_not_exist_says_which_do() -> None:
    with running({"MODEL": "/nowhere/at-all"}) as server:
        wait_for(lambda: server.health()["status"] == "model_failed", 30)
        detail = health(server).json()["detail"]
        assert "/nowhere/at-all" in detail
        assert "tiny.en" in detail
