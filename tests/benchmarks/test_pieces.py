"""A piece holds exactly the audio that was over when it was posted."""

from __future__ import annotations

import io

import av
import pytest

from benchmarks.quality.pieces import cut
from tests.support.recordings import RATE_HZ, recording

SECONDS = 3.5


@pytest.mark.parametrize("container", ["wav", "webm"])
def test_pieces_joined_are_the_whole_recording(container: str) -> None:
    samples = recording("en/short-jfk.flac").samples()
    pieces = cut(samples, 0.4, container)
    assert len(pieces.ends_s) == 28
    assert pieces.ends_s[-1] == len(samples) / RATE_HZ
    assert seconds_of(pieces.body(0, 28)) == pytest.approx(11.0, abs=0.05)


@pytest.mark.parametrize("container", ["wav", "webm"])
def test_the_pieces_so_far_hold_the_audio_so_far(container: str) -> None:
    pieces = cut(recording("en/short-jfk.flac").samples(), SECONDS, container)
    for count, end_s in enumerate(pieces.ends_s[:-1], 1):
        # An opus packet is 20 ms, and the encoder runs some ms behind.
        assert 0 <= end_s - seconds_of(pieces.body(0, count)) < 0.03


def test_a_stream_is_cut_into_its_own_bytes() -> None:
    pieces = cut(recording("en/short-jfk.flac").samples(), SECONDS, "webm")
    parts = [pieces.body(n, n + 1) for n in range(len(pieces.ends_s))]
    assert b"".join(parts) == pieces.body(0, len(parts))
    assert all(parts)


def seconds_of(data: bytes) -> float:
    with av.open(io.BytesIO(data), "r") as container:
        frames = list(container.decode(audio=0))
    return sum(frame.samples for frame in frames) / frames[0].sample_rate
