"""Chunks that are whole files of their own: a wav, flac, ogg or m4a per POST.

Such a chunk can be decoded at once. Fed to a demuxer as a stream it could not: the demuxer
waits for the next chunk's bytes before it believes that this file has ended.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import soundfile

from transcriber.audio.containers import FLAC, MP4, OGG, WAV, Container
from transcriber.audio.decode import Part, decode_recording
from transcriber.audio.errors import TooLong
from transcriber.audio.pcm import MAX_CHANNELS, MAX_RATE_HZ, MIN_RATE_HZ
from transcriber.audio.resample import NO_SAMPLES, Resampler, Samples, float_frame

_OGG_LAST_PAGE = 0x04
_OGG_HEADER_BYTES = 27
_UNKNOWN_SIZE = 0xFFFFFFFF


def decode_whole(
    data: bytes, container: Container, resampler: Resampler, max_s: float
) -> Samples | None:
    """Decode `data` if it is one whole file that knows its own end; None if it may go on.

    Returns:
        float32 samples, shape (n,), 16 kHz mono, through the session's `resampler`.

    Raises:
        Undecodable: a whole file without usable audio.
        TooLong: more than `max_s` seconds.
    """
    if container is FLAC:
        return _read(data, container, resampler, max_s)
    is_whole = {MP4: _is_whole_mp4, WAV: _is_whole_wav, OGG: _is_whole_ogg}.get(container)
    if is_whole is None or not is_whole(data):
        return None
    samples = None if container is MP4 else _read(data, container, resampler, max_s)
    if samples is None:  # nothing more will come, so FFmpeg says what is wrong with it
        samples = np.concatenate([*decode_recording([Part(io.BytesIO(data))], max_s)])
    return samples


def _read(data: bytes, container: Container, resampler: Resampler, max_s: float) -> Samples | None:
    """Read with libsndfile; None if that can't, or finds less than the header promises."""
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            rate_hz, channels, promised = file.samplerate, file.channels, file.frames
            if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ or not 1 <= channels <= MAX_CHANNELS:
                return None
            if promised > max_s * rate_hz:
                if promised > len(data) * _MOST_FRAMES_PER_BYTE:
                    return None
                raise TooLong(max_s)
            samples = file.read(dtype="float32", always_2d=True)
    except soundfile.LibsndfileError:
        return None
    if len(samples) < promised or (not len(samples) and container is FLAC):
        return None  # FLAC leaves its length out where it was not known
    if not len(samples):
        return NO_SAMPLES
    return resampler.push(float_frame(samples, rate_hz))


# FLAC stores a block of up to 65,535 equal samples in about 12 bytes; a header that promises
# more than that is lying.
_MOST_FRAMES_PER_BYTE = 8_192


def _is_whole_wav(data: bytes) -> bool:
    size = int.from_bytes(data[4:8], "little")
    return size not in (0, _UNKNOWN_SIZE) and size + 8 <= len(data)


def _is_whole_ogg(data: bytes) -> bool:
    """Walk the pages: whole if the last one ends with the data and is flagged as last."""
    at, last = 0, False
    while data[at : at + 4] == b"OggS" and at + _OGG_HEADER_BYTES <= len(data):
        segments = data[at + 26]
        table = data[at + _OGG_HEADER_BYTES : at + _OGG_HEADER_BYTES + segments]
        last = bool(data[at + 5] & _OGG_LAST_PAGE)
        at += _OGG_HEADER_BYTES + segments + sum(table)
    return last and at == len(data)


def _is_whole_mp4(data: bytes) -> bool:
    """Not fragmented (as m4a files are), with its index and its sound in these very bytes."""
    kinds, end = [], 0
    for kind, start, end in _boxes(data):
        kinds.append(kind)
        if kind == b"moov" and b"mvex" in data[start:end]:
            return False
    return end == len(data) and b"moov" in kinds and b"mdat" in kinds


def _boxes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield (type, start, end) of the top-level boxes that lie wholly in `data`."""
    at = 0
    while at + 8 <= len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        elif size == 0:
            size = len(data) - at
        if size < 8 or at + size > len(data):
            return
        yield kind, at, at + size
        at += size
