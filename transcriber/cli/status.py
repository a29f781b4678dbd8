"""What the commands answer to a shell."""

from __future__ import annotations

import sys
from enum import IntEnum

_NO_KEY = "unauthorized"


class Exit(IntEnum):
    """Exit statuses; 2 for a wrong command line is argparse's."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NO_SERVER = 3
    INTERRUPTED = 130


def told(error: Exception) -> str:
    """Return what an error says, and what helps on a command line."""
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error)
    hint = " Give it with --key or TRANSCRIBER_KEY." * (getattr(error, "code", "") == _NO_KEY)
    return f"{error}{hint}"


def complain(message: object) -> None:
    """Say on standard error what went wrong."""
    print(f"live-transcription: {message}", file=sys.stderr, flush=True)
