"""`health`: which servers are well."""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from transcriber.cli.common import Commands, addresses
from transcriber.cli.status import Exit
from transcriber.client import RequestError
from transcriber.client.server import Server
from transcriber.client.servers import chosen, probe, said_of


def add(commands: Commands, servers: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "health",
        parents=[servers],
        help="tell which servers are well",
        description="Ask each server for its health; 0 if one of them takes new sessions, else 3.",
    )
    parser.add_argument("--json", action="store_true", help="all that they say, as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Ask all, tell of each, and say whether one would do."""
    found = {server.url: _asked(server) for server in chosen(addresses(options), options.key)}
    if options.json:
        print(json.dumps(found, ensure_ascii=False, indent=1))
    else:
        for url, health in found.items():
            print(f"{url}  {_line(health)}")
    usable = any(health.get("accepting") and "error" not in health for health in found.values())
    return Exit.OK if usable else Exit.NO_SERVER


def _asked(server: Server) -> dict[str, Any]:
    started_s = time.monotonic()
    try:
        health = probe(server)
    except RequestError as error:
        return {"error": str(error)}
    finally:
        server.wire.close()
    return {**health, "round_trip_ms": round(1000 * (time.monotonic() - started_s))}


def _line(health: dict[str, Any]) -> str:
    if "error" in health:
        return f"no answer: {health['error']}"
    parts = [said_of(health)]
    if health.get("model"):
        parts.append(f"{health['model']} on {health['device']} ({health['compute_type']})")
    for name in ("sessions", "queue"):
        used = health[name].get("active", health[name].get("depth"))
        parts.append(f"{name} {used}/{health[name]['limit']}")
    return "  ".join([*parts, f"{health['round_trip_ms']} ms"])
