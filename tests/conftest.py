"""Fixtures: real servers on the real weights, each started once; and what runs side by side."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.support.server import Server, running

# Long enough for the weights to be downloaded on a fresh machine.
FETCH_S = 600.0
# Room for all tests' sessions, and a page that knows no other server.
SHARED = {"MAX_SESSIONS": 50, "SERVERS": '["."]'}
# Where the tests in a browser are. Their microphone plays in real time, so they mostly wait.
IN_BROWSER = "tests/static/"
# Minutes of decoding at the end, on servers that each worker has by then: shared test by test.
LAST = "tests/test_quality.py"


class Scheduler(LoadScopeScheduling):  # type: ignore[misc]
    """Gives one worker all tests in a browser, and the others file by file, as servers are shared.

    Two browsers at once would make each other's microphone stutter.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if file.startswith(IN_BROWSER):
            return IN_BROWSER
        return nodeid if file == LAST else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Scheduler:
    """Give out the tests in the order in which they are collected."""
    config.option.loadscopereorder = False
    return Scheduler(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests in a browser, which take longest; what decodes most comes last.

    Of that what needs the larger model first: the last test of all should be a short one.
    """

    def place(item: pytest.Item) -> tuple[bool, bool, bool]:
        last = item.nodeid.startswith(LAST)
        small = "base_server" not in getattr(item, "fixturenames", ())
        return not item.nodeid.startswith(IN_BROWSER), last, last and small

    items.sort(key=place)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server with `tiny.en`, for everything in English."""
    with running({"MODEL": "tiny.en", **SHARED}) as started:
        started.wait_until_ready(FETCH_S)
        yield started


@pytest.fixture(scope="session")
def base_server() -> Iterator[Server]:
    """A server with `base`, where languages matter."""
    with running({"MODEL": "base", **SHARED}) as started:
        started.wait_until_ready(FETCH_S)
        yield started
