"""Models that other programs have already fetched into the Hugging Face hub's local cache."""

from __future__ import annotations

import re
from pathlib import Path

from huggingface_hub import try_to_load_from_cache

from transcriber.engine.weights import files
from transcriber.engine.weights.manifest import Algorithm, FileSpec, ModelSpec

_DIGESTS: dict[int, Algorithm] = {64: "sha256", 40: "git-blob"}
_HEX = re.compile(r"[0-9a-f]+")


def find(spec: ModelSpec, cache_dir: Path | None) -> tuple[Path, tuple[FileSpec, ...]] | None:
    """Return the folder of a cached snapshot and what its files must be, or None.

    Pinned models are looked for at their revision, others at the newest one known here. Nothing
    is verified yet, and nothing is asked of the network.

    Args:
        spec: the model.
        cache_dir: the hub's cache folder; None for its usual place.
    """
    if spec.files:
        folder = _folder_with(spec, spec.files[0].name, cache_dir)
        return None if folder is None else (folder, spec.files)
    folder = _folder_with(spec, "model.bin", cache_dir)
    if folder is None or files.lacking_in(folder):
        return None
    found = sorted(path for path in folder.iterdir() if files.of_a_model(path.name))
    return folder, tuple(file for path in found if (file := _told_by_link(path)) is not None)


def _folder_with(spec: ModelSpec, name: str, cache_dir: Path | None) -> Path | None:
    found = try_to_load_from_cache(spec.repo, name, cache_dir=cache_dir, revision=spec.revision)
    return Path(found).parent if isinstance(found, str) else None


def _told_by_link(path: Path) -> FileSpec | None:
    """Return the digest that the hub's cache keeps as the name of the blob behind a link.

    Only the first link is followed: a blob shared by several models is itself a link, to a name
    that is no digest of the content.
    """
    if not path.is_symlink():
        return None
    digest = path.readlink().name
    algorithm = _DIGESTS.get(len(digest))
    if algorithm is None or not _HEX.fullmatch(digest):
        return None
    return FileSpec(path.name, path.stat().st_size, digest, algorithm)
