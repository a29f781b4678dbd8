"""`live`: what is being said, from a microphone, or a file or a pipe played in real time."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import threading
import wave
from collections.abc import Callable, Generator
from pathlib import Path

from transcriber.audio.errors import AudioError
from transcriber.cli.common import Commands, addresses, decoding_options, expect_a_server
from transcriber.cli.line import Screen
from transcriber.cli.rendering import rendered, segment_json
from transcriber.cli.status import Exit
from transcriber.client import ClientError, LiveClient, Segment
from transcriber.client.tape import SAMPLE_RATE_HZ

# Of raw samples; what is outside is a slip of the hand.
_RATES = (4_000, 384_000)
Blocks = Generator[bytes, None, None]
_FORMATS = ("text", "jsonl", "srt", "vtt")


def add(
    commands: Commands, servers: argparse.ArgumentParser, decoding: argparse.ArgumentParser
) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "live",
        parents=[servers, decoding],
        help="transcribe what is being said",
        description="Print words as they become final; Ctrl+C ends the recording, a second one"
        " does not wait for its last words.",
    )
    parser.add_argument(
        "source",
        nargs="?",
        metavar="SOURCE",
        help="a recording, or - for standard input; default: the microphone",
    )
    parser.add_argument("--device", help="name or number of the microphone")
    parser.add_argument(
        "--rate",
        type=_rate,
        metavar="HZ",
        help="samples a second of raw 16-bit mono sound (standard input: 16000)",
    )
    parser.add_argument(
        "--fast", action="store_true", help="play a file as fast as it is taken, not in real time"
    )
    parser.add_argument("--save", type=Path, metavar="FILE.wav", help="keep the sound, too")
    parser.add_argument(
        "--format",
        choices=_FORMATS,
        default="text",
        help="srt and vtt are printed at the end (default: text)",
    )
    parser.set_defaults(run=run)


def _rate(text: str) -> int:
    rate_hz = int(text)
    if not _RATES[0] <= rate_hz <= _RATES[1]:
        raise argparse.ArgumentTypeError(f"{rate_hz} is not from {_RATES[0]} to {_RATES[1]}")
    return rate_hz


def run(options: argparse.Namespace) -> int:
    """Play the source to the servers, and print what comes back."""
    expect_a_server(options)
    at_once = options.format in ("text", "jsonl")
    with contextlib.ExitStack() as stack:
        screen = stack.enter_context(Screen())
        blocks = _blocks(options, stack)
        client = LiveClient(
            addresses(options),
            on_final=_printing(screen, options.format) if at_once else lambda segment: None,
            on_partial=lambda partial: screen.show(partial.text),
            on_problem=screen.note,
            **decoding_options(options),
        )
        stack.callback(client.close)
        teller = _Teller(client, screen)
        try:
            with contextlib.closing(blocks):
                _play(blocks, client, teller)
        except AudioError as error:
            screen.note(error)
            client.finish()
            return Exit.FAILED
        _finish(client, teller)
    if not at_once:
        print(rendered(client.segments, options.format), end="", flush=True)
    return Exit.OK


def _blocks(options: argparse.Namespace, stack: contextlib.ExitStack) -> Blocks:
    from transcriber.cli import sound  # with FFmpeg: not for commands that need none of it

    if options.source is None:
        blocks = sound.microphone(options.device)
    elif options.source == "-" and sys.stdin is None:
        raise OSError("standard input is closed")
    elif options.source == "-":
        blocks = sound.played(sys.stdin.buffer, options.rate or SAMPLE_RATE_HZ)
    else:
        file = Path(options.source).open("rb")  # noqa: SIM115 - the stack closes it
        blocks = sound.played(stack.enter_context(file), options.rate)
    if options.source is not None and not options.fast:
        blocks = sound.in_real_time(blocks)
    if options.save:
        blocks = _saving(blocks, options.save)
    return blocks


def _saving(blocks: Blocks, path: Path) -> Blocks:
    with contextlib.closing(blocks), path.open("wb") as raw, wave.open(raw, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        for block in blocks:
            file.writeframes(block)
            yield block


def _printing(screen: Screen, name: str) -> Callable[[Segment], None]:
    def show(segment: Segment) -> None:
        if name == "text":
            screen.add(segment.text.strip())
        else:
            screen.add(json.dumps(segment_json(segment), ensure_ascii=False))

    return show


class _Teller:
    """Says once when there is no server, and when it is another one."""

    def __init__(self, client: LiveClient, screen: Screen) -> None:
        self.screen = screen
        self._client = client
        self._server: str | None = None
        self._waiting = False

    def look(self) -> None:
        """See whether there is something to say."""
        trouble, server = self._client.waiting, self._client.server
        if trouble and not self._waiting:
            self.screen.note(f"waiting for a server, what is said is kept ({trouble})")
        elif server is not None and server != self._server and not trouble:
            if self._server is not None or self._waiting:
                self.screen.note(f"now at {server}")
            self._server = server
        self._waiting = bool(trouble)


def _play(blocks: Blocks, client: LiveClient, teller: _Teller) -> None:
    """Send all of it; Ctrl+C ends it sooner."""
    with contextlib.suppress(KeyboardInterrupt):
        for block in blocks:
            client.send(block)
            teller.look()


def _finish(client: LiveClient, teller: _Teller) -> None:
    """Wait for the last words, and say for what it waits."""
    done = threading.Event()
    errors: list[ClientError] = []

    def finish() -> None:
        try:
            client.finish()
        except ClientError as error:
            errors.append(error)
        finally:
            done.set()

    threading.Thread(target=finish, daemon=True).start()
    try:
        while not done.wait(0.2):
            teller.look()
    except KeyboardInterrupt:
        teller.screen.note(f"given up; {client.pending_s:.0f} s were not transcribed")
        raise
    if errors:
        raise errors[0]
