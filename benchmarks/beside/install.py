"""Peers from PyPI, each in a virtual environment of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_CTRANSLATE2 = "ctranslate2==4.8.5"


class PeerFailed(Exception):
    """A peer that can't be installed, does not start, or ended by itself: the rest goes on."""


@dataclass(frozen=True)
class Package:
    """What to install of a peer.

    Attributes:
        name: as on PyPI, with its version.
        needs: all that it imports on the way that is measured. It is installed without what it
            asks for itself: sound devices, decoders of files and speaker models are gigabytes.
    """

    name: str
    needs: tuple[str, ...]


PACKAGES = {
    "whisperlivekit": Package(
        "whisperlivekit==0.2.26",
        (
            "faster-whisper==1.2.1",
            _CTRANSLATE2,
            "torch==2.13.0",  # its detector of speech runs on ONNX, but takes and gives tensors
            "librosa==0.11.0",
            "soundfile==0.14.0",
            "tiktoken==0.14.0",
            "fastapi==0.165.0",
            "python-multipart==0.0.34",
            "uvicorn==0.54.0",
            "websockets==17.4",
        ),
    ),
    "whisper-streaming": Package(
        "whisper-streaming==0.1.0",
        (
            "faster-whisper==1.1.1",
            _CTRANSLATE2,
            "requests==2.34.2",
            "opus-fast-mosestokenizer==0.0.8.11",
        ),
    ),
}


def installed(folder: Path, package: Package, timeout_s: float) -> Path:
    """Return the Python of a folder's virtual environment, made first where it is not there.

    Args:
        folder: of the virtual environment.
        package: what it has to hold.
        timeout_s: how long each step may take.

    Raises:
        PeerFailed: it can't be had.
    """
    python = folder.absolute() / "bin" / "python"
    # Written last: without it an installation was broken off.
    done = folder / "installed.txt"
    wanted = "\n".join([package.name, *package.needs])
    if done.is_file() and done.read_text(encoding="utf-8") == wanted:
        return python
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([sys.executable, "-m", "venv", "--clear", str(folder)], timeout_s)
    _run([*install, *package.needs], timeout_s)
    _run([*install, "--no-deps", package.name], timeout_s)
    done.write_text(wanted, encoding="utf-8")
    return python


def _run(command: Sequence[str], timeout_s: float) -> None:
    try:
        result = subprocess.run(
            command, capture_output=True, encoding="utf-8", timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise PeerFailed(f"not installed within {timeout_s:.0f} s") from error
    if result.returncode:
        raise PeerFailed(f"not installed: {reason(result.stderr)}")


def reason(text: str) -> str:
    """Return the line of what a program wrote that best says why it ended."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "Error" in line]
    return (errors or lines or ["it does not say why"])[-1]
