"""An engine that runs for as long as a test needs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from config.settings import Settings
from transcriber.engine.engine import Engine

START_S = 600.0  # long enough for the weights to be downloaded on a fresh machine


@contextmanager
def started(settings: Settings) -> Iterator[Engine]:
    """Run an engine until it is ready or has failed, and stop it afterwards."""
    engine = Engine(settings)
    engine.start()
    try:
        assert engine.wait_settled(START_S)
        yield engine
    finally:
        engine.stop()
