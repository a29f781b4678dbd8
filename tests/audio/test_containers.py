"""Which first bytes are which container, and which are none."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.encoders import m4a
from tests.support.recordings import blobs, encode
from transcriber.audio.containers import (
    FLAC,
    MP3,
    MP4,
    OGG,
    WAV,
    WEBM,
    Container,
    sniff,
    starts_new_stream,
)

SECOND = np.zeros(16_000, np.float32)
MPEG_FRAME = b"\xff\xfb\x90\x64" + bytes(8)


@pytest.mark.parametrize(
    "container, data",
    [
        pytest.param(WEBM, blobs("webm-opus")[0], id="a webm of MediaRecorder"),
        pytest.param(MP4, blobs("mp4-opus")[0], id="an mp4 of MediaRecorder"),
        pytest.param(MP4, m4a(SECOND), id="m4a"),
        pytest.param(OGG, encode(SECOND, "OGG"), id="ogg"),
        pytest.param(WAV, encode(SECOND, "WAV"), id="wav"),
        pytest.param(FLAC, encode(SECOND, "FLAC"), id="flac"),
        pytest.param(MP3, encode(SECOND, "MP3"), id="mp3"),
        pytest.param(MP3, b"ID3\x04" + bytes(20), id="mp3 with a tag"),
    ],
)
def test_an_accepted_container_is_recognised(container: Container, data: bytes) -> None:
    assert sniff(data) is container


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"R", id="one byte"),
        pytest.param(b"hello, this is no sound", id="text"),
        pytest.param(b"<!DOCTYPE html><html>", id="HTML"),
        pytest.param(b"ffconcat version 1.0\nfile a.wav\n", id="ffconcat"),
        pytest.param(b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n", id="SDP"),
        pytest.param(b"#EXTM3U\nhttp://localhost/\n", id="a playlist"),
        pytest.param(b"RIFF\x00\x01\x00\x00AVI LIST", id="a RIFF that is no wav"),
        pytest.param(b"OggS\x00\x00" + bytes(20), id="a later page of ogg"),
        pytest.param(blobs("webm-opus")[5], id="a later webm blob"),
        pytest.param(blobs("mp4-opus")[5], id="a later mp4 blob"),
        pytest.param(b"\xff\xff\xff\xff\xff\xff", id="set bits that are no MPEG frame"),
    ],
)
def test_anything_else_is_not(data: bytes) -> None:
    assert sniff(data) is None


def test_bytes_like_an_mpeg_frame_start_an_mp3_only_where_nothing_is_open() -> None:
    assert starts_new_stream(MPEG_FRAME, None) is MP3
    assert starts_new_stream(MPEG_FRAME, WEBM) is None
    assert starts_new_stream(MPEG_FRAME, MP3) is None


def test_a_clear_signature_starts_a_new_stream_inside_another() -> None:
    assert starts_new_stream(blobs("webm-opus")[0], MP4) is WEBM
    assert starts_new_stream(b"ID3\x04" + bytes(8), WEBM) is MP3
