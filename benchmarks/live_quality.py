"""How good the final text of live sessions is, against the same audio uploaded whole.

    python -m benchmarks.live_quality --model tiny.en [FOLDER ...]

Each FOLDER holds recordings and a manifest.json as in tests/data/speech/en, which is the default.
A real server is started for the run. Every recording is decoded three ways on the same weights:
by faster-whisper's own `transcribe`, uploaded whole, and live in chunks, as wav files and as one
webm/opus stream cut at arbitrary bytes. Word error rates count all recordings together.

With `--pace` chunks are posted in real time, one session at a time, and the server time per chunk
means something; without it they follow each other at once and only the text does.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from faster_whisper import WhisperModel

from config.settings import Settings
from tests.support.live import LiveSession, upload
from tests.support.recordings import (
    SPEECH,
    Recording,
    cut_anywhere,
    folder,
    wav_chunks,
    webm_opus,
)
from tests.support.scores import Errors, errors
from tests.support.server import Server, running
from transcriber.engine.weights import resolve


@dataclass
class Row:
    """One way of decoding: its errors over all recordings, and its times."""

    name: str
    errors: Errors = field(default_factory=Errors)
    total_ms: list[int] = field(default_factory=list)
    model_s: float = 0.0
    audio_s: float = 0.0
    texts: dict[str, str] = field(default_factory=dict)

    def add(self, recording: Recording, text: str) -> None:
        """Score one recording."""
        self.errors += errors(recording.text, text, recording.language)
        self.texts[recording.path.name] = text
        self.audio_s += recording.duration_s

    def line(self) -> str:
        """Return the row as a line of the table."""
        e = self.errors
        times = ""
        if self.total_ms:
            p50, p95 = np.percentile(self.total_ms, [50, 95])
            times = f"{p50:7.0f} {p95:7.0f}"
        cost = f"{self.model_s / self.audio_s:8.3f}" if self.model_s else ""
        return (
            f"{self.name:<24}{e.wer:7.2f}{e.substitutions:6d}{e.deletions:6d}{e.insertions:6d}"
            f"  {times:15} {cost}"
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the measurement and return the exit status."""
    args = _arguments(argv)
    recordings = [
        recording
        for path in args.folders
        for recording in folder(path)
        if recording.text and args.only in recording.path.name
    ]
    rows = [Row("faster-whisper, whole"), Row("uploaded whole")]
    with running({"MODEL": args.model, "LOG_LEVEL": "warning"}) as server:
        server.wait_until_ready(600)
        for recording in recordings:
            _whole(server, recording, rows[1], args.detect)
            print(".", end="", file=sys.stderr, flush=True)
        for seconds in args.chunks:
            for container in args.containers:
                row = Row(f"live, {container}, {seconds:g} s")
                rows.append(row)
                for recording in recordings:
                    _live(server, recording, row, seconds, container, args)
                    print(".", end="", file=sys.stderr, flush=True)
    if not args.no_reference:
        _reference(args.model, recordings, rows[0], args.detect)
    print(file=sys.stderr)
    _report(args, recordings, [row for row in rows if row.texts])
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live_quality")
    parser.add_argument("folders", nargs="*", type=Path, default=[SPEECH / "en"])
    parser.add_argument("--model", default="tiny.en")
    parser.add_argument("--only", default="", help="only recordings with this in their name")
    parser.add_argument("--chunks", type=_seconds, default=[2.0, 0.4], help="seconds, as in 2,0.4")
    parser.add_argument("--containers", type=lambda text: text.split(","), default=["wav", "webm"])
    parser.add_argument("--detect", action="store_true", help="let the language be detected")
    parser.add_argument("--pace", action="store_true", help="post chunks in real time")
    parser.add_argument("--no-reference", action="store_true", help="leave faster-whisper out")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/live_quality.json"))
    return parser.parse_args(argv)


def _seconds(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]


def _whole(server: Server, recording: Recording, row: Row, detect: bool) -> None:
    fields = {} if detect else {"language": recording.language}
    body = upload(server.url, recording.data, **fields).json()
    row.add(recording, body["text"])
    row.model_s += body["timing_ms"]["model"] / 1000


def _live(
    server: Server,
    recording: Recording,
    row: Row,
    seconds: float,
    container: str,
    args: argparse.Namespace,
) -> None:
    samples = recording.samples()
    if container == "wav":
        chunks = wav_chunks(samples, seconds)
    else:
        chunks = cut_anywhere(webm_opus(samples), max(1, round(recording.duration_s / seconds)))
    session = LiveSession(server.url, {} if args.detect else {"language": recording.language})
    start_s = time.monotonic()
    for sequence, chunk in enumerate(chunks):
        if args.pace:
            time.sleep(max(0.0, start_s + (sequence + 1) * seconds - time.monotonic()))
        response = session.post(sequence, chunk, final=sequence == len(chunks) - 1)
        response.raise_for_status()
        timing = response.json()["timing_ms"]
        row.total_ms.append(timing["total"])
        row.model_s += timing["model"] / 1000
    state = session.wait_ended()
    row.add(recording, state["text"])
    audio = state["audio_seconds"]
    left = audio["received"] - audio["final"] - audio["silence"] - audio["pending"]
    assert abs(left) < 0.01, audio
    assert session.text().strip() == state["text"].strip()


def _reference(model: str, recordings: Sequence[Recording], row: Row, detect: bool) -> None:
    found = resolve(model, models_dir=Settings.from_env().models_path())
    whisper: Any = WhisperModel(str(found.path), device="cpu", compute_type="int8")
    for recording in recordings:
        start_s = time.monotonic()
        segments, _ = whisper.transcribe(
            recording.samples(), beam_size=5, language=None if detect else recording.language
        )
        row.add(recording, "".join(segment.text for segment in segments))
        row.model_s += time.monotonic() - start_s


def _report(args: argparse.Namespace, recordings: Sequence[Recording], rows: list[Row]) -> None:
    seconds = sum(recording.duration_s for recording in recordings)
    print(f"{args.model}: {len(recordings)} recordings, {seconds:.0f} s, paced: {args.pace}")
    print(
        f"{'':24}{'WER %':>7}{'sub':>6}{'del':>6}{'ins':>6}  {'p50 ms':>7} {'p95 ms':>7} model s/s"
    )
    for row in rows:
        print(row.line())
    args.json.parent.mkdir(parents=True, exist_ok=True)
    result = {
        "model": args.model,
        "paced": args.pace,
        "recordings": [recording.path.name for recording in recordings],
        "rows": [asdict(row) | {"wer": round(row.errors.wer, 3)} for row in rows],
    }
    args.json.write_text(json.dumps(result, ensure_ascii=False, indent=1), encoding="utf-8")
    print(f"written to {args.json}")


if __name__ == "__main__":
    raise SystemExit(main())
