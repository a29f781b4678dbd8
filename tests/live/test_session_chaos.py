"""Sessions over a bad line: chunks come twice, in another order, and replies get lost."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.engine import Clock, FakeModel, pcm_chunks, pool_of
from tests.support.rig import SETTINGS, SPOKEN, TALK, Rig
from transcriber.engine.pool import WorkerPool
from transcriber.engine.window import DecodingOptions
from transcriber.journal.journal import SqlJournal
from transcriber.live.sequencer import MAX_AHEAD
from transcriber.live.session import Session

CHUNKS = pcm_chunks(TALK, 0.28)
LAST = len(CHUNKS) - 1
DOUBLED, MOVED, LOST = 0.2, 0.2, 0.1


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    with pool_of(FakeModel(TALK)) as pool:
        yield pool


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlJournal]:
    folder: Path = tmp_path_factory.mktemp("journal")
    journal = SqlJournal(folder, 0.0)
    yield journal
    journal.stop()


def bad_line(seed: int) -> list[int]:
    """Return the sequences in the order in which they reach the server.

    A client posts a chunk again whose reply was lost, so a lost reply is one that comes twice; none
    comes before its session has begun, nor further ahead than is held.
    """
    dice = random.Random(seed)
    order = list(range(len(CHUNKS)))
    for at in range(1, len(order)):
        if dice.random() < MOVED:
            other = min(LAST, at + dice.randint(1, MAX_AHEAD // 2))
            order[at], order[other] = order[other], order[at]
    posts: list[int] = []
    for sequence in order:
        posts.append(sequence)
        if dice.random() < DOUBLED + LOST:
            posts.insert(len(posts) - dice.randint(0, min(2, len(posts) - 1)), sequence)
    posts.remove(0)
    return [0, *posts]


def survive(seed: int, pool: WorkerPool, journal: SqlJournal) -> None:
    session_id = f"chaos-session-{seed:05}"
    ledger = journal.ledger(session_id, DecodingOptions())
    session = Session(session_id, DecodingOptions(), SETTINGS, pool.submit, Clock(), None, ledger)
    rig = Rig(session, FakeModel(TALK), pool, Clock())
    seen: set[int] = set()
    for sequence in bad_line(seed):
        first = next(n for n in range(len(CHUNKS) + 1) if n not in seen)
        if sequence > first + MAX_AHEAD:
            continue  # it would be refused, and comes again below
        rig.post(sequence, CHUNKS[sequence], final=sequence == LAST, wait_s=0.0)
        seen.add(sequence)
    for sequence in range(len(CHUNKS)):
        if sequence not in seen:
            rig.post(sequence, CHUNKS[sequence], final=sequence == LAST, wait_s=0.0)
    for sequence in range(len(CHUNKS)):  # the client asks for replies that it has not got
        rig.post(sequence, CHUNKS[sequence], final=sequence == LAST)
        assert rig.repeated
    assert rig.replies[LAST].final
    assert rig.words() == sorted(SPOKEN)
    assert rig.appended() == rig.text()
    audio = session.snapshot().audio
    assert audio.received == pytest.approx(len(TALK) / 16_000, abs=0.001)
    assert (audio.pending, audio.lost) == (0, 0)


@pytest.mark.parametrize("seed", range(6))
def test_the_transcript_is_that_of_a_clean_line(
    seed: int, pool: WorkerPool, journal: SqlJournal
) -> None:
    survive(seed, pool, journal)


@pytest.mark.soak
def test_a_thousand_sessions_over_a_bad_line(pool: WorkerPool, journal: SqlJournal) -> None:
    for seed in range(1000, 2000):
        survive(seed, pool, journal)
