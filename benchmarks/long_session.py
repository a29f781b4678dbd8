"""Whether a long live session stays as quick, as small and as right in its times as at its start.

    python -m benchmarks.long_session --model tiny.en --minutes 120

Posts the long recordings of tests/data in rounds as a single session in 2 s chunks, each as soon as
the one before is answered, so that hours pass in minutes. It compares the server's time per chunk
in the first and the last quarter, fits a line to the memory of the worker process (RSS) over the
second half, counts its threads, file handles and child processes, and compares the times of the
words of the first round with those of the last.
"""

from __future__ import annotations

import argparse
import difflib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import requests

from tests.support.holdings import Holdings
from tests.support.live import TIMEOUT_S, LiveSession
from tests.support.recordings import RATE_HZ, SPEECH, Samples, encode, folder
from tests.support.scores import normalised
from tests.support.server import Server, running

CHUNK_S = 2.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the session and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.long_session")
    parser.add_argument("--model", default="tiny.en")
    parser.add_argument("--minutes", type=float, default=12.0, help="of audio")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/long_session.json"))
    args = parser.parse_args(argv)
    audio = _round()
    with running({"MODEL": args.model, "LOG_LEVEL": "warning"}) as server:
        server.wait_until_ready(600)
        result = _measure(server, audio, int(args.minutes * 60 / CHUNK_S))
    result = {"model": args.model, "minutes": args.minutes, **result}
    for name, value in result.items():
        print(f"{name:18} {value}")
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(result, indent=1), encoding="utf-8")
    return 0


def _measure(server: Server, audio: Samples, chunks: int) -> dict[str, Any]:
    session, total_ms, workers = LiveSession(server.url), [], [Holdings.of(server)]
    size = int(CHUNK_S * RATE_HZ)
    for sequence in range(chunks):
        at = np.arange(sequence * size, (sequence + 1) * size) % len(audio)
        response = session.post(sequence, encode(audio[at]), final=sequence == chunks - 1)
        response.raise_for_status()
        total_ms.append(response.json()["timing_ms"]["total"])
        workers.append(Holdings.of(server))
    state = session.wait_ended()
    requests.delete(f"{server.url}/sessions/{session.session_id}", timeout=TIMEOUT_S)
    quarter = max(1, chunks // 4)
    words = [word for segment in state["segments"] for word in segment["words"]]
    return {
        "audio_seconds": state["audio_seconds"],
        "segments": len(state["segments"]),
        "first_quarter_ms": _percentiles(total_ms[:quarter]),
        "last_quarter_ms": _percentiles(total_ms[-quarter:]),
        "rss_mb_by_tenth": [one.rss_mb for one in workers[:: max(1, chunks // 10)]],
        "rss_mb_per_hour": _slope_mb_per_hour([one.rss_mb for one in workers]),
        "worker_before": asdict(workers[0]),
        "worker_at_middle": asdict(workers[len(workers) // 2]),
        "worker_at_end": asdict(workers[-1]),
        "worker_afterwards": asdict(Holdings.of(server)),
        "times": _drift(words, len(audio) / RATE_HZ, chunks * CHUNK_S),
    }


def _round() -> Samples:
    """Return the long recordings, one after the other."""
    return np.concatenate([one.samples() for one in folder(SPEECH / "en") if one.duration_s > 50])


def _percentiles(total_ms: list[int]) -> dict[str, int]:
    p50, p95 = np.percentile(total_ms, [50, 95])
    return {"p50": round(p50), "p95": round(p95)}


def _slope_mb_per_hour(rss_mb: list[float]) -> float:
    """Return how memory grows with the audio over the second half, when all caches are warm."""
    half = rss_mb[len(rss_mb) // 2 :]
    hours = np.arange(len(half)) * CHUNK_S / 3600
    return round(float(np.polyfit(hours, half, 1)[0]), 1) if len(half) > 1 else 0.0


def _drift(words: list[dict[str, Any]], round_s: float, audio_s: float) -> dict[str, Any]:
    """Compare when the words of the first round end with when those of the last whole one do.

    Args:
        words: as the service tells them.
        round_s: seconds after which the same words are spoken again.
        audio_s: seconds of all that was posted.
    """
    rounds = int(audio_s // round_s)
    if rounds < 2:
        return {"rounds": rounds}
    early, late = (
        [word for word in words if first_s <= word["end"] < first_s + round_s]
        for first_s in (0.0, (rounds - 1) * round_s)
    )
    matcher = difflib.SequenceMatcher(a=_spelled(early), b=_spelled(late), autojunk=False)
    off_s = [
        late[match.b + at]["end"] - early[match.a + at]["end"] - (rounds - 1) * round_s
        for match in matcher.get_matching_blocks()
        for at in range(match.size)
    ]
    return {
        "rounds": rounds,
        "words": len(off_s),
        "drift_s": round(float(np.median(off_s)), 3),
        "p95_off_s": round(float(np.percentile(np.abs(off_s), 95)), 3),
    }


def _spelled(words: list[dict[str, Any]]) -> list[str]:
    return [normalised(word["word"]) for word in words]


if __name__ == "__main__":
    raise SystemExit(main())
