"""Which sessions come back, and when: what waits for a decoder later, what ends the process not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.machine import SESSION_ID, FlakyStream, Machine
from tests.support.rig import CHUNKS, SETTINGS, SPOKEN
from transcriber.audio.container_thread import Piece
from transcriber.audio.errors import NoDecoder
from transcriber.audio.stream import StreamDecoder
from transcriber.live.errors import SessionExpired, UnknownSession


@pytest.fixture
def flaky() -> Iterator[type[FlakyStream]]:
    """Decoders that can be broken, and are mended at the end."""
    yield FlakyStream
    FlakyStream.broken = False


def test_a_session_that_ends_the_process_whenever_it_is_decoded_is_left_to_be_read(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    rig = machine.open()
    rig.post_range(0, 20)
    told = list(rig.session.transcript.segments)
    for _ in range(2):
        machine.crash()
        machine.journal.load(SESSION_ID)  # and the process ends
    machine.crash()
    rig = machine.rig()
    assert rig.session.snapshot().state == "expired"
    assert rig.session.snapshot().segments == tuple(told)
    assert "does not go on" in caplog.text
    with pytest.raises(SessionExpired):
        rig.post(20)


def test_a_session_that_the_model_hangs_on_is_tried_once_more(machine: Machine) -> None:
    machine.open().post_range(0, 20)
    for state in ("active", "expired"):
        machine.journal.has_hung([SESSION_ID])
        machine.crash()
        assert machine.rig().session.snapshot().state == state


def test_a_session_that_comes_back_may_do_so_any_number_of_times(machine: Machine) -> None:
    machine.open().post_range(0, 4)
    for _ in range(5):
        machine.crash()
        machine.store.bring_back()
    assert machine.rig().session.snapshot().state == "active"


def test_a_chunk_that_nothing_can_decode_just_now_is_not_taken(
    machine: Machine, flaky: type[FlakyStream]
) -> None:
    rig = machine.open()
    rig.post_range(0, 4)
    flaky.broken = True
    with pytest.raises(NoDecoder):
        rig.post(4)
    flaky.broken = False
    rig.post_range(4, len(CHUNKS))
    assert rig.appended_words() == rig.words() == sorted(SPOKEN)


def test_a_chunk_that_was_answered_waits_for_a_decoder(
    machine: Machine, flaky: type[FlakyStream], monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = machine.open()
    rig.post_range(0, 4)
    for ahead in (5, 6):
        rig.post(ahead, wait_s=0.0)
    feed = StreamDecoder.feed

    def break_behind_this(*args: Any) -> list[Piece]:
        flaky.broken = True
        return feed(*args)

    with monkeypatch.context() as once:
        once.setattr(StreamDecoder, "feed", break_behind_this)
        rig.post(4, wait_s=0.0)
    assert rig.session.snapshot().next_sequence == 5
    flaky.broken = False
    rig.session.tick()
    assert rig.session.snapshot().next_sequence == 7
    rig.post_range(7, len(CHUNKS))
    assert rig.appended_words() == rig.words() == sorted(SPOKEN)


def test_a_session_that_nothing_can_decode_just_now_comes_back_later(
    machine: Machine, flaky: type[FlakyStream]
) -> None:
    rig = machine.open()
    rig.post_range(0, 16)
    told = list(rig.session.transcript.segments)
    flaky.broken = True
    machine.crash()
    for _ in range(3):
        machine.store.bring_back()
        with pytest.raises(NoDecoder):
            machine.store.get(SESSION_ID)
    flaky.broken = False
    rig = machine.rig()
    assert rig.session.transcript.segments[: len(told)] == told
    rig.post_range(16, len(CHUNKS))
    assert rig.appended_words() == rig.words() == sorted(SPOKEN)


def test_a_deleted_session_does_not_come_back(machine: Machine) -> None:
    machine.open().post_range(0, 5)
    machine.store.delete(SESSION_ID)
    machine.journal.stop()
    machine.crash()
    with pytest.raises(UnknownSession):
        machine.store.get(SESSION_ID)


def test_sessions_that_went_on_take_up_their_places(machine: Machine) -> None:
    machine.open().post_range(0, 5)
    machine.crash()
    assert machine.store.state().active == 1
    machine.rig()
    assert machine.store.state().active == 1


def test_a_session_keeps_its_time_to_live_over_a_crash(machine: Machine) -> None:
    machine.open().post_range(0, 5)
    machine.now_s += 10_000
    machine.crash()
    rig = machine.rig()
    rig.session.tick()
    assert rig.session.snapshot().state == "active"
    machine.clock.advance(SETTINGS.session_ttl_s + 1)
    rig.session.tick()
    machine.pool.wait_idle(10)
    assert rig.session.snapshot().state == "expired"
