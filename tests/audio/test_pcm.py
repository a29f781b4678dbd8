"""Raw PCM: its media type, its byte order, and bytes cut anywhere."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.recordings import recording
from transcriber.audio.errors import NotAudio
from transcriber.audio.pcm import PcmFormat, PcmReader

SPEECH = (recording("en/short-jfk.flac").samples()[:16_000] * 32767).astype(np.int16)


@pytest.mark.parametrize(
    "media_type, expected",
    [
        ("audio/L16;rate=24000", PcmFormat(24_000)),
        ('AUDIO/l16; RATE="8000" ; Channels=2', PcmFormat(8_000, 2)),
        ("audio/L16;rate=16000;endianness=little-endian", PcmFormat(16_000, 1, "little")),
        ("audio/L16;rate=16000;endianness=big-endian", PcmFormat(16_000, 1, "big")),
        ("audio/webm;codecs=opus", None),
        ("application/octet-stream", None),
        ("", None),
    ],
)
def test_the_media_type_is_read(media_type: str, expected: PcmFormat | None) -> None:
    assert PcmFormat.parse(media_type) == expected


@pytest.mark.parametrize(
    "parameters, named",
    [
        ("", "rate="),
        (";rate=", "rate="),
        (";rate=fast", "rate="),
        (";rate=-8000", "rate="),
        (";rate=1", "rate="),
        (";rate=\N{SUPERSCRIPT TWO}4000", "rate="),
        (";rate=" + "9" * 5000, "rate="),
        (";rate=16000;channels=0", "channels="),
        (";rate=16000;channels=65535", "channels="),
        (";rate=16000;endianness=middle", "endianness"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(parameters: str, named: str) -> None:
    with pytest.raises(NotAudio, match=named):
        PcmFormat.parse("audio/L16" + parameters)


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("size", [1, 2, 3, 5, 150, 399])
def test_cuts_through_a_sample_change_nothing(order: str, size: int) -> None:
    samples = SPEECH[:200].reshape(-1, 2)
    data = samples.astype("<i2" if order == "little" else ">i2").tobytes()
    reader = PcmReader(PcmFormat(16_000, 2, order))
    read = [reader.read(data[at : at + size]) for at in range(0, len(data), size)]
    assert np.array_equal(np.concatenate(read), samples)


@pytest.mark.parametrize("dtype", ["<i2", ">i2"])
@pytest.mark.parametrize("channels", [1, 2])
def test_the_byte_order_of_speech_is_found_out(dtype: str, channels: int) -> None:
    samples = np.repeat(SPEECH[:, None], channels, axis=1)
    reader = PcmReader(PcmFormat(16_000, channels))
    assert np.array_equal(reader.read(samples.astype(dtype).tobytes()), samples)


def test_the_byte_order_stays_once_it_is_sure() -> None:
    reader = PcmReader(PcmFormat(16_000))
    reader.read(SPEECH.astype(">i2").tobytes())
    looks_little = np.array([1, 2, 3], "<i2")
    assert reader.read(looks_little.tobytes()).tolist() == [[0x100], [0x200], [0x300]]


def test_after_a_loss_a_half_sample_is_forgotten() -> None:
    reader = PcmReader(PcmFormat(16_000, order="little"))
    reader.read(b"\x01\x00\x02")
    reader.drop_rest()
    assert reader.read(b"\x03\x00").tolist() == [[3]]
