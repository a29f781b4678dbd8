"""Tiny wheels in a folder, for pip to download instead of PyPI's."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path


def build_wheel(folder: Path, requirement: str, files: Mapping[str, bytes]) -> Path:
    """Write a wheel that carries these files, and return its path.

    Args:
        folder: where it goes.
        requirement: `name==version`.
        files: by their name inside the wheel, which may be any.
    """
    name, version = requirement.split("==")
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for inside, data in files.items():
            wheel.writestr(inside, data)
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        wheel.writestr(f"{info}/METADATA", metadata)
        tags = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        wheel.writestr(f"{info}/WHEEL", tags)
        wheel.writestr(f"{info}/RECORD", "")
    return path


def only_from(folder: Path) -> dict[str, str]:
    """Return the environment variables that let pip find the wheels of a folder and no others."""
    return {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(folder),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_CACHE_DIR": "1",
    }
