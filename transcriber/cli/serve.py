"""`serve`: start the service, as `make serve` does."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

import config
from transcriber.cli.common import Commands


def _port(text: str) -> int:
    if not 1 <= int(text) <= 65_535:
        raise argparse.ArgumentTypeError(f"{text} is not from 1 to 65535")
    return int(text)


_SETTINGS: dict[str, tuple[Callable[[str], str | int], str, str]] = {
    "host": (str, "ADDRESS", "to listen on"),
    "port": (_port, "PORT", "to listen on"),
    "model": (str, "MODEL", "a size such as base, a hub name, a folder, or auto"),
}


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "serve",
        help="start the service",
        description="Start the service. Every other setting is an environment variable, too.",
    )
    for name, (kind, metavar, what) in _SETTINGS.items():
        shown = f"{what} (or {name.upper()})"
        parser.add_argument(f"--{name}", type=kind, metavar=metavar, help=shown)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Become gunicorn: it gets the signals itself."""
    for name in _SETTINGS:
        if getattr(options, name) is not None:
            os.environ[name.upper()] = str(getattr(options, name))
    settings = Path(config.__file__).with_name("gunicorn.conf.py")
    words = [sys.executable, "-m", "gunicorn", "-c", str(settings), "app:create_app()"]
    sys.stdout.flush()
    os.execv(sys.executable, words)  # noqa: S606 - this very Python, with fixed words
