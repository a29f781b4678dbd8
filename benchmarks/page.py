"""How soon a spoken word is on the page, in a real Chromium whose microphone plays a recording.

    python -m benchmarks.page --model tiny.en [FOLDER ...]

Each FOLDER holds recordings and a manifest.json with the end of every word, as
tests/data/speech/en, the default; only recordings of at least `--least` seconds are used. For every
word it takes the time from its end in the sound to the first moment when it stands on the page at
its place, partial or final, and to when it stands there as final. The page's own clock is used
throughout: where the sound begins in the recording is found by correlating what the browser
recorded with what was played.

The floor is what no server can change: a word waits for the end of its batch, which is half a
batch on average, and Chrome's recorder hands a blob over some 60 ms after its last sound.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from playwright.sync_api import Playwright, sync_playwright

from benchmarks.quality.alignment import Delay, delays, spoken
from benchmarks.quality.run import Shown
from tests.support.browser import TranscriberPage, browser, microphone
from tests.support.live import upload
from tests.support.recordings import RATE_HZ, SPEECH, Recording, Samples, folder
from tests.support.scores import Errors, errors
from tests.support.server import Server, running

# Keeps every text that the page shows with its time, and how long each chunk took.
_WATCH = """
window.seen = { texts: [], chunks: [] };
{
  const fetch = window.fetch;
  window.fetch = async (...rest) => {
    const sentMs = performance.now();
    const response = await fetch(...rest);
    if (String(rest[0]).endsWith("/transcribe")) {
      const { timing_ms } = await response.clone().json();
      window.seen.chunks.push([performance.now() - sentMs, timing_ms.total]);
    }
    return response;
  };
  addEventListener("DOMContentLoaded", () => {
    const text = (id) => document.querySelector(`[data-testid=${id}]`);
    const note = () => {
      const [final, partial] = ["final", "partial"].map((id) => text(id).innerText);
      window.seen.texts.push([performance.now(), final, partial]);
    };
    const watcher = new MutationObserver(note);
    for (const id of ["final", "partial"]) {
      watcher.observe(text(id), { childList: true, subtree: true, characterData: true });
    }
  });
}
"""


@dataclass
class Result:
    """What one recording gave."""

    name: str
    page: Errors
    uploaded: Errors
    delays: list[Delay]
    round_trip_ms: list[float]
    server_ms: list[float]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the measurement and return the exit status."""
    args = _arguments(argv)
    recordings = [
        recording
        for path in args.folders
        for recording in folder(path)
        if recording.duration_s >= args.least
    ]
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(running({"MODEL": args.model}))
        server.wait_until_ready()
        playwright = stack.enter_context(sync_playwright())
        results = []
        for recording in recordings:
            results.append(_measure(playwright, server, recording))
            print(_line(results[-1].name, [results[-1]]), flush=True)
    print(_line("all", results))
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps([asdict(result) for result in results], indent=1))
    print(f"Every word's delay is in {args.json}.")
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folders", nargs="*", type=Path, default=[SPEECH / "en"])
    parser.add_argument("--model", default="tiny.en")
    parser.add_argument("--least", type=float, default=30.0, help="seconds of a recording")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/page.json"))
    args = parser.parse_args(argv)
    print(
        f"{'':28}{'WER %':>7}{'upload':>8}{'shown p50':>11}{'p95':>6}{'final p50':>11}{'p95':>6}"
        f"{'request':>9}{'p95':>6}{'server':>8}{'p95':>6}{'missed':>8}"
    )
    return args


def _line(name: str, results: Sequence[Result]) -> str:
    page = sum((result.page for result in results), Errors())
    uploaded = sum((result.uploaded for result in results), Errors())
    words = [delay for result in results for delay in result.delays]
    shown_s = [delay.shown_s for delay in words if delay.shown_s is not None]
    shown = _percentiles(shown_s)
    final = _percentiles([delay.final_s for delay in words if delay.final_s is not None])
    request = _percentiles([ms for result in results for ms in result.round_trip_ms])
    server = _percentiles([ms for result in results for ms in result.server_ms])
    return (
        f"{name:28}{page.wer:7.2f}{uploaded.wer:8.2f}{shown[0]:11.2f}{shown[1]:6.2f}"
        f"{final[0]:11.2f}{final[1]:6.2f}{request[0]:9.0f}{request[1]:6.0f}"
        f"{server[0]:8.0f}{server[1]:6.0f}{len(words) - len(shown_s):8d}"
    )


def _percentiles(values: Sequence[float]) -> tuple[float, float]:
    p50, p95 = np.percentile(values, [50, 95]) if values else (np.nan, np.nan)
    return float(p50), float(p95)


def _measure(playwright: Playwright, server: Server, recording: Recording) -> Result:
    with tempfile.TemporaryDirectory() as scratch:
        plays = microphone(Path(scratch), recording, before_s=1.0)
        with browser(playwright, Path(scratch) / "profile", plays) as context:
            context.add_init_script(_WATCH)
            page = TranscriberPage(context)
            page.open(server.url)
            page.record()
            page.page.wait_for_timeout(1000 * (recording.duration_s + 2.0))
            page.stop()
            seen: dict[str, Any] = page.page.evaluate(
                "({ startMs: recorded.startMs, texts: seen.texts, chunks: seen.chunks })"
            )
            recorded = page.recorded()
            text = page.final_text()
    begins_s = _offset_s(_decoded(recorded), recording.samples())
    whole = upload(server.url, recording.data).json()["text"]
    return Result(
        name=recording.path.name,
        page=errors(recording.text, text, recording.language),
        uploaded=errors(recording.text, whole, recording.language),
        delays=delays(spoken(recording), _shown(seen, begins_s), []),
        round_trip_ms=[chunk[0] for chunk in seen["chunks"]],
        server_ms=[chunk[1] for chunk in seen["chunks"]],
    )


def _decoded(data: bytes) -> Samples:
    """Return what the browser recorded, float32, 16 kHz mono."""
    resampler = av.AudioResampler("flt", "mono", RATE_HZ)
    parts = []
    with av.open(io.BytesIO(data), "r") as container:
        for frame in container.decode(audio=0):
            parts += [part.to_ndarray().ravel() for part in resampler.resample(frame)]
    samples: Samples = np.concatenate(parts)
    return samples


def _offset_s(recorded: Samples, played: Samples) -> float:
    """Return when the played sound begins in the recorded one, in seconds."""
    size = 1 << int(len(recorded) + len(played)).bit_length()
    spectrum = np.fft.rfft(recorded, size) * np.conj(np.fft.rfft(played, size))
    lags = np.fft.irfft(spectrum, size)
    # Negative lags, where the recorder began after the sound, stand at the end.
    lag = int(np.argmax(np.concatenate([lags[-len(played) :], lags[: len(recorded)]])))
    return (lag - len(played)) / RATE_HZ


def _shown(seen: dict[str, Any], begins_s: float) -> list[Shown]:
    """Return what stood on the page, on the clock of the recording."""
    return [
        Shown((at_ms - seen["startMs"]) / 1000 - begins_s, final, partial)
        for at_ms, final, partial in seen["texts"]
    ]


if __name__ == "__main__":
    raise SystemExit(main())
