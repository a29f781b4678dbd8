"""A session's audio by its place in the recording, with holes where it was lost."""

from __future__ import annotations

import numpy as np

from transcriber.live.buffer import AudioBuffer


def buffer_of(*lengths: int) -> AudioBuffer:
    """Return a buffer of counted samples; a negative length is a hole."""
    buffer, count = AudioBuffer(), 0
    for length in lengths:
        if length < 0:
            buffer.skip(-length)
        else:
            buffer.append(np.arange(count, count + length, dtype=np.float32))
        count += abs(length)
    return buffer


def test_audio_is_found_at_its_place_however_it_came() -> None:
    assert buffer_of(10, 0, 5, 5).read(8, 17).tolist() == list(range(8, 17))


def test_reading_ends_where_the_audio_ends() -> None:
    buffer = buffer_of(10)
    assert buffer.end == 10
    assert buffer.read(8, 100).tolist() == [8, 9]
    assert buffer.read(10, 20).size == 0


def test_after_a_hole_places_go_on_counting() -> None:
    buffer = buffer_of(10, -5, 10)
    assert buffer.end == 25
    assert buffer.read(15, 18).tolist() == [15, 16, 17]


def test_a_hole_is_read_as_silence() -> None:
    buffer = buffer_of(10, -5, 10)
    assert buffer.read(8, 18).tolist() == [8, 9, 0, 0, 0, 0, 0, 15, 16, 17]
    assert buffer.read(12, 17).tolist() == [0, 0, 0, 15, 16]
    assert buffer.read(8, 12).tolist() == [8, 9], "reading ends with the last audio"
    assert buffer.read(11, 14).size == 0


def test_what_is_forgotten_is_gone_and_the_rest_stays_where_it_was() -> None:
    buffer = buffer_of(10, 10)
    buffer.forget_before(12)
    assert buffer.read(5, 15).size == 0
    assert buffer.read(12, 15).tolist() == [12, 13, 14]
    buffer.append(np.array([20], np.float32))
    assert buffer.read(19, 21).tolist() == [19, 20]


def test_forgetting_goes_over_holes_and_beyond_the_end() -> None:
    buffer = buffer_of(10, -5, 10)
    buffer.forget_before(18)
    assert buffer.read(18, 25).tolist() == list(range(18, 25))
    buffer.forget_before(1000)
    assert buffer.end == 25
    assert buffer.read(24, 25).size == 0


def test_what_is_forgotten_takes_no_memory() -> None:
    buffer = buffer_of(1_000_000)
    buffer.forget_before(999_990)
    assert buffer.read(999_990, 1_000_000).base is not None
    assert sum(part.nbytes for part in buffer._runs[0]._parts) == 40
    assert all(part.base is None for part in buffer._runs[0]._parts)
