"""Fixtures: a session whose model hears numbered words, on a clock that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.crowd import TARGET_S
from tests.support.engine import Clock, FakeModel, pool_of
from tests.support.machine import Machine
from tests.support.rig import SETTINGS, TALK, Rig
from transcriber.engine.pool import WorkerPool
from transcriber.engine.window import DecodingOptions
from transcriber.live.pace import Pace
from transcriber.live.session import Session


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def pace(clock: Clock) -> Pace:
    """A pace with nothing seen yet."""
    return Pace(TARGET_S, clock)


@pytest.fixture
def model() -> FakeModel:
    """A model that hears the talk."""
    return FakeModel(TALK)


@pytest.fixture
def pool(model: FakeModel) -> Iterator[WorkerPool]:
    """A pool of that model."""
    with pool_of(model) as pool:
        yield pool


@pytest.fixture
def session(pool: WorkerPool, clock: Clock) -> Iterator[Session]:
    """A fresh session."""
    session = Session("a-session", DecodingOptions(), SETTINGS, pool.submit, clock)
    yield session
    session.expire()


@pytest.fixture
def rig(session: Session, model: FakeModel, pool: WorkerPool, clock: Clock) -> Rig:
    """A fresh session with its client."""
    return Rig(session, model, pool, clock)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A store on disk that can crash."""
    with ExitStack() as ends:
        yield Machine(tmp_path, ends)


@pytest.fixture(scope="session")
def clean() -> list[int]:
    """The words of the same audio, posted in order."""
    model = FakeModel(TALK)
    with pool_of(model) as pool:
        session = Session("clean", DecodingOptions(), SETTINGS, pool.submit)
        rig = Rig(session, model, pool, Clock())
        rig.post_all()
        return rig.words()
