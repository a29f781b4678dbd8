"""Whether the files in a folder are the ones they must be."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from transcriber.engine.weights.errors import WeightsCorrupt
from transcriber.engine.weights.manifest import FileSpec

# Large enough that hashing, which releases the GIL for it, costs nothing but the hash itself.
BLOCK_BYTES = 1 << 20

# What faster-whisper opens; without its own tokenizer it would ask the hub for one.
NEEDED = ("config.json", "model.bin", "tokenizer.json")
OPTIONAL = ("preprocessor_config.json",)
_VOCABULARY = re.compile(r"vocabulary\.(json|txt)")


def of_a_model(name: str) -> bool:
    """Tell whether a file of this name belongs to a CTranslate2 model."""
    return name in NEEDED or name in OPTIONAL or _VOCABULARY.fullmatch(name) is not None


def lacking(names: Sequence[str]) -> list[str]:
    """Return the files that a complete model has besides these."""
    missing = [name for name in NEEDED if name not in names]
    if not any(_VOCABULARY.fullmatch(name) for name in names):
        missing.append("vocabulary.txt")
    return missing


def lacking_in(folder: Path) -> list[str]:
    """Return the files that the folder lacks to be a model; an empty file counts as none."""
    return lacking([path.name for path in folder.iterdir() if _has_bytes(path)])


def verify(
    folder: Path, files: Sequence[FileSpec], on_bytes: Callable[[int], None] = lambda _: None
) -> None:
    """Check that every file is there with its size and digest.

    Args:
        folder: where the files are.
        files: what they must be.
        on_bytes: called with the number of bytes checked so far, of all files together.

    Raises:
        WeightsCorrupt: a file is missing or differs; the message names it.
    """
    # Sizes first: they tell a cut-off file without reading the others.
    for file in files:
        _verify_size(folder / file.name, file)
    before = 0
    for file in files:
        verify_digest(folder / file.name, file, after(before, on_bytes))
        before += file.bytes


def verify_digest(path: Path, file: FileSpec, on_bytes: Callable[[int], None]) -> None:
    """Check one file's size and digest.

    Raises:
        WeightsCorrupt: it is missing or differs.
    """
    _verify_size(path, file)
    # SHA-1 is only compared with what the hub told of its own file.
    hasher = hashlib.sha256() if file.algorithm == "sha256" else hashlib.sha1(usedforsecurity=False)
    if file.algorithm == "git-blob":
        hasher.update(b"blob %d\0" % file.bytes)
    block, done = memoryview(bytearray(BLOCK_BYTES)), 0
    with path.open("rb", buffering=0) as source:
        while count := source.readinto(block):
            hasher.update(block[:count])
            done += count
            on_bytes(done)
    if hasher.hexdigest() != file.digest:
        raise WeightsCorrupt(f"{file.name} is damaged: its digest is not the expected one")


def after(before: int, on_bytes: Callable[[int], None]) -> Callable[[int], None]:
    """Return a function that counts a file's bytes on top of those of the files before it."""
    return lambda done: on_bytes(before + done)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    hasher = hashlib.sha256()
    with path.open("rb") as source:
        while block := source.read(BLOCK_BYTES):
            hasher.update(block)
    return hasher.hexdigest()


def _verify_size(path: Path, file: FileSpec) -> None:
    if not path.is_file():
        raise WeightsCorrupt(f"{file.name} is missing")
    size = path.stat().st_size
    if size != file.bytes:
        raise WeightsCorrupt(f"{file.name} is damaged: it has {size} bytes instead of {file.bytes}")


def _has_bytes(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0
