"""How a session ends: by its last chunk, left alone, or while somebody waits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.support.engine import Clock
from tests.support.recordings import RATE_HZ, webm_opus
from tests.support.rig import CHUNKS, LAST, SETTINGS, Rig
from tests.support.server import wait_for
from transcriber.engine.pool import WorkerPool
from transcriber.live.chunk import Chunk
from transcriber.live.errors import SessionEnded, SessionExpired
from transcriber.live.intake import ChunkPart
from transcriber.live.session import Session


def test_after_the_final_chunk_the_session_has_ended(rig: Rig) -> None:
    rig.post_all()
    assert rig.session.state == "ended"
    for sequence in (LAST + 1, LAST + 100):
        with pytest.raises(SessionEnded):
            rig.post(sequence, CHUNKS[0])


def test_the_final_chunk_may_be_empty(rig: Rig) -> None:
    rig.post_range(0, LAST)
    assert rig.post(LAST, b"", final=True).final


def test_a_final_chunk_that_is_held_ends_the_session_once_the_gap_closes(rig: Rig) -> None:
    rig.post(0)
    rig.post(2, final=True)
    with pytest.raises(SessionEnded):
        rig.post(3)
    assert rig.session.state == "active"
    assert rig.post(1).final


def test_a_session_left_alone_makes_its_words_final_and_expires(rig: Rig) -> None:
    rig.post_range(0, 5)
    rig.advance(SETTINGS.session_ttl_s + 1)
    rig.session.tick()
    wait_for(lambda: rig.session.state == "expired", 10)
    assert "w3" in rig.text()
    with pytest.raises(SessionExpired):
        rig.post(5)


def test_a_chunk_keeps_a_session_alive(rig: Rig) -> None:
    for sequence in range(3):
        rig.post(sequence)
        rig.advance(SETTINGS.session_ttl_s - 1)
        rig.session.tick()
    assert rig.session.state == "active"


def test_who_waits_for_a_reply_learns_that_the_session_is_gone(rig: Rig) -> None:
    rig.post(0)
    rig.model.hold()
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(rig.post, 1)
        wait_for(lambda: rig.pool.state().busy, 5)
        rig.session.expire()
        assert isinstance(waiting.exception(5), SessionExpired)
        rig.model.let_go()


def test_a_session_that_is_left_alone_ends_though_its_stream_never_brought_out_sound(
    session: Session, pool: WorkerPool, clock: Clock
) -> None:
    head = webm_opus(np.zeros(RATE_HZ, np.float32))[:150]
    session.post(Chunk(0, [ChunkPart(head)], False, clock()), 0.0)
    clock.advance(SETTINGS.session_ttl_s + 1)
    session.tick()
    assert pool.wait_idle(10)
    assert session.snapshot().state == "expired"
