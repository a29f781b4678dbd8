"""Which compute type is faster on this CPU: measured once, and remembered.

int8 is faster on most processors and takes a quarter of the memory, but it depends on what the
processor and CTranslate2's back end for it can do. So at the first start with a model both decode
the same sound a few times in turn; float32 has to win clearly.
"""

from __future__ import annotations

import json
import logging
import platform
import time
from collections.abc import Callable
from pathlib import Path

import ctranslate2
import numpy as np

from transcriber.engine.device import cores

log = logging.getLogger(__name__)

USUAL, OTHER = "int8", "float32"
# The other one takes four times the memory, and a busy machine measures badly.
_CLEARLY = 0.8
_TRIES = 3
# A larger model would not fit into the memory of many machines in float32.
_MOST_BYTES = 300e6
_FRAMES, _TOKENS = 1500, 12


def compute_type(path: Path, name: str, threads: int, memory: Path) -> str:
    """Return the faster compute type for a model on this machine's CPU.

    Args:
        path: folder with the CTranslate2 files.
        name: the model's, under which the result is remembered.
        threads: of one pass.
        memory: the file that remembers; if it can't be written, the next start measures again.
    """
    if (path / "model.bin").stat().st_size > _MOST_BYTES:
        return USUAL
    machine = f"{_processor()}, {cores()} cores, CTranslate2 {ctranslate2.__version__}"
    key = f"{name} with {threads} threads on {machine}"
    known = _read(memory)
    if known.get(key) not in (USUAL, OTHER):
        known[key] = _measured(path, name, threads)
        _write(memory, known)
    return known[key]


def _measured(path: Path, name: str, threads: int) -> str:
    usual, other = (_work(path, kind, threads) for kind in (USUAL, OTHER))
    times = [(usual(), other()) for _ in range(_TRIES)]  # in turn: who disturbs, disturbs both
    usual_s, other_s = (min(column) for column in zip(*times, strict=True))
    chosen = OTHER if other_s < _CLEARLY * usual_s else USUAL
    log.info(
        "%s takes %.0f ms in %s and %.0f ms in %s on this CPU: %s it is",
        name,
        1000 * usual_s,
        USUAL,
        1000 * other_s,
        OTHER,
        chosen,
    )
    return chosen


def _work(path: Path, kind: str, threads: int) -> Callable[[], float]:
    """Return what makes a short pass and tells the seconds it took."""
    model = ctranslate2.models.Whisper(
        str(path), device="cpu", compute_type=kind, intra_threads=threads
    )
    shape = (1, model.n_mels, _FRAMES)
    noise = np.random.default_rng(0).standard_normal(shape, np.float32)
    features = ctranslate2.StorageView.from_array(noise)
    prompt = ["<|startoftranscript|>", "<|notimestamps|>"]

    def once() -> float:
        start_s = time.perf_counter()
        model.generate(features, [prompt], beam_size=1, max_length=_TOKENS)
        return time.perf_counter() - start_s

    return once


def _processor() -> str:
    """Return the processor's name, as far as it can be told."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _read(memory: Path) -> dict[str, str]:
    try:
        known = json.loads(memory.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write(memory: Path, known: dict[str, str]) -> None:
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        fresh = memory.with_suffix(".new")
        fresh.write_text(json.dumps(known, indent=1), encoding="utf-8")
        fresh.replace(memory)
    except OSError as error:
        log.info("Which compute type is faster will be measured again: %s", error)
