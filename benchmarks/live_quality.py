"""How good and how soon live text is: this service against other ways to use the same weights.

    python -m benchmarks.live_quality [FOLDER ...] --model tiny.en

Each FOLDER holds recordings and a manifest.json as in tests/data/speech/en, which is the default.
On the same audio, weights and machine it runs faster-whisper on the whole file, two live recipes
made of it (in virtual time), and this service over HTTP: uploaded whole, and live, in chunks posted
in real time. It prints tables, and writes a JSON file, a plot per recording and one of delay
against errors. docs/benchmarks.md says what each figure means.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks import arguments
from benchmarks.arguments import names, numbers
from benchmarks.quality import detection, plots, report
from benchmarks.quality.pieces import CONTAINERS
from benchmarks.quality.run import Run
from benchmarks.quality.service import live, uploaded
from benchmarks.quality.sounds import generated
from benchmarks.quality.summary import Summary, summaries
from benchmarks.quality.systems import COMPUTE_TYPES, FasterWhisper, cores, service_threads
from config.settings import Settings
from tests.support.recordings import SPEECH, Recording, folder
from tests.support.server import running
from transcriber.engine.weights import resolve

SYSTEMS = ("whole", "naive", "agreement", "upload", "live")
RESULTS = Path("benchmarks/results")
# Settings of one server, and what to call it beside the others.
Variant = tuple[dict[str, str], str]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the measurement and return the exit status."""
    args = _arguments(argv)
    with tempfile.TemporaryDirectory() as scratch:
        recordings = _recordings(args, Path(scratch))
        load = os.getloadavg()[0]
        print(_plan(args, recordings, load), flush=True)
        every = itertools.chain(_peers(args, recordings), _served(args, recordings))
        runs = [_told(run) for run in every]
        found = [] if args.nonspeech else summaries(runs)
        _print(args, runs, found)
        _write(args, runs, found, load)
        if args.plots and not args.nonspeech:
            paths = plots.plot_recordings(runs, args.plots)
            paths += filter(None, [plots.plot_trade_off(found, args.plots / "trade-off.png")])
            print("\n".join(f"plot: {path}" for path in paths))
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.live_quality", description=__doc__.split("\n", 1)[0]
    )
    option = parser.add_argument
    option("folders", nargs="*", type=Path, default=[SPEECH / "en"])
    option("--model", default="tiny.en")
    option("--only", default="", help="only recordings with this in their name")
    option("--systems", type=names, default=list(SYSTEMS), help=f"of {','.join(SYSTEMS)}")
    option("--chunks", type=numbers, default=[2.0, 0.4], help="seconds, as in 2,0.4")
    option("--containers", type=names, default=["wav"], help=f"of {','.join(CONTAINERS)}")
    option("--agreement-s", type=numbers, default=[1.0], help="seconds between its passes")
    option("--no-pace", action="store_true", help="post as fast as it goes: only the text counts")
    option("--task", choices=["transcribe", "translate"], default="transcribe")
    option("--detect", action="store_true", help="leave the language to the model, and judge it")
    option(
        "--nonspeech",
        nargs="?",
        type=Path,
        const=SPEECH / "nonspeech",
        help="count the words written in that folder's sounds and in generated ones instead",
    )
    option("--nonspeech-minutes", type=float, default=1.0, help="length of each generated sound")
    option("--device", choices=list(COMPUTE_TYPES), default="cpu")
    option("--cpu-threads", type=int, default=service_threads(), help="threads of a model call")
    option(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of the server; the same name again makes another variant of it",
    )
    option("--json", type=Path, default=RESULTS / "live_quality.json")
    option("--plots", type=Path, default=RESULTS / "plots", help="folder for the pictures")
    return _checked(parser, parser.parse_args(argv))


def _checked(parser: argparse.ArgumentParser, args: argparse.Namespace) -> argparse.Namespace:
    for chosen, known in ((args.systems, SYSTEMS), (args.containers, CONTAINERS)):
        arguments.expect_known(parser, chosen, known)
    args.set = arguments.settings(parser, args.set)
    args.no_pace |= args.nonspeech is not None
    return args


def _recordings(args: argparse.Namespace, scratch: Path) -> list[Recording]:
    folders = args.folders
    made: list[Recording] = []
    if args.nonspeech:
        folders = [args.nonspeech]
        made = generated(scratch, 60 * args.nonspeech_minutes)
    found = [one for path in folders for one in folder(path)] + made
    chosen = [one for one in found if args.only in one.path.name]
    if args.task == "translate":
        # The manifest tells what was said, not its translation.
        chosen = [dataclasses.replace(one, text="") for one in chosen]
    if not chosen:
        raise SystemExit("No recording is left to measure.")
    return chosen


def _variants(args: argparse.Namespace) -> list[Variant]:
    """Return every combination of the values given to `--set`."""
    values: dict[str, list[str]] = {}
    for name, value in args.set:
        values.setdefault(name, []).append(value)
    variants: list[Variant] = []
    for chosen in itertools.product(*values.values()):
        settings = dict(zip(values, chosen, strict=True))
        differing = [f"{name}={value}" for name, value in settings.items() if len(values[name]) > 1]
        variants.append((settings, " ".join(differing)))
    return variants


def _plan(args: argparse.Namespace, recordings: Sequence[Recording], load: float) -> str:
    audio_s = sum(one.duration_s for one in recordings)
    text = f"{args.model}: {len(recordings)} recordings, {audio_s:.0f} s"
    # Whatever else runs makes every delay longer.
    text += f", {args.cpu_threads} threads a call, {cores()} cores, load before {load:.1f}"
    if "live" in args.systems and not args.no_pace:
        runs = len(args.chunks) * len(args.containers) * len(_variants(args))
        text += f"; posted {runs} times in real time: {runs * audio_s / 60:.0f} min at least"
    return text


def _peers(args: argparse.Namespace, recordings: Sequence[Recording]) -> Iterator[Run]:
    """Run the systems that need no server."""
    if not {"whole", "naive", "agreement"} & set(args.systems):
        return
    path = resolve(args.model, models_dir=Settings.from_env().models_path()).path
    whisper = FasterWhisper(path, args.device, args.cpu_threads, args.task, args.detect)
    whisper.warm_up(recordings[0])
    if "whole" in args.systems:
        yield from map(whisper.whole, recordings)
    if "naive" in args.systems:
        yield from map(whisper.naive, recordings)
    if "agreement" in args.systems:
        for every_s in args.agreement_s:
            for recording in recordings:
                yield whisper.agreement(recording, every_s)


def _served(args: argparse.Namespace, recordings: Sequence[Recording]) -> Iterator[Run]:
    """Run this service, each variant on a server of its own."""
    if {"upload", "live"} & set(args.systems):
        for settings, label in _variants(args):
            yield from _on_server(args, recordings, settings, label)


def _on_server(
    args: argparse.Namespace, recordings: Sequence[Recording], settings: dict[str, str], label: str
) -> Iterator[Run]:
    basic = {"MODEL": args.model, "DEVICE": args.device, "CPU_THREADS": args.cpu_threads}
    with running({"LOG_LEVEL": "warning"} | basic | settings) as server:
        server.wait_until_ready(600)
        uploads = (uploaded(server, one, _options(args, one)) for one in recordings)
        lives = (
            live(server, one, _options(args, one), seconds, container, paced=not args.no_pace)
            for container in args.containers
            for seconds in args.chunks
            for one in recordings
        )
        for name, runs in (("upload", uploads), ("live", lives)):
            if name in args.systems:
                for run in runs:
                    run.system = f"{run.system} {label}".strip()
                    yield run


def _options(args: argparse.Namespace, recording: Recording) -> dict[str, str]:
    options = {"task": args.task}
    if recording.language and not args.detect:
        options["language"] = recording.language
    return options


def _told(run: Run) -> Run:
    """Say that a run is done, for those who wait."""
    print(f"  {run.system}: {run.recording.path.name}", file=sys.stderr, flush=True)
    return run


def _print(args: argparse.Namespace, runs: Sequence[Run], found: Sequence[Summary]) -> None:
    if args.nonspeech:
        tables = [report.sound_table(runs)]
    else:
        tables = [
            report.text_table(found),
            report.time_table(found),
            report.calibration_table(found),
            detection.lines(runs) if args.detect else [],
        ]
    for table in filter(None, tables):
        print("\n" + "\n".join(table))


def _write(
    args: argparse.Namespace, runs: Sequence[Run], found: Sequence[Summary], load: float
) -> None:
    result: dict[str, Any] = {
        "arguments": {name: str(value) for name, value in vars(args).items()},
        "cores": cores(),
        "load_before": round(load, 2),
        "systems": [one.as_json() for one in found],
        "runs": [
            {
                "system": run.system,
                "recording": run.recording.path.name,
                "text": run.text,
                "reference": run.recording.text,
                "model_s": round(run.model_s, 3),
                "cpu_s": round(run.cpu_s, 3),
                "chunks": len(run.chunk_ends_s),
                "seams_s": run.seams_s,
                "languages": run.languages,
            }
            for run in runs
        ],
    }
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(result, ensure_ascii=False, indent=1), encoding="utf-8")
    print(f"\nEvery text and every word's delay is in {args.json}.")


if __name__ == "__main__":
    raise SystemExit(main())
