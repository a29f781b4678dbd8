"""`watch`: read along with a session."""

from __future__ import annotations

import argparse

from transcriber.cli.common import Commands
from transcriber.cli.line import Screen
from transcriber.cli.status import Exit
from transcriber.client import watch
from transcriber.client.transcript import Transcript


def add(commands: Commands, keys: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "watch",
        parents=[keys],
        help="read along with a session",
        description="Print a session's words as they become final, until it ends.",
    )
    parser.add_argument("url", metavar="URL", help="a watch link, or a session's address")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print what is said, from the first word on."""
    transcript = Transcript()
    with Screen() as screen:
        for reply in watch(options.url, key=options.key):
            for segment in transcript.add(reply.segments, 0.0):
                screen.add(segment.text.strip())
            transcript.show(reply.partial, reply.stable_chars)
            screen.show(transcript.partial.text)
    return Exit.OK
