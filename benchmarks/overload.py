"""What ten times the load does to those who were let in, and to those who were not.

    python -m benchmarks.overload --sessions 4 --minutes 2

Live sessions post chunks of 2 s in real time: first as many as the server has places for, then the
same with ten times as many clients besides, each of which wants a session, or to send a whole
recording, and asks again every two seconds whatever it is told; then the first ones alone again.
It compares the time from posting a chunk to its reply, and tells of the refused ones their status,
and the time from the last byte of their body to the reply; and how deep the queue ever was.
"""

from __future__ import annotations

import argparse
import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import requests

from tests.support.live import TIMEOUT_S, LiveSession, new_session_id
from tests.support.recordings import SPEECH, encode, folder, recording, wav_chunks
from tests.support.server import Server, running

CHUNK_S, ASK_S, TIMES = 2.0, 2.0, 10
POLL_S = 0.05


@dataclass
class Seen:
    """What clients saw in one phase; times in milliseconds.

    Attributes:
        accepted_ms: from posting a chunk of a session that has a place to its reply.
        refused_ms: from the last byte of a refused body to the reply.
        statuses: of the clients that came besides.
        bare: how many 503 came without Retry-After.
        health_ms: how long `/health` took.
        deepest: the longest queue that it told, and `limit` the longest allowed.
    """

    accepted_ms: list[float] = field(default_factory=list)
    refused_ms: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    bare: int = 0
    health_ms: list[float] = field(default_factory=list)
    deepest: int = 0
    limit: int = 0

    def table(self) -> dict[str, Any]:
        """Return the figures by name."""
        return {
            "chunks": len(self.accepted_ms),
            "accepted_ms": percentiles(self.accepted_ms),
            "others": dict(sorted(self.statuses.items())),
            "refused_ms": percentiles(self.refused_ms),
            "503 without Retry-After": self.bare,
            "health_ms": percentiles(self.health_ms),
            "deepest queue": f"{self.deepest} of {self.limit}",
        }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the three phases and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overload")
    parser.add_argument("--model", default="tiny.en")
    parser.add_argument("--sessions", type=int, default=4, help="places, all of them taken")
    parser.add_argument("--minutes", type=float, default=2.0, help="of each phase")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/overload.json"))
    args = parser.parse_args(argv)
    settings = {"MODEL": args.model, "MAX_SESSIONS": args.sessions, "LOG_LEVEL": "warning"}
    with running(settings) as server:
        server.wait_until_ready(600)
        live = Live(server, args.sessions)
        seconds = 60 * args.minutes
        many = TIMES * args.sessions
        phases: dict[str, Callable[[], Seen]] = {
            "normal": lambda: phase(server, live, seconds, []),
            "sessions": lambda: phase(server, live, seconds, [ask_for_session] * many),
            "recordings": lambda: phase(server, live, seconds, [ask_for_text] * many),
            "afterwards": lambda: phase(server, live, seconds, []),
        }
        with live.speaking():
            seen = {name: run() for name, run in phases.items()}
    result = {name: one.table() for name, one in seen.items()}
    for name, row in result.items():
        print(name)
        for what, value in row.items():
            print(f"  {what:24} {value}")
    usual = result["normal"]["accepted_ms"]
    for name in ("sessions", "recordings", "afterwards"):
        row = result[name]["accepted_ms"]
        ratio = {key: round(row[key] / usual[key], 2) for key in usual}
        print(f"{name} over normal: {ratio}")
        result[name]["over normal"] = ratio
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(result, indent=1), encoding="utf-8")
    return 0


class Live:
    """Sessions that have a place, and post in real time for as long as it takes."""

    def __init__(self, server: Server, number: int) -> None:
        self._server = server
        self._number = number
        self._over = threading.Event()
        longest = [one.samples() for one in folder(SPEECH / "en") if one.duration_s > 50]
        self._chunks = wav_chunks(np.concatenate(longest), CHUNK_S)
        self.seen = Seen()

    @contextmanager
    def speaking(self) -> Iterator[None]:
        """Let them speak, each from another place, their chunks spread over time."""
        threads = [threading.Thread(target=self._speak, args=(at,)) for at in range(self._number)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def _speak(self, number: int) -> None:
        session, share = LiveSession(self._server.url), number / self._number
        due_s, sequence = time.monotonic() + CHUNK_S * (1 + share), 0
        while not self._over.wait(max(0.0, due_s - time.monotonic())):
            at = sequence + round(share * len(self._chunks))
            started_s = time.monotonic()
            response = session.post(sequence, self._chunks[at % len(self._chunks)])
            response.raise_for_status()
            self.seen.accepted_ms.append(1000 * (time.monotonic() - started_s))
            due_s, sequence = due_s + CHUNK_S, sequence + 1


Ask = Callable[[Server, Seen], None]


def phase(server: Server, live: Live, seconds: float, others: Sequence[Ask]) -> Seen:
    """Look at the sessions that have a place while others come as well."""
    seen = live.seen = Seen()
    end_s = time.monotonic() + seconds
    threads = [
        threading.Thread(target=insist, args=(server, seen, ask, end_s, at / len(others)))
        for at, ask in enumerate(others)
    ]
    for thread in threads:
        thread.start()
    pause = threading.Event()
    while time.monotonic() < end_s:
        started_s = time.monotonic()
        queue = requests.get(f"{server.url}/health", timeout=TIMEOUT_S).json()["queue"]
        seen.health_ms.append(1000 * (time.monotonic() - started_s))
        seen.deepest, seen.limit = max(seen.deepest, queue["depth"]), queue["limit"]
        pause.wait(POLL_S)
    live.seen = Seen()  # what comes from now on belongs to no phase
    for thread in threads:
        thread.join()
    return seen


def insist(server: Server, seen: Seen, ask: Ask, end_s: float, share: float) -> None:
    """Ask every two seconds, whatever the answer."""
    due_s, pause = time.monotonic() + ASK_S * share, threading.Event()
    while due_s < end_s:
        pause.wait(max(0.0, due_s - time.monotonic()))
        ask(server, seen)
        due_s = max(due_s + ASK_S, time.monotonic())


_BODY = encode(recording("en/short-jfk.flac").samples())


def ask_for_session(server: Server, seen: Seen) -> None:
    """Post the first chunk of a session for which there is no place."""
    post(server, seen, f"/transcribe?session_id={new_session_id()}&sequence=0")


def ask_for_text(server: Server, seen: Seen) -> None:
    """Post a whole recording, and wait for its text."""
    post(server, seen, "/transcribe")


def post(server: Server, seen: Seen, target: str) -> None:
    """Send a body; note the status, and how long a refusal took once it was there."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=300)
    try:
        connection.request("POST", target, _BODY, {"Content-Type": "audio/wav"})
        sent_s = time.monotonic()
        reply = connection.getresponse()
        took_ms = 1000 * (time.monotonic() - sent_s)
    finally:
        connection.close()
    seen.statuses[reply.status] += 1
    if reply.status == 503:
        seen.refused_ms.append(took_ms)
        seen.bare += reply.getheader("Retry-After") is None


def percentiles(times_ms: Sequence[float]) -> dict[str, int]:
    """Return p50, p95 and p99, none of none."""
    if not times_ms:
        return {}
    p50, p95, p99 = np.percentile(times_ms, [50, 95, 99])
    return {"p50": round(p50), "p95": round(p95), "p99": round(p99)}


if __name__ == "__main__":
    raise SystemExit(main())
