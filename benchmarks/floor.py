"""How near each pass of the model is to what this machine can do at all.

    python -m benchmarks.floor --model tiny.en

It counts the operations and bytes of a pass from the shapes of the weights, measures how fast one
core multiplies matrices and reads memory, and compares the least time that follows with what the
service's own passes take, on one thread. The rate is that of float32: int8 may be faster, up to two
times with AVX2 and four with VNNI, so a ratio below one is possible. For a GPU give its rate and
bandwidth by hand.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.capacity.arithmetic import (
    Shape,
    Work,
    cross_attention,
    decoder,
    encoder,
    read_shape,
)
from config.settings import Settings
from tests.support.recordings import RATE_HZ, recording
from transcriber.engine import lanes
from transcriber.engine.device import Device
from transcriber.engine.model import CONTEXT_MARGIN_S, FULL_CONTEXT_S, SpeechModel
from transcriber.engine.search import BEAM_SIZE
from transcriber.engine.weights import resolve
from transcriber.engine.window import PREFIX_S, Lane, Window

WEIGHT_BYTES = {"int8": 1, "int8_float32": 1, "int8_float16": 1, "float16": 2, "float32": 4}
TRIES = 9
NEW_S = 2.0


@dataclass(frozen=True)
class Pass:
    """A window, and what its decoding takes at least.

    Attributes:
        name: what to call it.
        window: what is decoded.
        beams: of its search.
        aligned: whether its words get their times.
    """

    name: str
    window: Window
    beams: int
    aligned: bool


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the table, write the JSON and return the exit status."""
    args = _arguments(argv)
    path = resolve(args.model, models_dir=Settings.from_env().models_path()).path
    shape = read_shape(path / "model.bin")
    rate = 1e9 * args.gflops if args.gflops else matrix_rate(shape.width)
    bandwidth = 1e9 * args.gbytes if args.gbytes else memory_bandwidth()
    device = Device(args.device, args.compute_type)
    model = SpeechModel(path, args.model, device, workers=1, cpu_threads=1)
    print(f"{args.model}, {args.compute_type}: {shape}")
    print(f"{rate / 1e9:.1f} G operations/s in float32, {bandwidth / 1e9:.1f} GB/s, one thread")
    print(f"{'pass':34}{'G operations':>13}{'MB':>7}{'floor ms':>10}{'took ms':>9}{'ratio':>7}")
    rows = []
    for one in passes(model):
        work = _work(model, shape, one, WEIGHT_BYTES[args.compute_type])
        floor_s = sum(part.seconds(rate, bandwidth) for part in work)
        row = _row(one.name, work, floor_s, _took_s(model, one))
        print(
            f"{one.name:34}{row['operations'] / 1e9:13.1f}{row['bytes'] / 1e6:7.0f}"
            f"{row['floor_ms']:10.0f}{row['took_ms']:9.0f}{row['ratio']:7.2f}"
        )
        rows.append(row)
    args.json.parent.mkdir(parents=True, exist_ok=True)
    result = {
        "model": args.model,
        "compute_type": args.compute_type,
        "operations_per_s": rate,
        "bytes_per_s": bandwidth,
        "passes": rows,
    }
    args.json.write_text(json.dumps(result, indent=1), encoding="utf-8")
    return 0


def _row(name: str, work: Sequence[Work], floor_s: float, took_s: float) -> dict[str, Any]:
    return {
        "pass": name,
        "operations": sum(part.operations for part in work),
        "bytes": sum(part.bytes for part in work),
        "floor_ms": 1000 * floor_s,
        "took_ms": 1000 * took_s,
        "ratio": took_s / floor_s,
    }


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.floor", description=__doc__.split("\n", 1)[0]
    )
    option = parser.add_argument
    option("--model", default="tiny.en")
    option("--device", choices=["cpu", "cuda"], default="cpu")
    option("--compute-type", choices=list(WEIGHT_BYTES), default="int8")
    option("--gflops", type=float, help="10^9 operations per second, instead of measuring")
    option("--gbytes", type=float, help="10^9 bytes per second, instead of measuring")
    option("--json", type=Path, default=Path("benchmarks/results/floor.json"))
    return parser.parse_args(argv)


def matrix_rate(width: int) -> float:
    """Return the float32 operations per second of a product as in the encoder, on one thread."""
    generator = np.random.default_rng(0)
    states = generator.standard_normal((750, width), np.float32)
    weights = generator.standard_normal((width, 4 * width), np.float32)
    out = np.empty((750, 4 * width), np.float32)
    return 2 * 750 * 4 * width * width / _least_s(lambda: np.dot(states, weights, out=out), 50)


def memory_bandwidth() -> float:
    """Return the bytes per second that a copy reads and writes, far beyond any cache."""
    source = np.ones(64 * 2**20, np.float32)
    target = np.zeros_like(source)
    return 2 * source.nbytes / _least_s(lambda: np.copyto(target, source), 7)


def _least_s(act: Callable[[], object], times: int) -> float:
    def once() -> float:
        start_s = time.perf_counter()
        act()
        return time.perf_counter() - start_s

    return min(once() for _ in range(times))


def passes(model: SpeechModel) -> list[Pass]:
    """Return the passes that a live session makes, over real speech."""
    samples = recording("en/short-jfk.flac").samples()
    heard = lanes.decode(model, Window(samples, Lane.FINAL, language="en")).hypotheses[0]
    before = [word for word in heard.words if word.end <= PREFIX_S - 0.1]
    prefix_s = before[-1].end
    going_on = Window(
        samples[: round((prefix_s + NEW_S) * RATE_HZ)],
        Lane.PARTIAL,
        language="en",
        prefix="".join(word.word for word in before).strip(),
        prefix_s=prefix_s,
    )
    careful = replace(going_on, lane=Lane.FINAL, open=True)
    begins = Window(samples[: round(NEW_S * RATE_HZ)], Lane.PARTIAL, language="en")
    return [
        Pass("quick, nothing before", begins, 1, aligned=False),
        Pass("quick, 8 s before", going_on, 1, aligned=False),
        Pass("careful, 8 s before", careful, BEAM_SIZE, aligned=True),
        Pass("a closed piece of 11 s", Window(samples, Lane.FINAL, language="en"), BEAM_SIZE, True),
    ]


def _took_s(model: SpeechModel, one: Pass) -> float:
    lanes.decode(model, one.window)  # the first is slower

    def once() -> float:
        return _least_s(lambda: lanes.decode(model, one.window), 1)

    return statistics.median(once() for _ in range(TRIES))


def _work(model: SpeechModel, shape: Shape, one: Pass, weight_bytes: int) -> list[Work]:
    window = one.window
    short = window.lane is Lane.PARTIAL or window.open
    audio_s = (PREFIX_S if window.prefix else 0.0) + window.seconds - window.prefix_s
    least_s = model.open_context_s
    context_s = max(least_s, audio_s + CONTEXT_MARGIN_S) if short else FULL_CONTEXT_S
    tokenizer = model.tokenizer("en", "transcribe")
    given = len(model.prompt(tokenizer, window))
    if window.prefix:
        given += len(tokenizer.encode(" " + window.prefix)) + 2
    written = sum(len(heard.tokens) for heard in lanes.decode(model, window).hypotheses)
    steps = written + 1 + 2 * one.aligned  # the end, and the times around the text
    work = [
        encoder(shape, context_s, weight_bytes),
        cross_attention(shape, context_s, weight_bytes),
        decoder(shape, context_s, 1, given, 0, weight_bytes),
        decoder(shape, context_s, steps, one.beams, one.beams, weight_bytes),
    ]
    if one.aligned:
        rows = given + written
        work.append(cross_attention(shape, context_s, weight_bytes))
        work.append(decoder(shape, context_s, 1, rows, rows, weight_bytes))
    return work


if __name__ == "__main__":
    raise SystemExit(main())
