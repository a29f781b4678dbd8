"""Fixtures: decoder processes, shared, as each takes a moment to start."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.server import wait_for
from transcriber.audio.processes.children import Children

# A process that was stopped is given up after that.
DEADLINE_S = 2.0


@pytest.fixture(scope="module")
def children() -> Iterator[Children]:
    """Two decoder processes."""
    children = Children(2, DEADLINE_S)
    children.start()
    wait_for(lambda: len(children.pids) == 2, 20, "the decoder processes did not start")
    yield children
    children.stop()
