"""`serve`: start the service, as `make serve` does."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import config
from transcriber.cli.common import Commands

_SETTINGS = {
    "host": ("ADDRESS", "to listen on"),
    "port": ("PORT", "to listen on"),
    "model": ("MODEL", "a size such as base, a hub name, a folder, or auto"),
}


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "serve",
        help="start the service",
        description="Start the service. Every other setting is an environment variable, too.",
    )
    for name, (metavar, what) in _SETTINGS.items():
        parser.add_argument(f"--{name}", metavar=metavar, help=f"{what} (or {name.upper()})")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Become gunicorn: it gets the signals itself."""
    for name in _SETTINGS:
        if getattr(options, name) is not None:
            os.environ[name.upper()] = getattr(options, name)
    settings = Path(config.__file__).with_name("gunicorn.conf.py")
    words = [sys.executable, "-m", "gunicorn", "-c", str(settings), "app:create_app()"]
    sys.stdout.flush()
    os.execv(sys.executable, words)  # noqa: S606 - this very Python, with fixed words
