"""Whether a long live session stays as quick and as small as it was at its start.

    python -m benchmarks.long_session --model tiny.en --minutes 20

Posts the recordings of tests/data one after the other as a single session in 2 s chunks, at once
after each other, and compares the server's time per chunk and its memory (RSS of the worker
process) between the first and the last quarter.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import psutil

from tests.support.live import LiveSession
from tests.support.recordings import RATE_HZ, SPEECH, Samples, encode, folder
from tests.support.server import Server, running

CHUNK_S = 2.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the session and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.long_session")
    parser.add_argument("--model", default="tiny.en")
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/long_session.json"))
    args = parser.parse_args(argv)
    total_ms: list[int] = []
    rss_mb: list[float] = []
    with running({"MODEL": args.model, "LOG_LEVEL": "warning"}) as server:
        server.wait_until_ready(600)
        session = LiveSession(server.url)
        chunks = int(args.minutes * 60 / CHUNK_S)
        for sequence, chunk in enumerate(itertools.islice(_chunks(), chunks)):
            response = session.post(sequence, encode(chunk), final=sequence == chunks - 1)
            response.raise_for_status()
            total_ms.append(response.json()["timing_ms"]["total"])
            rss_mb.append(_rss_mb(server))
        state = session.wait_ended()
    quarter = chunks // 4
    result = {
        "model": args.model,
        "minutes": args.minutes,
        "audio_seconds": state["audio_seconds"],
        "segments": len(state["segments"]),
        "first_quarter": _summary(total_ms[:quarter], rss_mb[:quarter]),
        "last_quarter": _summary(total_ms[-quarter:], rss_mb[-quarter:]),
    }
    print(f"{args.model}, {args.minutes:g} min in one session, {result['audio_seconds']}")
    for name in ("first_quarter", "last_quarter"):
        print(f"{name:15} {result[name]}")
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(result, indent=1), encoding="utf-8")
    return 0


def _chunks() -> Iterator[Samples]:
    long = [one.samples() for one in folder(SPEECH / "en") if one.duration_s > 50]
    size = int(CHUNK_S * RATE_HZ)
    rest = np.zeros(0, np.float32)
    for samples in itertools.cycle(long):
        rest = np.concatenate([rest, samples])
        while len(rest) >= size:
            yield rest[:size]
            rest = rest[size:]


def _rss_mb(server: Server) -> float:
    workers = psutil.Process(server.process.pid).children()
    return sum(worker.memory_info().rss for worker in workers) / 2**20


def _summary(total_ms: list[int], rss_mb: list[float]) -> dict[str, float]:
    p50, p95 = np.percentile(total_ms, [50, 95])
    return {"p50_ms": round(p50), "p95_ms": round(p95), "rss_mb": round(max(rss_mb), 1)}


if __name__ == "__main__":
    raise SystemExit(main())
