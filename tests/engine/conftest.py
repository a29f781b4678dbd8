"""Fixtures: the real weights, and a place where weights are looked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import huggingface_hub
import pytest

from config.settings import Settings
from tests.support.hub import running_hub
from tests.support.weights import FILES, PINNED, UNPINNED, Place
from transcriber.engine.device import Device
from transcriber.engine.model import SpeechModel
from transcriber.engine.weights import resolve


@pytest.fixture(scope="session")
def weights() -> Path:
    """The folder with the real `tiny.en`, fetched if this machine has not got it yet."""
    return resolve("tiny.en", models_dir=Settings().models_path()).path


@pytest.fixture(scope="session")
def model(weights: Path) -> SpeechModel:
    """The real `tiny.en`, loaded."""
    return SpeechModel(weights, "tiny.en", Device("cpu", "int8"), workers=1, cpu_threads=1)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A place where nothing was downloaded yet."""
    (tmp_path / "wheels").mkdir()
    with running_hub({PINNED: FILES, UNPINNED: FILES}) as hub:
        yield Place(tmp_path / "models", tmp_path / "wheels", tmp_path / "hub-cache", hub)
        huggingface_hub.close_session()
