"""The recordings in tests/data, and ways to cut them into chunks."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import soundfile

DATA = Path(__file__).parents[1] / "data"
SPEECH = DATA / "speech"
RATE_HZ = 16_000

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Recording:
    """One recording with its text (empty for sounds that are no speech)."""

    path: Path
    text: str
    language: str
    duration_s: float

    @property
    def data(self) -> bytes:
        """The file's bytes."""
        return self.path.read_bytes()

    def samples(self) -> Samples:
        """Return float32 samples, shape (n,), 16 kHz."""
        samples, rate_hz = soundfile.read(self.path, dtype="float32")
        assert rate_hz == RATE_HZ
        mono: Samples = samples if samples.ndim == 1 else samples.mean(axis=1)
        return mono


def folder(path: Path) -> list[Recording]:
    """Return the recordings that a folder's manifest.json lists."""
    items = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
    return [
        Recording(
            path / item["file"], item.get("text", ""), item.get("language", ""), item["duration"]
        )
        for item in items
    ]


def recording(name: str) -> Recording:
    """Return one recording by folder and file, as in `en/short-jfk.flac`."""
    found = [one for one in folder((SPEECH / name).parent) if one.path.name == Path(name).name]
    assert found, f"{name} is not in a manifest"
    return found[0]


def blobs(stream: str) -> list[bytes]:
    """Return the blobs of a real MediaRecorder: `webm-opus` or `mp4-opus`, one every 400 ms."""
    manifest = json.loads((DATA / "mediarecorder/manifest.json").read_text(encoding="utf-8"))
    names = next(one["blobs"] for one in manifest["streams"] if one["name"] == stream)
    return [(DATA / "mediarecorder" / name).read_bytes() for name in names]


def blobs_text() -> str:
    """Return what is spoken in the MediaRecorder blobs."""
    manifest = json.loads((DATA / "mediarecorder/manifest.json").read_text(encoding="utf-8"))
    text: str = manifest["text"]
    return text


def encode(samples: Samples, file_format: str = "WAV", rate_hz: int = RATE_HZ) -> bytes:
    """Return the samples as a file in one of libsndfile's formats."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate_hz, format=file_format)
    return buffer.getvalue()


def wav_chunks(samples: Samples, seconds: float) -> list[bytes]:
    """Cut samples into wav files of that many seconds."""
    size = int(seconds * RATE_HZ)
    return [encode(samples[at : at + size]) for at in range(0, len(samples), size)]


def webm_opus(samples: Samples) -> bytes:
    """Return the samples as one webm/opus stream with a cluster every 400 ms, as Chrome's."""
    buffer = io.BytesIO()
    options = {"cluster_time_limit": "400", "live": "1"}
    with av.open(buffer, "w", format="webm", options=options) as container:
        stream = container.add_stream("libopus", rate=48_000)
        stream.bit_rate = 32_000
        pcm = (np.clip(samples, -1, 1) * 32767).astype(np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
        frame.sample_rate = RATE_HZ
        resampler = av.AudioResampler("s16", "mono", 48_000, frame_size=960)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def cut_anywhere(data: bytes, pieces: int, seed: int = 0) -> list[bytes]:
    """Cut bytes into about equal pieces whose borders mean nothing to the container."""
    jitter = np.random.default_rng(seed).integers(-200, 200, pieces - 1)
    borders = np.arange(1, pieces) * len(data) // pieces + jitter
    ends = [0, *np.sort(np.clip(borders, 50, len(data))).tolist(), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(ends)]


def grouped(items: Sequence[bytes], size: int) -> list[list[bytes]]:
    """Group blobs, as a client that posts several at a time."""
    return [list(items[at : at + size]) for at in range(0, len(items), size)]
