"""What the commands answer to a shell."""

from __future__ import annotations

import sys
from enum import IntEnum


class Exit(IntEnum):
    """Exit statuses; 2 for a wrong command line is argparse's."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NO_SERVER = 3
    INTERRUPTED = 130


def complain(message: object) -> None:
    """Say on standard error what went wrong."""
    print(f"live-transcription: {message}", file=sys.stderr, flush=True)
