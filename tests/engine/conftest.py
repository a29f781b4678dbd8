"""Fixtures: a place where weights are looked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import huggingface_hub
import pytest

from tests.support.hub import running_hub
from tests.support.weights import FILES, PINNED, UNPINNED, Place


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A place where nothing was downloaded yet."""
    (tmp_path / "wheels").mkdir()
    with running_hub({PINNED: FILES, UNPINNED: FILES}) as hub:
        yield Place(tmp_path / "models", tmp_path / "wheels", tmp_path / "hub-cache", hub)
        huggingface_hub.close_session()
