"""What a chunk costs outside of the model, item by item, and what memory an open session holds.

    python -m benchmarks.overhead --chunks 200

It posts chunks of 2 s of quiet noise, in which nobody speaks, so that no pass of the model is
made, as a recorder's WebM to a real server, and counts the CPU milliseconds of its processes for
each. What a pass takes before the model is measured by itself. Then many sessions begin to speak
and stay open, and it looks at how the server's memory has grown.
"""

from __future__ import annotations

import argparse
import functools
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import psutil

from benchmarks.quality.pieces import cut
from config.settings import Settings
from tests.support.live import LiveSession
from tests.support.recordings import RATE_HZ, Samples, recording, wav_chunks
from tests.support.server import Server, running
from transcriber.audio.vad import VoiceActivity
from transcriber.engine.device import Device
from transcriber.engine.model import SpeechModel
from transcriber.engine.weights import resolve

CHUNK_S = 2.0
LOUDNESS = 1e-3
WARM_UP = 10
# Of a pass over a session that goes on: what is final before the open piece, and the piece.
WINDOW_S = 11.0
# Sessions that stay open, behind as many that make room for what all of them share.
OPEN, BEFORE = 40, 10


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the table, write the JSON and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.overhead", description=__doc__.split("\n", 1)[0]
    )
    parser.add_argument("--model", default="tiny.en", help="whose mel filter is measured")
    parser.add_argument("--chunks", type=int, default=200)
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/overhead.json"))
    args = parser.parse_args(argv)
    generator = np.random.default_rng(0)
    count = round((args.chunks + WARM_UP) * CHUNK_S * RATE_HZ)
    noise = (LOUDNESS * generator.standard_normal(count)).astype(np.float32)
    service_ms, decoders_ms = _chunk_ms(noise, args.model, {})
    forgetful_ms, _ = _chunk_ms(noise, args.model, {"DATA_DIR": ""})
    vad_ms = _vad_ms(noise)
    items = {
        "container, in a decoder process": decoders_ms,
        "voice activity": vad_ms,
        "written to disk": max(0.0, service_ms - forgetful_ms),
        "HTTP, JSON and the rest": min(service_ms, forgetful_ms) - vad_ms,
        "mel features of a pass": _mel_ms(args.model),
    }
    items["together"] = sum(items.values())
    print(f"CPU milliseconds for a chunk of {CHUNK_S:g} s, the mean of {args.chunks}")
    for name, value in items.items():
        print(f"{name:34}{value:8.2f}")
    session_mb = _session_mb(args.model)
    print(f"MB for a session that is open, the mean of {OPEN}: {session_mb:.2f}")
    items["MB for an open session"] = session_mb
    args.json.parent.mkdir(parents=True, exist_ok=True)
    rounded = {name: round(value, 3) for name, value in items.items()}
    args.json.write_text(json.dumps(rounded, indent=1), encoding="utf-8")
    return 0


def _chunk_ms(noise: Samples, model: str, settings: dict[str, str]) -> tuple[float, float]:
    """Return the CPU milliseconds of a chunk in gunicorn's worker, and in the decoders."""
    pieces = cut(noise, CHUNK_S, "webm")
    with running({"LOG_LEVEL": "warning", "MODEL": model} | settings) as server:
        server.wait_until_ready(600)
        session, before = LiveSession(server.url), (0.0, 0.0)
        for at in range(len(pieces.ends_s)):
            if at == WARM_UP:
                before = _cpu_s(server)
            session.post(at, pieces.body(at, at + 1)).raise_for_status()
        after = _cpu_s(server)
        chunks = len(pieces.ends_s) - WARM_UP
        state = session.state()
        assert not state["text"], "a pass was made: somebody seems to speak"
    worker, decoders = (1000 * (b - a) / chunks for a, b in zip(before, after, strict=True))
    return worker, decoders


def _cpu_s(server: Server) -> tuple[float, float]:
    """Return the CPU seconds of gunicorn's worker, and of its children, so far."""
    (worker,) = psutil.Process(server.process.pid).children()

    def used(process: psutil.Process) -> float:
        times = process.cpu_times()
        return float(times.user + times.system)

    return used(worker), sum(map(used, worker.children(recursive=True)))


def _session_mb(model: str) -> float:
    """Return by how much the server's memory grows with a session that has begun to speak."""
    chunks = wav_chunks(recording("en/short-jfk.flac").samples(), CHUNK_S)[:3]
    settings = {"LOG_LEVEL": "warning", "MODEL": model, "MAX_SESSIONS": OPEN + BEFORE}
    with running(settings) as server:
        server.wait_until_ready(600)

        def speak(sessions: int) -> float:
            for _ in range(sessions):
                session = LiveSession(server.url)
                for sequence, chunk in enumerate(chunks):
                    session.post(sequence, chunk).raise_for_status()
            (worker,) = psutil.Process(server.process.pid).children()
            return sum(one.memory_info().rss for one in [worker, *worker.children(recursive=True)])

        before = speak(BEFORE)
        return (speak(OPEN) - before) / OPEN / 1e6


def _vad_ms(noise: Samples) -> float:
    voice = VoiceActivity()
    chunks = np.array_split(noise, len(noise) // round(CHUNK_S * RATE_HZ))
    return _mean_ms([functools.partial(voice.push, one) for one in chunks])


def _mel_ms(name: str) -> float:
    path = resolve(name, models_dir=Settings.from_env().models_path()).path
    model = SpeechModel(path, name, Device("cpu", "int8"), workers=1, cpu_threads=1)
    samples = recording("en/short-jfk.flac").samples()[: round(WINDOW_S * RATE_HZ)]
    return _mean_ms([lambda: model.whisper.feature_extractor(samples)] * 50)


def _mean_ms(acts: Sequence[Callable[[], object]]) -> float:
    start_s = time.process_time()
    for act in acts:
        act()
    return 1000 * (time.process_time() - start_s) / len(acts)


if __name__ == "__main__":
    raise SystemExit(main())
