"""A process that hears windows of any length all day keeps nothing of those that are done."""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys

import pytest

from config.settings import Settings
from tests.support.server import ROOT
from transcriber.engine.weights import resolve

# A process of its own, as the settings of native libraries are read once, when first used.
HEAR_MANY_LENGTHS = """
import ctypes, json, sys

from transcriber.memory import keep_small

keep_small()

import ctranslate2
import numpy as np

class Malloc(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in
                "arena ordblks smblks hblks hblkhd usmblks fsmblks used free keepcost".split()]

libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Malloc
model = ctranslate2.models.Whisper(sys.argv[1], device="cpu", compute_type="int8", intra_threads=1)
used_mb = []
for frames in range(600, 780, 2):
    features = np.zeros((1, 80, frames), np.float32)
    model.encode(ctranslate2.StorageView.from_array(features))
    used_mb.append(libc.mallinfo2().used / 2**20)
print(json.dumps(used_mb))
"""


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="only newer glibc tells what is in use"
)
def test_new_lengths_of_audio_cost_no_memory() -> None:
    weights = resolve("tiny.en", models_dir=Settings.from_env().models_path()).path
    command = [sys.executable, "-c", HEAR_MANY_LENGTHS, str(weights)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    used_mb = json.loads(done.stdout)
    assert used_mb[-1] - used_mb[len(used_mb) // 2] < 20
