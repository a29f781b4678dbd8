"""The pinned models of config/weights.json: which files they consist of, and how to check them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

PINS_PATH = Path(__file__).parents[2] / "config" / "weights.json"


@dataclass(frozen=True)
class PinnedFile:
    """One file: its name, size in bytes and SHA-256 in hex."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Package:
    """A package that carries files of a model: what pip calls it, and the folder inside."""

    requirement: str
    folder: str


@dataclass(frozen=True)
class Pin:
    """A model whose every byte is known.

    Attributes:
        name: its size, as in `MODEL`.
        hub, revision: where the hub has it.
        files: what it consists of.
        packages: what carries it on PyPI.
        join: for a file that is split over packages, the names of its parts in order.
    """

    name: str
    hub: str
    revision: str
    files: tuple[PinnedFile, ...]
    packages: tuple[Package, ...]
    join: dict[str, tuple[str, ...]]

    @property
    def total_bytes(self) -> int:
        """Size of all files together."""
        return sum(file.bytes for file in self.files)

    def problems(self, folder: Path) -> list[str]:
        """Return what is wrong with a folder as a copy of this model; empty if nothing is."""
        with ThreadPoolExecutor(len(self.files)) as threads:
            found = threads.map(lambda file: _problem(folder / file.name, file), self.files)
        return [problem for problem in found if problem]


def load_pins(path: Path = PINS_PATH) -> tuple[Pin, ...]:
    """Read the pinned models."""
    models = json.loads(path.read_text(encoding="utf-8"))["models"]
    return tuple(
        Pin(
            name=model["name"],
            hub=model["hub"],
            revision=model["revision"],
            files=tuple(
                PinnedFile(name, file["bytes"], file["sha256"])
                for name, file in model["files"].items()
            ),
            packages=tuple(Package(**package) for package in model["packages"]),
            join={name: tuple(parts) for name, parts in model.get("join", {}).items()},
        )
        for model in models
    )


def find_pin(name: str, repository: str | None, pins: Sequence[Pin]) -> Pin | None:
    """Return the pin of a model by its size or its hub repository."""
    return next((pin for pin in pins if name == pin.name or repository == pin.hub), None)


def _problem(path: Path, file: PinnedFile) -> str | None:
    if not path.is_file():
        return f"{file.name} is missing"
    size = path.stat().st_size
    if size != file.bytes:
        return f"{file.name} has {size} bytes instead of {file.bytes}"
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return None if digest.hexdigest() == file.sha256 else f"{file.name} has another SHA-256"
