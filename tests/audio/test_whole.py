"""Chunks that know their own end are decoded at once; others are left to the demuxer."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.encoders import m4a, wav_that_claims
from tests.support.recordings import RATE_HZ, Samples, blobs, encode, recording
from transcriber.audio.containers import FLAC, MP3, MP4, OGG, WAV, WEBM, Container
from transcriber.audio.errors import TooLong, Undecodable
from transcriber.audio.resample import Resampler
from transcriber.audio.whole import decode_whole

SPEECH = recording("en/short-jfk.flac").samples()[: 2 * RATE_HZ]


def decode(data: bytes, container: Container, max_s: float = 60.0) -> Samples | None:
    return decode_whole(data, container, Resampler(), max_s)


@pytest.mark.parametrize(
    "container, data",
    [
        pytest.param(WAV, encode(SPEECH), id="wav"),
        pytest.param(FLAC, encode(SPEECH, "FLAC"), id="flac"),
        pytest.param(OGG, encode(SPEECH, "OGG"), id="ogg"),
        pytest.param(MP4, m4a(SPEECH), id="m4a"),
    ],
)
def test_a_whole_file_is_decoded(container: Container, data: bytes) -> None:
    samples = decode(data, container)
    assert samples is not None
    assert len(samples) == pytest.approx(len(SPEECH), abs=2100)


@pytest.mark.parametrize(
    "container, data",
    [
        pytest.param(WAV, encode(SPEECH)[:20_000], id="half a wav"),
        pytest.param(WAV, wav_that_claims(data_bytes=0xFFFF_FFDB), id="a wav without its length"),
        pytest.param(FLAC, encode(SPEECH, "FLAC")[:9_000], id="half a flac"),
        pytest.param(OGG, encode(SPEECH, "OGG")[:9_000], id="half an ogg"),
        pytest.param(MP4, m4a(SPEECH)[:9_000], id="half an m4a"),
        pytest.param(MP4, b"".join(blobs("mp4-opus")[:3]), id="a fragmented mp4"),
        pytest.param(WEBM, blobs("webm-opus")[0], id="a webm"),
        pytest.param(MP3, encode(SPEECH, "MP3"), id="an mp3"),
    ],
)
def test_what_may_go_on_is_left_to_the_demuxer(container: Container, data: bytes) -> None:
    assert decode(data, container) is None


@pytest.mark.parametrize(
    "container, data",
    [
        pytest.param(WAV, encode(SPEECH), id="wav"),
        pytest.param(FLAC, encode(SPEECH, "FLAC"), id="flac"),
        pytest.param(OGG, encode(SPEECH, "OGG"), id="ogg"),
        pytest.param(MP4, m4a(SPEECH), id="m4a"),
    ],
)
def test_a_file_longer_than_the_limit_is_too_long(container: Container, data: bytes) -> None:
    with pytest.raises(TooLong):
        decode(data, container, max_s=1.0)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(wav_that_claims(rate_hz=1), id="1 Hz"),
        pytest.param(wav_that_claims(channels=65_535), id="65,535 channels"),
    ],
)
def test_an_absurd_header_is_undecodable(data: bytes) -> None:
    with pytest.raises(Undecodable):
        decode(data, WAV)


def test_two_channels_become_their_mean() -> None:
    stereo = np.stack([SPEECH, np.zeros_like(SPEECH)], axis=1)
    samples = decode(encode(stereo, "FLAC"), FLAC)
    assert samples is not None
    assert np.allclose(samples, SPEECH / 2, atol=1e-4)
