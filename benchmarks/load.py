"""How many live sessions a machine holds: this service against the usual ways.

    python -m benchmarks.load --model tiny.en --chunks 2,0.4

Sessions play recordings in real time, their chunks spread evenly, in growing number until 95 % of
the replies no longer come within the target or a backlog builds up. On the same weights, audio and
machine: this service over HTTP, `WhisperModel.transcribe` chunk by chunk, and on a growing buffer
(LocalAgreement), each on a pool of three workers. docs/benchmarks.md says what each figure means.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks import arguments
from benchmarks.arguments import ascending, names, numbers
from benchmarks.capacity import report
from benchmarks.capacity.service import Service
from benchmarks.capacity.stage import Stage, System, held, most_that_hold, run_stage
from benchmarks.capacity.usual import WORKERS, GrowingBuffer, Usual
from benchmarks.quality.pieces import CONTAINERS
from benchmarks.quality.systems import COMPUTE_TYPES, FasterWhisper, cores, service_threads
from config.settings import Settings
from tests.support.recordings import SPEECH, Recording, folder
from tests.support.server import running
from transcriber.engine.weights import resolve

SYSTEMS = ("service", "chunks", "buffer")
NUMBERS = (1, 2, 4, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 96, 128, 192, 256, 300, 400, 600, 800)
# Shorter recordings would leave a machine that is to be crowded half empty at a stage's end.
LEAST_S, MOST_S = 50.0, 75.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the measurement and return the exit status."""
    args = _arguments(argv)
    recordings = [one for one in folder(args.folder) if LEAST_S <= one.duration_s <= MOST_S]
    if not recordings:
        raise SystemExit(f"{args.folder} has no recording of {LEAST_S:.0f} to {MOST_S:.0f} s.")
    load = os.getloadavg()[0]
    print(
        f"{args.model}: {len(recordings)} recordings, {cores()} cores, load before {load:.1f}, "
        f"target {args.target_ms} ms"
    )
    results = {}
    for chunk_s in args.chunks:
        found = _measured(args, recordings, chunk_s)
        for name, stages in found.items():
            results[f"{name}, {chunk_s:g} s"] = {
                "held": held(stages, args.target_ms),
                "stages": [one.as_json() for one in stages],
            }
        print("\n" + "\n".join(report.ratio_table(found, args.target_ms)))
        picture = args.json.with_name(
            f"{args.json.stem}-{args.model.split('/')[-1]}-{chunk_s:g}s.png"
        )
        report.plot(found, args.target_ms, picture)
        print(f"plot: {picture}")
    _write(args, results, load)
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.load", description=__doc__.split("\n", 1)[0]
    )
    option = parser.add_argument
    option("--folder", type=Path, default=SPEECH / "en", help="recordings and a manifest.json")
    option("--model", default="tiny.en")
    option("--chunks", type=numbers, default=[2.0, 0.4], help="seconds, as in 2,0.4")
    option("--container", choices=CONTAINERS, default="wav")
    option("--systems", type=names, default=list(SYSTEMS), help=f"of {','.join(SYSTEMS)}")
    option("--sessions", type=ascending, default=list(NUMBERS), help="how many, ascending")
    option("--target-ms", type=float, default=Settings().latency_target_ms)
    option("--device", choices=list(COMPUTE_TYPES), default="cpu")
    option("--cpu-threads", type=int, default=service_threads(), help="threads of a model call")
    option("--set", action="append", default=[], metavar="NAME=VALUE", help="for the server")
    option("--json", type=Path, default=Path("benchmarks/results/load.json"))
    args = parser.parse_args(argv)
    arguments.expect_known(parser, args.systems, SYSTEMS)
    args.set = arguments.settings(parser, args.set)
    return args


def _measured(
    args: argparse.Namespace, recordings: Sequence[Recording], chunk_s: float
) -> dict[str, list[Stage]]:
    """Measure each system by itself: nothing else runs meanwhile."""
    found: dict[str, list[Stage]] = {}
    for wanted in args.systems:
        with _system(args, wanted) as system:

            def measure(sessions: int, system: System = system) -> Stage:
                stage = run_stage(system, recordings, sessions, chunk_s)
                print(report.line(stage, args.target_ms), flush=True)
                return stage

            print(f"\nchunks of {chunk_s:g} s\n" + "\n".join(report.HEAD), flush=True)
            found[system.name] = most_that_hold(measure, args.sessions, args.target_ms)
    return found


@contextmanager
def _system(args: argparse.Namespace, wanted: str) -> Iterator[System]:
    if wanted != "service":
        path = resolve(args.model, models_dir=Settings.from_env().models_path()).path
        whisper = FasterWhisper(path, args.device, args.cpu_threads, workers=WORKERS)
        whisper.warm_up(folder(args.folder)[0])
        yield (Usual if wanted == "chunks" else GrowingBuffer)(whisper)
        return
    settings = {
        "LOG_LEVEL": "warning",
        "MODEL": args.model,
        "DEVICE": args.device,
        "CPU_THREADS": args.cpu_threads,
        "MAX_SESSIONS": max(args.sessions) + 1,
        **dict(args.set),
    }
    with running(settings) as server:
        server.wait_until_ready(600)
        yield Service(server, args.container)


def _write(args: argparse.Namespace, results: object, load: float) -> None:
    told = {
        "arguments": {name: str(value) for name, value in vars(args).items()},
        "cores": cores(),
        "load_before": round(load, 2),
        "systems": results,
    }
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(told, indent=1), encoding="utf-8")
    print(f"\nEvery figure is in {args.json}.")


if __name__ == "__main__":
    raise SystemExit(main())
