"""How long a whole file takes: uploaded to this service, and with faster-whisper as it is.

    python -m benchmarks.one_shot --model tiny.en

Both decode the same files in turn, on the same machine and weights: whatever disturbs one disturbs
the other. faster-whisper runs in this process with `transcribe`, beam 5, on all cores; the service
as it comes, spoken to over HTTP, with all that is around the model.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import arguments
from benchmarks.quality.systems import FasterWhisper, cores
from config.settings import Settings
from tests.support.live import upload
from tests.support.recordings import SPEECH, Recording, folder
from tests.support.server import Server, running
from transcriber.engine.weights import resolve


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the table, write the JSON and return the exit status."""
    args = _arguments(argv)
    recordings = [one for one in folder(args.folder) if args.only in one.path.name]
    path = resolve(args.model, models_dir=Settings.from_env().models_path()).path
    plain = FasterWhisper(path, args.device, cpu_threads=cores())
    print(f"{'seconds for':34}{'audio':>8}{'plain':>8}{'upload':>8}{'ratio':>7}")
    rows = {}
    with running({"MODEL": args.model, "LOG_LEVEL": "warning"} | dict(args.set)) as server:
        server.wait_until_ready(600)
        for one in recordings:
            plain_s, upload_s = _both_s(plain, server, one, args.tries)
            rows[one.path.name] = {"audio_s": one.duration_s, "plain": plain_s, "upload": upload_s}
            print(
                f"{one.path.name:34}{one.duration_s:8.1f}{plain_s:8.2f}{upload_s:8.2f}"
                f"{upload_s / plain_s:7.2f}",
                flush=True,
            )
    ratios = [row["upload"] / row["plain"] for row in rows.values()]
    print(f"median ratio {statistics.median(ratios):.2f}")
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.one_shot", description=__doc__.split("\n", 1)[0]
    )
    option = parser.add_argument
    option("--folder", type=Path, default=SPEECH / "en", help="recordings and a manifest.json")
    option("--only", default="", help="only recordings with this in their name")
    option("--model", default="tiny.en")
    option("--device", choices=["cpu", "cuda"], default="cpu")
    option("--tries", type=int, default=3, help="of which the median counts")
    option("--set", action="append", default=[], metavar="NAME=VALUE", help="for the server")
    option("--json", type=Path, default=Path("benchmarks/results/one_shot.json"))
    args = parser.parse_args(argv)
    args.set = arguments.settings(parser, args.set)
    return args


def _both_s(
    plain: FasterWhisper, server: Server, one: Recording, tries: int
) -> tuple[float, float]:
    """Return the median seconds of each; the first, which may be slower, does not count."""
    samples = one.samples()

    def by_upload() -> None:
        upload(server.url, one.data, language=one.language).raise_for_status()

    times = [
        (_seconds(lambda: plain.segments(samples, one)), _seconds(by_upload))
        for _ in range(tries + 1)
    ]
    plain_s, upload_s = zip(*times[1:], strict=True)
    return statistics.median(plain_s), statistics.median(upload_s)


def _seconds(act: Callable[[], object]) -> float:
    start_s = time.perf_counter()
    act()
    return time.perf_counter() - start_s


if __name__ == "__main__":
    raise SystemExit(main())
