"""A session's sound in one file: the same sound, in the same codec, with a length."""

from __future__ import annotations

import io
from typing import BinaryIO

import numpy as np
import pytest

from tests.support.heard import Heard, heard
from tests.support.recordings import RATE_HZ, blobs, encode, recording, webm_opus
from transcriber.audio.pcm import PcmFormat
from transcriber.audio.remux import Stream, remux

SPEECH = recording("en/short-jfk.flac").samples()[: 6 * RATE_HZ]
THIRDS = np.split(SPEECH, 3)
PCM = (SPEECH * 32767).astype("<i2")
WEBM, MP4 = blobs("webm-opus")[:20], blobs("mp4-opus")[:20]
# Two packets of Opus: of Chrome's MP4 so many are not heard at its beginning, before as after.
PACKETS_S = 0.042
# What is not heard at the beginning of a recording is where it is joined to another.
JOINT_S = 0.1
# MP3 fills its last packets up.
FILLED_S = 0.2


class Kept(io.BytesIO):
    """A file that can be read when it has been closed."""

    def close(self) -> None:
        """Stay open."""


def moved(*parts: tuple[bytes, Stream]) -> tuple[list[tuple[str, bytes]], list[int]]:
    """Return what files become of streams, and which of these are to be kept."""
    files: list[tuple[str, Kept]] = []

    def new_output(ending: str) -> BinaryIO:
        files.append((ending, Kept()))
        return files[-1][1]

    together = io.BytesIO(b"".join(data for data, _ in parts))
    kept = list(remux(together, [stream for _, stream in parts], new_output))
    return [(ending, file.getvalue()) for ending, file in files], kept


def part(
    data: bytes, container: str | None = None, lost: int = 0, chunks: int = 0
) -> tuple[bytes, Stream]:
    return data, Stream(len(data), container, None, lost, chunks)


def pcm(data: bytes, order: str = "little", channels: int = 1) -> tuple[bytes, Stream]:
    return data, Stream(len(data), None, PcmFormat(RATE_HZ, channels, order))


def only(ending: str, *parts: tuple[bytes, Stream]) -> Heard:
    """Return what is in the one file that becomes of streams, with nothing to be kept."""
    files, kept = moved(*parts)
    assert [name for name, _ in files] == [ending]
    assert not kept
    return heard(files[0][1])


@pytest.mark.parametrize(
    "data, container, ending",
    [
        (b"".join(WEBM), "webm", "webm"),
        (b"".join(MP4), "mp4", "mp4"),
        *((encode(SPEECH, kind.upper()), kind, kind) for kind in ("wav", "flac", "ogg", "mp3")),
    ],
    ids=["webm", "mp4", "wav", "flac", "ogg", "mp3"],
)
def test_the_sound_and_its_codec_stay_and_it_has_a_length(
    data: bytes, container: str, ending: str
) -> None:
    before, after = heard(data), only(ending, part(data, container))
    assert (after.codec, after.rate_hz) == (before.codec, before.rate_hz)
    assert after.samples == before.samples
    assert after.duration_s == pytest.approx(before.seconds, abs=PACKETS_S)


@pytest.mark.parametrize("kind, blob_list", [("webm", WEBM), ("mp4", MP4)])
def test_a_recorder_that_began_anew_is_joined(kind: str, blob_list: list[bytes]) -> None:
    data = b"".join(blob_list)
    after = only(kind, part(data, kind), part(data, kind))
    assert after.seconds == pytest.approx(2 * heard(data).seconds, abs=JOINT_S)
    assert after.duration_s == pytest.approx(after.seconds, abs=JOINT_S)


def test_one_that_is_followed_from_its_middle_on_begins_at_nothing() -> None:
    cluster = b"".join(WEBM).find(b"\x1f\x43\xb6\x75")
    later = b"".join(WEBM[10:])
    data = b"".join(WEBM)[:cluster] + later[later.find(b"\x1f\x43\xb6\x75") :]
    after = only("webm", part(data, "webm"))
    assert after.duration_s == pytest.approx(after.seconds, abs=PACKETS_S)


@pytest.mark.parametrize("kind, blob_list", [("webm", WEBM), ("mp4", MP4)])
def test_chunks_that_never_came_leave_a_gap_where_the_container_has_a_clock(
    kind: str, blob_list: list[bytes]
) -> None:
    whole = heard(b"".join(blob_list))
    after = only(kind, part(b"".join(blob_list[:8] + blob_list[12:]), kind))
    assert after.duration_s == pytest.approx(whole.seconds, abs=JOINT_S)
    assert after.seconds < whole.seconds - 1


@pytest.mark.parametrize(
    "kind, ending, more_s",
    [("wav", "wav", 0), ("flac", "mka", 0.001), ("ogg", "ogg", FILLED_S), ("mp3", "mp3", FILLED_S)],
)
def test_a_file_per_chunk_becomes_one_file(kind: str, ending: str, more_s: float) -> None:
    chunks = [part(encode(third, kind.upper()), kind) for third in THIRDS]
    after = only(ending, *chunks)
    assert after.seconds == pytest.approx(len(SPEECH) / RATE_HZ, abs=more_s)
    assert after.duration_s == pytest.approx(after.seconds, abs=FILLED_S)


def test_files_for_chunks_that_never_came_are_as_long_as_the_others() -> None:
    first, second, third = (encode(one) for one in THIRDS)
    after = only("wav", part(first, "wav"), part(second, "wav", 2, 1), part(third, "wav"))
    assert after.samples == len(SPEECH) + 2 * len(THIRDS[0])


@pytest.mark.parametrize("order", ["little", "big", "auto"])
def test_raw_pcm_becomes_wav(order: str) -> None:
    data = (PCM.byteswap() if order == "big" else PCM).tobytes()
    files, kept = moved(pcm(data, order))
    assert (files[0][0], kept) == ("wav", [])
    assert files[0][1].endswith(PCM.tobytes())


def test_raw_pcm_and_wav_files_of_its_kind_go_together() -> None:
    wav = encode(SPEECH)
    assert only("wav", pcm(PCM.tobytes()), part(wav, "wav")).samples == 2 * len(SPEECH)


def test_half_a_frame_at_the_end_shifts_nothing_that_follows() -> None:
    stereo = np.repeat(PCM, 2).tobytes()
    files, _ = moved(pcm(stereo[:-3], channels=2), pcm(stereo, channels=2))
    assert files[0][1].endswith(stereo)
    assert len(heard(files[0][1]).codec) > 0


def test_what_does_not_go_together_becomes_several_files_in_order() -> None:
    webm, mp4 = part(b"".join(WEBM), "webm"), part(b"".join(MP4), "mp4")
    wav, stereo = part(encode(SPEECH), "wav"), pcm(PCM.tobytes(), channels=2)
    files, kept = moved(webm, mp4, wav, stereo)
    assert ([name for name, _ in files], kept) == (["webm", "mp4", "wav", "wav"], [])


def test_what_nothing_can_read_is_kept_and_the_rest_is_moved() -> None:
    garbage = b"\x1a\x45\xdf\xa3" + bytes(range(256)) * 8
    files, kept = moved(
        part(b"no audio at all" * 99), part(encode(SPEECH), "wav"), part(garbage, "webm")
    )
    assert ([name for name, _ in files], kept) == (["wav"], [0, 2])
    assert heard(files[0][1]).samples == len(SPEECH)


def test_a_recording_that_was_cut_off_is_moved_and_kept() -> None:
    data = b"".join(MP4)
    files, kept = moved(part(data[: len(data) // 2], "mp4"))
    assert kept == [0]
    assert heard(files[0][1]).seconds > 2


def test_where_most_of_the_bytes_are_no_sound_they_are_kept() -> None:
    sound = webm_opus(SPEECH)
    files, kept = moved(part(sound + bytes(2 * len(sound)), "webm"))
    assert ([name for name, _ in files], kept) == (["webm"], [0])
