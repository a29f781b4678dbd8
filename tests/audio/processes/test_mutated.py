"""Media that were damaged at random: an error or some audio, soon, and nothing grows."""

from __future__ import annotations

import io
import random
import time
from contextlib import closing, suppress

import psutil
import pytest

from tests.support.recordings import RATE_HZ, blobs, encode, recording, webm_opus
from transcriber.audio.decode import Part
from transcriber.audio.errors import AudioError
from transcriber.audio.processes.children import Children
from transcriber.audio.processes.remote_recording import open_recording
from transcriber.audio.processes.remote_stream import RemoteStream

SPEECH = recording("en/short-jfk.flac").samples()[: 3 * RATE_HZ]
FILES = {
    "webm": b"".join(blobs("webm-opus")[:8]),
    "webm, other muxer": webm_opus(SPEECH),
    "mp4": b"".join(blobs("mp4-opus")[:8]),
    **{kind: encode(SPEECH, kind) for kind in ("WAV", "FLAC", "OGG", "MP3")},
}
MAX_S = 60.0
SLOWEST_S, GROWTH_MB = 2.0, 50.0


def mutated(data: bytes, dice: random.Random) -> bytes:
    """Return the file with bytes changed, lost, doubled, moved or put in from another."""
    damaged = bytearray(data)
    for _ in range(dice.choice([1, 1, 2, 5, 20, 100])):
        at = dice.randrange(len(damaged)) if dice.random() < 0.5 else dice.randrange(64)
        at = min(at, len(damaged) - 1)
        length = dice.choice([1, 1, 2, 4, 8, 64, 500])
        how = dice.randrange(6)
        if how == 0:
            damaged[at] ^= 1 << dice.randrange(8)
        elif how == 1:
            damaged[at : at + length] = dice.randbytes(length)
        elif how == 2 and len(damaged) > length + 16:
            del damaged[at : at + length]
        elif how == 3:
            damaged[at:at] = damaged[at : at + length]
        elif how == 4:
            damaged[at : at + length] = dice.choice([b"\x00", b"\xff"]) * length
        else:
            other = dice.choice(list(FILES.values()))
            start = dice.randrange(len(other))
            damaged[at : at + length] = other[start : start + length]
    return bytes(damaged[: dice.randrange(1, len(damaged))] if dice.random() < 0.2 else damaged)


def feed(children: Children, data: bytes, dice: random.Random) -> None:
    stream = RemoteStream(children, MAX_S)
    size = dice.choice([400, 4000, len(data)])
    for at in range(0, len(data), size):
        try:
            stream.feed(data[at : at + size])
        except AudioError:
            continue
    with suppress(AudioError):
        stream.finish()
    stream.close()


def upload(children: Children, data: bytes) -> None:
    with (
        suppress(AudioError),
        closing(open_recording(children, [Part(io.BytesIO(data))], MAX_S)) as opened,
    ):
        for _ in opened.blocks:
            pass


def survive(children: Children, count: int, uploads: int) -> None:
    """Decode so many damaged files as streams, and some as uploads."""
    own, memory_mb = psutil.Process(), []
    for seed in range(count):
        dice = random.Random(seed)
        data = mutated(FILES[list(FILES)[seed % len(FILES)]], dice)
        started_s = time.monotonic()
        feed(children, data, dice)
        if seed * uploads // count != (seed + 1) * uploads // count:
            upload(children, data)
        assert time.monotonic() - started_s < SLOWEST_S, f"seed {seed}"
        pids = [own.pid, *children.pids]
        memory_mb.append(sum(psutil.Process(pid).memory_info().rss for pid in pids) / 2**20)
    assert memory_mb[-1] - memory_mb[count // 2] < GROWTH_MB


def test_some_hundred_damaged_files(children: Children) -> None:
    survive(children, 200, uploads=10)


@pytest.mark.soak
def test_ten_thousand_damaged_files(children: Children) -> None:
    survive(children, 10_000, uploads=1_000)
