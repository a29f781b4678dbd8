"""Whole recordings: every container gives its sound, and nothing else gives anything."""

from __future__ import annotations

import io
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.support.encoders import m4a, pcm, wav_that_claims
from tests.support.recordings import (
    RATE_HZ,
    Samples,
    blobs,
    cut_anywhere,
    encode,
    recording,
    webm_opus,
)
from transcriber.audio.containers import FLAC, MP3, MP4, OGG, WAV, WEBM, Container
from transcriber.audio.decode import Part, decode_recording, open_container
from transcriber.audio.errors import AudioError, NotAudio, TooLong, Undecodable
from transcriber.audio.pcm import PcmFormat

JFK = recording("en/short-jfk.flac").samples()[: 4 * RATE_HZ]
ENCODERS: dict[str, Callable[[Samples], bytes]] = {
    "wav": encode,
    "flac": lambda samples: encode(samples, "FLAC"),
    "ogg": lambda samples: encode(samples, "OGG"),
    "mp3": lambda samples: encode(samples, "MP3"),
    "m4a": m4a,
    "webm": webm_opus,
}


def decode(*parts: bytes, max_s: float = 1000.0) -> Samples:
    return decode_parts([Part(io.BytesIO(part)) for part in parts], max_s)


def decode_parts(parts: list[Part], max_s: float = 1000.0) -> Samples:
    return np.concatenate([*decode_recording(parts, max_s)])


def likeness(one: Samples, other: Samples) -> float:
    """Return the highest correlation of two recordings, shifted by up to 100 ms."""
    length = min(len(one), len(other)) - 1600
    shifts = range(0, 1600, 8)
    return max(
        float(np.corrcoef(one[a : a + length], other[b : b + length])[0, 1])
        for a, b in [*((0, shift) for shift in shifts), *((shift, 0) for shift in shifts)]
    )


@pytest.mark.parametrize("name", ENCODERS)
def test_every_container_gives_its_sound(name: str) -> None:
    samples = decode(ENCODERS[name](JFK))
    assert samples.dtype == np.float32
    assert len(samples) == pytest.approx(len(JFK), abs=0.1 * RATE_HZ)
    assert likeness(JFK, samples) > 0.85


@pytest.mark.parametrize("name", ["webm-opus", "mp4-opus"])
def test_joined_blobs_of_a_browser_are_a_recording(name: str) -> None:
    samples = decode(b"".join(blobs(name)))
    assert len(samples) / RATE_HZ == pytest.approx(59.7, abs=0.2)


def test_another_rate_and_two_channels_become_16_khz_mono() -> None:
    stereo = np.repeat(JFK[:, None], 2, axis=1)
    samples = decode(encode(stereo, rate_hz=48_000))
    assert len(samples) == pytest.approx(len(JFK) / 3, abs=40)


def test_flac_at_16_khz_comes_out_sample_for_sample() -> None:
    assert np.array_equal(decode(encode(JFK, "FLAC")), JFK)


# -- several parts ------------------------------------------------------------------------------


def test_parts_that_continue_a_recording_are_joined() -> None:
    data = b"".join(blobs("webm-opus")[:20])
    assert np.array_equal(decode(*blobs("webm-opus")[:20]), decode(data))
    assert np.array_equal(decode(*cut_anywhere(data, 10)), decode(data))


def test_a_continuing_part_may_look_like_mp3() -> None:
    data = b"".join(blobs("webm-opus")[:20])
    at = len(data) // 2
    like_mp3 = data[:at] + b"\xff\xfb\x90\x64" + data[at + 4 :]
    assert np.array_equal(decode(like_mp3[:at], like_mp3[at:]), decode(like_mp3))


def test_whole_recordings_in_several_parts_follow_one_another() -> None:
    samples = decode(encode(JFK), encode(JFK, "FLAC"))
    assert np.array_equal(samples, np.concatenate([JFK, JFK]))


def test_raw_pcm_may_be_one_of_the_parts() -> None:
    raw = Part(io.BytesIO(pcm(JFK)), PcmFormat(RATE_HZ))
    samples = decode_parts([Part(io.BytesIO(encode(JFK))), raw])
    assert len(samples) == 2 * len(JFK)


def test_a_later_blob_alone_is_no_recording() -> None:
    with pytest.raises(NotAudio):
        decode(blobs("webm-opus")[5])


# -- the limit ----------------------------------------------------------------------------------


def test_audio_up_to_the_limit_is_yielded_before_too_long_is_raised() -> None:
    blocks: list[Samples] = []
    with pytest.raises(TooLong, match=r"limit of 1\.5 s"):
        blocks.extend(decode_recording([Part(io.BytesIO(encode(JFK)))], 1.5))
    assert np.array_equal(np.concatenate(blocks), JFK[: int(1.5 * RATE_HZ)])


def test_audio_of_exactly_the_limit_is_not_too_long() -> None:
    assert len(decode(encode(JFK), max_s=4.0)) == len(JFK)


def test_minutes_of_silence_in_a_small_file_takes_no_more_work_than_the_limit() -> None:
    bomb = encode(np.zeros(600 * RATE_HZ, np.float32), "FLAC")
    start_s = time.monotonic()
    with pytest.raises(TooLong):
        decode(bomb, max_s=2.0)
    assert time.monotonic() - start_s < 1.0


# -- damage -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(wav_that_claims(rate_hz=1), id="a rate of 1 Hz"),
        pytest.param(wav_that_claims(rate_hz=0), id="a rate of 0 Hz"),
        pytest.param(wav_that_claims(channels=65_535), id="65,535 channels"),
        pytest.param(wav_that_claims(channels=0), id="no channels"),
        pytest.param(encode(JFK)[:20], id="a wav cut in its header"),
        pytest.param(encode(JFK)[:44], id="a wav without samples"),
        pytest.param(blobs("webm-opus")[0][:100], id="a webm cut in its header"),
        pytest.param(blobs("mp4-opus")[0][:100], id="an mp4 cut in its header"),
        pytest.param(blobs("mp4-opus")[0], id="an mp4 without a fragment"),
        pytest.param(b"fLaC" + bytes(60), id="a flac of zeros"),
        pytest.param(b"OggS\x00\x02" + bytes(60), id="an ogg of zeros"),
    ],
)
def test_damage_beyond_use_is_undecodable(data: bytes) -> None:
    with pytest.raises(Undecodable):
        decode(data)


@pytest.mark.parametrize("claim", [0x7FFF_0000, 0xFFFF_FFDB, 0xFFFF_FFFF])
def test_a_wav_that_claims_gigabytes_gives_the_kilobyte_that_is_there(claim: int) -> None:
    assert len(decode(wav_that_claims(data_bytes=claim))) == 500


def test_what_a_truncated_webm_holds_is_got_out_of_it() -> None:
    data = webm_opus(JFK)
    half = decode(data[: len(data) // 2])
    assert len(half) == pytest.approx(len(JFK) / 2, rel=0.3)
    sure = len(half) - 32  # the resampler rounds off the very end
    assert np.array_equal(half[:sure], decode(data)[:sure])


def test_noise_inside_a_webm_costs_only_what_it_covers() -> None:
    data = bytearray(webm_opus(JFK))
    middle = len(data) // 2
    data[middle : middle + 200] = np.random.default_rng(0).bytes(200)
    assert len(decode(bytes(data))) > 0.6 * len(JFK)


# -- what only looks like audio -----------------------------------------------------------------


class Tripwire:
    """A file that notices when somebody opens it: a named pipe with a writer that waits."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        self.opened = False
        self._thread = threading.Thread(target=self._wait)
        self._thread.start()

    def _wait(self) -> None:
        with self.path.open("wb"):
            self.opened = not self.path.with_suffix(".over").exists()

    def close(self) -> None:
        self.path.with_suffix(".over").touch()
        reader = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        self._thread.join()
        os.close(reader)


@pytest.fixture
def tripwire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tripwire]:
    """A file called `secret.wav` in the working folder."""
    monkeypatch.chdir(tmp_path)
    wire = Tripwire(tmp_path / "secret.wav")
    yield wire
    wire.close()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A socket that nobody must connect to."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


SCRIPT = b"ffconcat version 1.0\nfile secret.wav\n"


def test_ffmpeg_left_to_itself_opens_the_file_that_an_ffconcat_names(tripwire: Tripwire) -> None:
    with pytest.raises(av.error.FFmpegError):
        av.open(io.BytesIO(SCRIPT))
    assert tripwire.opened


@pytest.mark.parametrize("signature", [b"", b"RIFF\x00\x10\x00\x00WAVE", b"ID3\x04", b"fLaC"])
def test_an_ffconcat_is_refused_and_opens_no_file(signature: bytes, tripwire: Tripwire) -> None:
    with pytest.raises(AudioError):
        decode(signature + SCRIPT)
    assert not tripwire.opened


@pytest.mark.parametrize("container", [WEBM, MP4, OGG, WAV, FLAC, MP3], ids=lambda one: one.name)
def test_no_demuxer_that_we_name_reads_an_ffconcat(
    container: Container, tripwire: Tripwire
) -> None:
    with pytest.raises(Undecodable):
        open_container(io.BytesIO(SCRIPT), container)
    assert not tripwire.opened


@pytest.mark.parametrize("signature", [b"", b"RIFF\x00\x10\x00\x00WAVE", b"ID3\x04"])
@pytest.mark.parametrize("script", ["#EXTM3U\n#EXTINF:1,\n{}\n", "ffconcat version 1.0\nfile {}\n"])
def test_a_playlist_opens_no_connection(
    script: str, signature: bytes, listener: socket.socket
) -> None:
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/a.wav"
    with pytest.raises(AudioError):
        decode(signature + script.format(address).encode())
    with pytest.raises(BlockingIOError):
        listener.accept()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"just words", id="text"),
        pytest.param(b"<html><body>hello</body></html>", id="HTML"),
        pytest.param(
            b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            b"m=audio 40000 RTP/AVP 0\r\n",
            id="SDP",
        ),
    ],
)
def test_what_is_no_audio_is_refused(data: bytes) -> None:
    with pytest.raises(NotAudio, match="webm"):
        decode(data)


def test_a_video_without_sound_is_undecodable() -> None:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="webm") as container:
        stream: Any = container.add_stream("libvpx", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        container.mux(stream.encode(av.VideoFrame(32, 32, "yuv420p")))
        container.mux(stream.encode(None))
    with pytest.raises(Undecodable, match="no audio stream"):
        decode(buffer.getvalue())
