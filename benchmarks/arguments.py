"""What the commands' options are read as."""

from __future__ import annotations

import argparse
from collections.abc import Sequence


def names(text: str) -> list[str]:
    """Read names, as in `a,b`."""
    return text.split(",")


def numbers(text: str) -> list[float]:
    """Read numbers, as in `2,0.4`."""
    return [float(part) for part in text.split(",")]


def ascending(text: str) -> list[int]:
    """Read whole numbers, as in `1,2,4`, and put them in order."""
    return sorted(int(part) for part in text.split(","))


def settings(parser: argparse.ArgumentParser, pairs: Sequence[str]) -> list[tuple[str, str]]:
    """Read `NAME=VALUE`s; what is none ends the command."""
    if any("=" not in pair for pair in pairs):
        parser.error("--set takes NAME=VALUE")
    split = (pair.split("=", 1) for pair in pairs)
    return [(name.upper(), value) for name, value in split]


def expect_known(
    parser: argparse.ArgumentParser, chosen: Sequence[str], known: Sequence[str]
) -> None:
    """End the command where something was chosen that there is not."""
    if unknown := set(chosen) - set(known):
        parser.error(f"{', '.join(sorted(unknown))}: not one of {', '.join(known)}")
