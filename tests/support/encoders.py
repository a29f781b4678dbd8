"""Encodings that libsndfile does not write, made with FFmpeg or by hand."""

from __future__ import annotations

import io
import struct

import av
import numpy as np

from tests.support.recordings import RATE_HZ, Samples


def m4a(samples: Samples) -> bytes:
    """Return the samples as an AAC file with its index at the end, as phones record it."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="ipod") as container:
        stream = container.add_stream("aac", rate=RATE_HZ, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="fltp", layout="mono")
        frame.sample_rate = RATE_HZ
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def pcm(samples: Samples, rate_hz: int = RATE_HZ, byte_order: str = "<") -> bytes:
    """Return raw 16-bit samples at another rate (linear interpolation does for speech)."""
    at = np.arange(0, len(samples), RATE_HZ / rate_hz)
    resampled = np.interp(at, np.arange(len(samples)), samples)
    data: bytes = (np.clip(resampled, -1, 1) * 32767).astype(f"{byte_order}i2").tobytes()
    return data


def wav_that_claims(rate_hz: int = RATE_HZ, channels: int = 1, data_bytes: int = 1000) -> bytes:
    """Return a kilobyte of wav whose header says this."""
    fmt = struct.pack("<HHIIHH", 1, channels, rate_hz, rate_hz * 2, 2, 16)
    return (
        b"RIFF"
        + struct.pack("<I", (36 + data_bytes) & 0xFFFFFFFF)
        + b"WAVEfmt "
        + struct.pack("<I", len(fmt))
        + fmt
        + b"data"
        + struct.pack("<I", data_bytes)
        + bytes(1000)
    )
