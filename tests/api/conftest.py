"""Fixtures: a live session at a server, and servers with little room or little patience."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tests.support.chunks import CHUNKS, JFK, assert_says
from tests.support.live import TIMEOUT_S, LiveSession
from tests.support.server import Server, running


def session_at(server: Server) -> Iterator[LiveSession]:
    """A session of its own for a test, removed at the end."""
    session = LiveSession(server.url)
    yield session
    requests.delete(f"{server.url}/sessions/{session.session_id}", timeout=TIMEOUT_S)


def ready_with(settings: dict[str, object]) -> Iterator[Server]:
    """A server with these settings, stopped at the end."""
    with running(settings) as started:
        started.wait_until_ready()
        yield started


@pytest.fixture
def session(server: Server) -> Iterator[LiveSession]:
    """A session of its own for each test, removed at the end."""
    yield from session_at(server)


@pytest.fixture(scope="session")
def jfk_text(server: Server) -> str:
    """The text of the recording posted in order: what any other order must give as well."""
    text = LiveSession(server.url).post_all(CHUNKS)
    assert_says(text, JFK.text)
    return text


@pytest.fixture(scope="package")
def small_server() -> Iterator[Server]:
    """A server with little room and little patience for gaps."""
    settings: dict[str, object] = {
        "MODEL": "tiny.en",
        "MAX_SESSIONS": 1,
        "GAP_TIMEOUT_S": 1,
        "MAX_UPLOAD_MB": 2,
        "MAX_CHUNK_MB": 1,
        "MAX_CHUNK_S": 8,
        "MAX_AUDIO_S": 12,
    }
    yield from ready_with(settings)


@pytest.fixture
def small(small_server: Server) -> Iterator[LiveSession]:
    """The one session that the small server has room for."""
    yield from session_at(small_server)


@pytest.fixture(scope="package")
def hasty_server() -> Iterator[Server]:
    """A server with one worker, room for one waiting job, and no patience with idle sessions."""
    settings: dict[str, object] = {
        "MODEL": "tiny.en",
        "WORKERS": 1,
        "QUEUE_LIMIT": 1,
        "CPU_THREADS": 1,
        "SESSION_TTL_S": 1,
    }
    yield from ready_with(settings)
