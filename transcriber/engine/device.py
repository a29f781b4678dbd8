"""Which device, compute type and model suit this machine."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import logging
import os
from dataclasses import dataclass
from pathlib import Path

import ctranslate2

log = logging.getLogger(__name__)

_CUBLAS = "libcublas.so.12"
_SMALL_MACHINE_CORES = 4


@dataclass(frozen=True)
class Device:
    """Where the model runs: `cpu` or `cuda`, with CTranslate2's compute type."""

    name: str
    compute_type: str


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def choose_device(device: str, compute_type: str) -> Device:
    """Pick the device; CUDA that can't be used falls back to the CPU with one warning.

    Args:
        device: `auto`, `cpu` or `cuda`.
        compute_type: `auto` or one of CTranslate2's.

    Raises:
        ValueError: the device can't do that compute type.
    """
    use_cuda = False
    if device != "cpu":
        problem = _cuda_problem()
        use_cuda = problem is None
        if problem is not None and (device == "cuda" or _has_driver()):
            log.warning("CUDA can't be used, running on the CPU instead: %s", problem)
    name = "cuda" if use_cuda else "cpu"
    if compute_type == "auto" or (device == "cuda" and not use_cuda):
        return Device(name, "float16" if use_cuda else "int8")
    supported = ctranslate2.get_supported_compute_types(name)
    if compute_type not in supported and compute_type not in ("default", "auto"):
        raise ValueError(
            f"COMPUTE_TYPE={compute_type!r} can't be done by the {name} here;"
            f" it can do {', '.join(sorted(supported))}"
        )
    return Device(name, compute_type)


def model_candidates(model: str, device: Device, core_count: int) -> list[str]:
    """Return the models to try in order; a model asked for by name has no substitute."""
    if model != "auto":
        return [model]
    if device.name == "cuda":
        return ["large-v3-turbo", "base", "tiny.en"]
    if core_count > _SMALL_MACHINE_CORES:
        return ["small", "base", "tiny.en"]
    return ["base", "tiny.en"]


def _has_driver() -> bool:
    return Path("/proc/driver/nvidia/version").exists()


def _cuda_problem() -> str | None:
    """Return why CUDA can't be used, or None if it can."""
    try:
        count = ctranslate2.get_cuda_device_count()
    except (RuntimeError, ValueError) as error:
        return f"the driver does not answer ({error})"
    if count < 1:
        return "no device or no driver was found"
    if not _load_cublas():
        return f"{_CUBLAS} is missing; pip install nvidia-cublas-cu12 provides it"
    return None


def _load_cublas() -> bool:
    """Load cuBLAS from the system or from its wheel, so that CTranslate2 finds it by name."""
    candidates = [_CUBLAS]
    with contextlib.suppress(ImportError, ValueError):
        spec = importlib.util.find_spec("nvidia.cublas")
        for folder in (spec.submodule_search_locations or []) if spec else []:
            lib = Path(folder) / "lib"
            candidates += [str(lib / "libcublasLt.so.12"), str(lib / _CUBLAS)]
    loaded = False
    for candidate in candidates:
        with contextlib.suppress(OSError):
            ctypes.CDLL(candidate, mode=ctypes.RTLD_GLOBAL)
            loaded = loaded or candidate.endswith(_CUBLAS)
    return loaded
