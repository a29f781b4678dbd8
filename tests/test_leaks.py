"""Sessions that start, stop and vanish leave nothing behind: no handle, thread, child or memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import psutil
import pytest

from tests.support.holdings import Holdings, start_request_threads
from tests.support.server import COMMAND, Server, running, wait_for
from tests.support.visitors import Visitors
from transcriber.memory import TRIM_EVERY_S

# A session that was left is over after a second, and forgotten soon after.
TTL_S, KEEP_S = 1.0, 0.2
THREADS, BODIES = 8, 16
SETTINGS = {
    "MODEL": "tiny.en",
    "LOG_LEVEL": "warning",
    "THREADS": THREADS,
    "MOST_BODIES": BODIES,
    "SESSION_TTL_S": TTL_S,
    "KEEP_TRANSCRIPTS_S": KEEP_S,
}
LEAKING = [*COMMAND[:-1], "tests.support.leaking:create_app()"]
MOST_GROWTH_MB = 50
Enough = Callable[[Visitors], bool]
TWO_HOURS_S = 7200


@dataclass(frozen=True)
class Watched:
    """What a server held before all visits, at their middle, and after them."""

    before: Holdings
    middle: Holdings
    after: Holdings

    def left_behind(self) -> set[str]:
        """Return what is more than it was."""
        kinds = ("threads", "handles", "children")
        more = {kind for kind in kinds if getattr(self.after, kind) > getattr(self.before, kind)}
        grown_mb = self.after.rss_mb - self.middle.rss_mb
        return more | ({"memory"} if grown_mb > MOST_GROWTH_MB else set())


@contextmanager
def visited() -> Iterator[Server]:
    """Run a server that has all its request threads, and was visited before."""
    with running(SETTINGS) as server:
        server.wait_until_ready(600)
        start_request_threads(server, THREADS + BODIES)
        let_come(Visitors(server, at_once=4), lambda visitors: visitors.number() >= 6)
        yield server


def let_come(visitors: Visitors, is_enough: Enough, pause_s: float = 0.0) -> None:
    """Let visitors come until it is enough, and wait until the last of them is forgotten."""
    visitors.run(lambda: is_enough(visitors), pause_s)
    assert not visitors.errors, f"{len(visitors.errors)} errors: {visitors.errors[:5]}"
    server = visitors.server
    wait_for(lambda: server.health()["sessions"] == {"active": 0, "limit": 10}, 60)
    forgotten_s = time.monotonic() + TTL_S + KEEP_S + 1
    wait_for(lambda: time.monotonic() > forgotten_s and is_quiet(server), 60, "it is never quiet")


def is_quiet(server: Server) -> bool:
    """Tell whether nothing is under way: no connection, no child that is about to end."""
    worker = psutil.Process(server.process.pid).children()[0]
    listening = {psutil.CONN_LISTEN, psutil.CONN_NONE}
    quiet = {one.status for one in worker.net_connections()} <= listening
    return quiet and len({Holdings.of(server).children for _ in range(20)}) == 1


def watch(
    server: Server,
    is_half: Enough,
    pause_s: float = 0.0,
    look: Callable[[Server], Holdings] = Holdings.of,
    **kind: bool,
) -> Watched:
    """Look at what a server holds before, between and after two halves of visits."""
    seen = [look(server)]
    for seed in (1000, 2000):
        let_come(Visitors(server, at_once=4, seed=seed, **kind), is_half, pause_s)
        seen.append(look(server))
    return Watched(*seen)


def after_giving_back(server: Server) -> Holdings:
    """Look at what it holds once it has given back to the system what it freed."""
    until_s, seen = time.monotonic() + 1.1 * TRIM_EVERY_S, Holdings.of(server)

    def is_over() -> bool:
        nonlocal seen
        now = Holdings.of(server)
        seen = replace(now, rss_mb=min(seen.rss_mb, now.rss_mb))
        return time.monotonic() > until_s

    wait_for(is_over, 2 * TRIM_EVERY_S)
    return seen


def test_visitors_leave_nothing_behind() -> None:
    with visited() as server:
        seen = watch(server, lambda visitors: visitors.number() >= 6)
    assert not seen.left_behind(), seen


def test_a_server_that_leaks_is_caught() -> None:
    # What is refused leaks as well, so it needs no model.
    with running({**SETTINGS, "MODEL": "/nowhere/at-all"}, LEAKING) as server:
        start_request_threads(server, THREADS + BODIES)
        seen = watch(server, lambda visitors: visitors.number() >= 30, only_rubbish=True)
    assert seen.left_behind() == {"threads", "handles", "children", "memory"}, seen


@pytest.mark.soak
def test_two_hours_of_visitors_leave_nothing_behind() -> None:
    with visited() as server:
        seen = watch(
            server,
            lambda visitors: visitors.seconds() >= TWO_HOURS_S / 2,
            pause_s=0.5,
            look=after_giving_back,
        )
    assert not seen.left_behind(), seen
