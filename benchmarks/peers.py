"""This service beside live peers from PyPI, on the same weights, recordings and machine.

    python -m benchmarks.peers --model tiny.en --sessions 1,2,4

Each peer is installed into a virtual environment of its own, and hears recordings in real time:

- whisperlivekit: its server with LocalAgreement on faster-whisper, spoken to over its WebSocket in
  raw samples. All else is as it comes, its detector of speech too, which lies in the package. What
  asks the web is replaced (a first pass, over a recording from there) or off (every hub).
- whisper-streaming: a package made of whisper_streaming, which is itself on no registry. A session
  is a process, since it has no server. It shows only text that is final, gives no text before its
  buffer as prompt, and trims by time.
- recipe: therefore whisper_streaming's recipe besides, as benchmarks.quality.agreement has it, a
  pass every second on one model in this process.
- service: this service over HTTP, in chunks of `--chunks` seconds.

First one session alone plays all recordings; then more at once, until a word's first right
appearance comes over 2 s later than alone (the 95th percentile), or the last text over 10 s after
the audio: so many sessions are held. A peer is ended that still writes a minute after it, and its
words count as they stand; one that is late may leave words out by itself. So nothing else should
run meanwhile. On Linux without the CPU's build of torch at hand, whisperlivekit takes some
gigabytes. docs/benchmarks.md says what each figure means.
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
from benchmarks.beside import systems
from benchmarks.beside.install import PACKAGES, PeerFailed, installed
from benchmarks.beside.stage import HEAD, Stage, held, line, run_stage, until_not_held
from benchmarks.beside.systems import OurService, Recipe, System
from benchmarks.capacity.service import Service
from benchmarks.capacity.usual import WORKERS
from benchmarks.quality.systems import FasterWhisper, cores, service_threads
from config.settings import Settings
from tests.support.recordings import SPEECH, Recording, folder
from tests.support.server import running
from transcriber.engine.weights import resolve

SYSTEMS = ("service", "whisperlivekit", "whisper-streaming", "recipe")
RESULTS = Path("benchmarks/results")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the measurement and return the exit status: 1 where a system is left out."""
    args = _arguments(argv)
    recordings = [
        one for one in folder(args.folder) if any(part in one.path.name for part in args.only)
    ]
    if not recordings:
        raise SystemExit("No recording is left to measure.")
    audio_s, load = sum(one.duration_s for one in recordings), os.getloadavg()[0]
    print(
        f"{args.model}: {len(recordings)} recordings, {audio_s:.0f} s, "
        f"{args.cpu_threads} threads a call, {cores()} cores, load before {load:.1f}",
        flush=True,
    )
    found: dict[str, list[Stage]] = {}
    left_out: dict[str, str] = {}
    for wanted in args.systems:
        try:
            found |= _measured(args, wanted, recordings)
        except PeerFailed as failure:
            left_out[wanted] = str(failure)
            print(f"{wanted} is left out: {failure}", flush=True)
    if found:
        print("\n" + "\n".join(_table(found)))
    _write(args, found, left_out, load)
    return 1 if left_out else 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers", description=__doc__.split("\n", 1)[0]
    )
    option = parser.add_argument
    option("--folder", type=Path, default=SPEECH / "en", help="recordings and a manifest.json")
    option(
        "--only",
        type=names,
        default=["long-ls-367", "long-ls-1688"],
        help="recordings with one of these in their name, as in long-ls-367,short-jfk",
    )
    option("--model", default="tiny.en")
    option("--systems", type=names, default=list(SYSTEMS), help=f"of {','.join(SYSTEMS)}")
    option("--sessions", type=ascending, default=[1, 2, 4], help="how many at once")
    option("--chunks", type=numbers, default=[2.0, 0.4], help="of this service, in seconds")
    option("--cpu-threads", type=int, default=service_threads(), help="threads of a call of ours")
    option("--peer-threads", type=int, default=0, help="of a peer's call; 0: as it comes")
    option("--venvs", type=Path, default=RESULTS / "peers", help="folder of the environments")
    option("--install-s", type=float, default=1800.0, help="the longest step of an installation")
    option("--json", type=Path, default=RESULTS / "peers.json")
    args = parser.parse_args(argv)
    arguments.expect_known(parser, args.systems, SYSTEMS)
    return args


def _measured(
    args: argparse.Namespace, wanted: str, recordings: Sequence[Recording]
) -> dict[str, list[Stage]]:
    """Measure a system by itself: nothing else runs meanwhile.

    Raises:
        PeerFailed: it can't be installed, or fails.
    """
    found: dict[str, list[Stage]] = {}
    with _systems(args, wanted, recordings[0]) as systems:
        print("\n" + "\n".join(HEAD), flush=True)
        for name, system in systems.items():
            alone: list[Stage] = []

            def measure(
                sessions: int, name: str = name, system: System = system, alone: list[Stage] = alone
            ) -> Stage:
                stage = run_stage(name, system, recordings, sessions)
                alone.append(stage)
                print(line(stage, alone[0]), flush=True)
                return stage

            found[name] = until_not_held(measure, args.sessions)
    return found


@contextmanager
def _systems(
    args: argparse.Namespace, wanted: str, recording: Recording
) -> Iterator[dict[str, System]]:
    """Start what was asked for; this service is one system for each length of its chunks."""
    if wanted == "service":
        settings = {"LOG_LEVEL": "warning", "MODEL": args.model, "DEVICE": "cpu"}
        settings |= {"CPU_THREADS": args.cpu_threads, "MAX_SESSIONS": max(args.sessions) + 1}
        with running(settings) as server:
            server.wait_until_ready(600)
            service = Service(server, "wav")
            yield {f"service {one:g} s": OurService(service, one) for one in args.chunks}
        return
    path = resolve(args.model, models_dir=Settings.from_env().models_path()).path
    if wanted == "recipe":
        whisper = FasterWhisper(path, "cpu", args.cpu_threads, workers=WORKERS)
        whisper.warm_up(recording)
        yield {wanted: Recipe(whisper)}
        return
    python = installed(args.venvs / wanted, PACKAGES[wanted], args.install_s)
    start = {
        "whisperlivekit": systems.whisperlivekit,
        "whisper-streaming": systems.whisper_streaming,
    }[wanted]
    with start(python, path, recording, args.peer_threads) as system:
        yield {wanted: system}


def _table(found: dict[str, list[Stage]]) -> list[str]:
    """Return each system alone, and how many sessions it held."""
    lines = [HEAD[0] + f"{'sessions':>10}", HEAD[1] + f"{'held':>10}"]
    for stages in found.values():
        most = held(stages)
        # The last one was held: nobody knows the next.
        more = "+" if most == stages[-1].sessions else ""
        lines.append(f"{line(stages[0])}{f'{most}{more}':>10}")
    return lines


def _write(
    args: argparse.Namespace, found: dict[str, list[Stage]], left_out: dict[str, str], load: float
) -> None:
    told = {
        "arguments": {name: str(value) for name, value in vars(args).items()},
        "packages": {name: [one.name, *one.needs] for name, one in PACKAGES.items()},
        "cores": cores(),
        "load_before": round(load, 2),
        "left_out": left_out,
        "systems": {
            name: {"held": held(stages), "stages": [one.as_json() for one in stages]}
            for name, stages in found.items()
        },
    }
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(told, ensure_ascii=False, indent=1), encoding="utf-8")
    print(f"\nEvery figure is in {args.json}.")


if __name__ == "__main__":
    raise SystemExit(main())
