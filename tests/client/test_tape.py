"""The tape keeps samples until their text is final, by seconds of the recording."""

from __future__ import annotations

import pytest

from transcriber.client.tape import Tape

SECOND = bytes(range(256)) * 125  # 16,000 samples


@pytest.fixture
def tape() -> Tape:
    tape = Tape()
    tape.append(SECOND)
    tape.append(SECOND)
    return tape


def test_what_was_appended_is_read_from_any_time_on(tape: Tape) -> None:
    assert tape.end_s == 2.0
    assert tape.read(0.5, 10.0) == ((SECOND + SECOND)[16_000:], 2.0)
    assert tape.read(0.5, 0.25) == (SECOND[16_000:24_000], 0.75)
    assert tape.read(2.0, 1.0) == (b"", 2.0)


def test_what_was_released_is_gone_and_the_rest_keeps_its_times(tape: Tape) -> None:
    tape.release(0.75)
    assert (tape.start_s, tape.end_s) == (0.75, 2.0)
    assert tape.read(1.0, 1.0) == (SECOND, 2.0)
    tape.release(0.25)
    assert tape.start_s == 0.75


def test_nothing_that_is_not_there_yet_is_released(tape: Tape) -> None:
    tape.release(5.0)
    assert tape.start_s == tape.end_s == 2.0
    tape.append(SECOND)
    assert tape.read(2.0, 9.0) == (SECOND, 3.0)


def test_half_a_sample_waits_for_its_other_half() -> None:
    tape = Tape()
    tape.append(SECOND[:3])
    assert tape.read(0.0, 1.0)[0] == SECOND[:2]
    tape.append(SECOND[3:])
    assert tape.read(0.0, 1.0)[0] == SECOND
