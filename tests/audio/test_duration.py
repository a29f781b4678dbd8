"""How long a recording is, told by its containers."""

from __future__ import annotations

import io

import pytest

from tests.support.encoders import m4a, pcm
from tests.support.recordings import RATE_HZ, blobs, encode, recording, webm_opus
from transcriber.audio.decode import Part
from transcriber.audio.duration import duration_s
from transcriber.audio.pcm import PcmFormat

JFK = recording("en/short-jfk.flac")
FILES = {
    **{kind: encode(JFK.samples(), kind) for kind in ("WAV", "FLAC", "OGG", "MP3")},
    "m4a": m4a(JFK.samples()),
    "webm": webm_opus(JFK.samples()),
}


def tell(*files: bytes, max_s: float = 1000.0) -> float | None:
    """Return the seconds of some files together."""
    return duration_s([Part(io.BytesIO(data)) for data in files], max_s)


@pytest.mark.parametrize("kind", FILES)
def test_every_container_tells(kind: str) -> None:
    assert tell(FILES[kind]) == pytest.approx(JFK.duration_s, abs=0.15)


@pytest.mark.parametrize("stream, seconds", [("webm-opus", 59.76), ("mp4-opus", 59.78)])
def test_what_media_recorder_writes_is_counted(stream: str, seconds: float) -> None:
    assert tell(b"".join(blobs(stream))) == pytest.approx(seconds, abs=0.1)


def test_several_files_are_added_up() -> None:
    assert tell(FILES["WAV"], FILES["FLAC"]) == pytest.approx(2 * JFK.duration_s, abs=0.01)


def test_raw_pcm_is_counted() -> None:
    data = pcm(JFK.samples(), 8_000, "<")
    part = Part(io.BytesIO(data), PcmFormat(8_000))
    assert duration_s([part], 1000.0) == pytest.approx(JFK.duration_s, abs=0.01)


def test_the_files_are_rewound() -> None:
    part = Part(io.BytesIO(FILES["webm"]))
    duration_s([part], 1000.0)
    assert part.data.tell() == 0


def test_blobs_of_one_container_in_several_parts_do_not_tell() -> None:
    first = blobs("webm-opus")[:3]
    assert tell(*first) is None


def test_a_header_that_claims_more_than_is_allowed_is_not_believed() -> None:
    assert tell(FILES["WAV"], max_s=5.0) is None


@pytest.mark.parametrize("data", [b"", b"a letter", FILES["m4a"][:40], RATE_HZ * b"\x1a"])
def test_damage_is_left_to_the_decoder(data: bytes) -> None:
    assert tell(data) is None
