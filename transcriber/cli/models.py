"""`models`: fetch them ahead of time."""

from __future__ import annotations

import argparse

from transcriber.cli.common import Commands


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("models", help="fetch models ahead of time")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    download = actions.add_parser(
        "download",
        help="fetch a model into MODELS_DIR",
        description="Fetch a model, so that the service starts without a network.",
    )
    download.add_argument("name", metavar="NAME", help="a size such as base, or owner/name")
    download.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Fetch it."""
    from transcriber.engine import fetch  # takes a second, of which other commands need nothing

    return fetch.main([options.name])
