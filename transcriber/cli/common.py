"""What several commands do alike."""

from __future__ import annotations

import argparse
import os
from typing import Any

from transcriber.client import DEFAULT_SERVER, ClientError, RequestError
from transcriber.client.servers import chosen, probe

Commands = Any  # argparse keeps the type of its subparsers to itself


def addresses(options: argparse.Namespace) -> list[str]:
    """Return the servers that were asked for, preferred first."""
    return options.server or os.environ.get("TRANSCRIBER_SERVER", "").split() or [DEFAULT_SERVER]


def decoding_options(options: argparse.Namespace) -> dict[str, Any]:
    """Return how to transcribe, as the client takes it."""
    return {
        "key": options.key,
        "language": options.language,
        "task": "translate" if options.translate else "transcribe",
        "prompt": options.prompt,
        "hotwords": options.hotwords,
    }


def expect_a_server(options: argparse.Namespace) -> None:
    """Find out at once that there is nobody, before anything is sent or said.

    Raises:
        ClientError: no server answers.
    """
    reasons = []
    for server in chosen(addresses(options), options.key):
        try:
            probe(server)
            return
        except RequestError as error:
            reasons.append(f"{server.url}: {error}")
        finally:
            server.wire.close()
    raise ClientError(
        f"There is no server ({'; '.join(reasons)}). `live-transcription serve` starts one.",
        "no-server",
    )
