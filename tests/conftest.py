"""Fixtures: the real weights, and real servers on them, each started once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.server import Server, running

# Long enough for the weights to be downloaded on a fresh machine.
FETCH_S = 600.0


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server with `tiny.en`, for everything in English."""
    with running({"MODEL": "tiny.en", "MAX_SESSIONS": 50}) as started:
        started.wait_until_ready(FETCH_S)
        yield started


@pytest.fixture(scope="session")
def base_server() -> Iterator[Server]:
    """A server with `base`, where languages matter."""
    with running({"MODEL": "base", "MAX_SESSIONS": 50}) as started:
        started.wait_until_ready(FETCH_S)
        yield started
