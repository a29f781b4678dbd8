"""The commands, their options, and the exit status of each."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from transcriber import __version__
from transcriber.cli import files, health, live, models, serve, watch
from transcriber.cli.status import Exit, complain, told
from transcriber.client import DEFAULT_SERVER, ClientError

_EPILOG = """\
exit status: 0 done, 1 something failed, 2 wrong command line, 3 no server, 130 interrupted

Servers and their key may stand in the environment, too: TRANSCRIBER_SERVER (addresses, separated by
blanks) and TRANSCRIBER_KEY.
"""
# What is wrong with the command line itself.
_MISTYPED = ("bad-address", "bad-key")
# What says that nobody is there who could do it.
_NOBODY = ("no-server", "timeout")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that the words name, and return the exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # Whoever reads has enough, as `head` does; Python must not complain about it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    except ClientError as error:
        complain(told(error))
        if error.code in _MISTYPED:
            return Exit.USAGE
        nobody = error.code in _NOBODY or getattr(error, "status", None) in (0, 503)
        return Exit.NO_SERVER if nobody else Exit.FAILED
    except OSError as error:
        complain(told(error))
        return Exit.FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="live-transcription",
        description="Live transcription over plain HTTP: serve it, or use a server.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    serve.add(commands)
    files.add(commands, servers(), decoding())
    live.add(commands, servers(), decoding())
    watch.add(commands, keys())
    health.add(commands, servers())
    models.add(commands)
    return parser


def keys() -> argparse.ArgumentParser:
    """Return the option of commands that need a key."""
    parent = argparse.ArgumentParser(add_help=False)
    parent.add_argument(
        "--key",
        default=os.environ.get("TRANSCRIBER_KEY", ""),
        help="where the server asks for one",
    )
    return parent


def servers() -> argparse.ArgumentParser:
    """Return the options of commands that use one of several servers."""
    parent = argparse.ArgumentParser(add_help=False, parents=[keys()])
    parent.add_argument(
        "--server",
        action="append",
        metavar="URL",
        help=f"preferred first; give several for failover (default: {DEFAULT_SERVER})",
    )
    return parent


def decoding() -> argparse.ArgumentParser:
    """Return the options that say how to transcribe."""
    parent = argparse.ArgumentParser(add_help=False)
    parent.add_argument("--language", metavar="CODE", help="such as en (default: detected)")
    parent.add_argument(
        "--translate", action="store_true", help="into English, where the model can"
    )
    parent.add_argument("--prompt", default="", help="text that sets spelling and style")
    parent.add_argument("--hotwords", default="", help="words to expect")
    return parent
