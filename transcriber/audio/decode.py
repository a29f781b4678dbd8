"""Decoding with FFmpeg (PyAV) to what the model wants: 16 kHz, mono, float32 in -1…1."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import av

from transcriber.audio.containers import (
    ACCEPTED_TEXT,
    CODECS,
    HEAD_BYTES,
    Container,
    sniff,
    starts_new_stream,
)
from transcriber.audio.errors import NotAudio, TooLong, Undecodable
from transcriber.audio.pcm import (
    MAX_CHANNELS,
    MAX_RATE_HZ,
    MIN_RATE_HZ,
    PcmFormat,
    PcmReader,
)
from transcriber.audio.resample import (
    SAMPLE_RATE_HZ,
    Resampler,
    Samples,
    pcm_frame,
)

_PCM_BLOCK_BYTES = 1 << 20


def open_container(source: Any, container: Container) -> Any:
    """Open `source` with exactly the demuxer of `container`, and no way to open anything else.

    Raises:
        Undecodable: the header is damaged, or there is no usable audio stream.
    """
    try:
        opened: Any = av.open(
            source,
            mode="r",
            format=container.demuxer,
            metadata_errors="ignore",
            container_options={
                "format_whitelist": "matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,ogg,wav,flac,mp3",
                "codec_whitelist": CODECS,
                "protocol_whitelist": "",
            },
        )
    except (av.error.FFmpegError, ValueError) as error:
        raise Undecodable(
            f"The {container.name} header can't be read ({_reason(error)})."
        ) from None
    try:
        _check_stream(opened, container)
    except Undecodable:
        opened.close()
        raise
    return opened


def _check_stream(opened: Any, container: Container) -> None:
    streams = opened.streams.audio
    if not streams or streams[0].codec_context is None:
        raise Undecodable(f"The {container.name} file has no audio stream in a supported codec.")
    codec = streams[0].codec_context
    # An absurd header must not become absurd work: 1 kB at 1 Hz would be a quarter of an hour.
    if not MIN_RATE_HZ <= codec.sample_rate <= MAX_RATE_HZ:
        raise Undecodable(f"A sample rate of {codec.sample_rate} Hz can't be used.")
    if not 1 <= codec.channels <= MAX_CHANNELS:
        raise Undecodable(f"{codec.channels} channels can't be used.")


def decoded_frames(opened: Any) -> Iterator[Any]:
    """Yield the frames of the first audio stream; a damaged packet is skipped.

    Raises:
        Undecodable: the container itself breaks off in a way that can't be skipped.
    """
    stream = opened.streams.audio[0]
    stream.thread_type = "NONE"
    try:
        for packet in opened.demux(stream):
            try:
                yield from packet.decode()
            except av.error.InvalidDataError:
                continue
    except av.error.EOFError:
        return
    except (av.error.FFmpegError, ValueError) as error:
        raise Undecodable(f"The audio breaks off ({_reason(error)}).") from None


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


@dataclass(frozen=True)
class Part:
    """One part of an upload: its bytes, and the format if it was declared as raw PCM."""

    data: BinaryIO
    pcm: PcmFormat | None = None


def decode_recording(parts: Sequence[Part], max_s: float) -> Iterator[Samples]:
    """Decode a whole recording, block by block, in bounded memory.

    Args:
        parts: seekable files. A part that begins like no container continues the one before,
            as the later blobs of MediaRecorder do.
        max_s: the most seconds of audio to decode.

    Yields:
        float32 arrays of shape (n,), 16 kHz mono.

    Raises:
        NotAudio: the first part is no container that is accepted.
        Undecodable: damaged beyond use.
        TooLong: more than `max_s` seconds; raised once they have been yielded.
    """
    resampler = Resampler()
    budget = int(max_s * SAMPLE_RATE_HZ)
    for file in map(_joined, files_of(parts)):
        for block in _decode_file(file, resampler):
            yield block[:budget]
            budget -= len(block)
            if budget < 0:
                raise TooLong(max_s)
    yield resampler.flush()[: max(budget, 0)]


def files_of(parts: Sequence[Part]) -> list[list[Part]]:
    """Group the parts: each one that continues another with the file that it continues.

    Only the first bytes of each are looked at.

    Raises:
        NotAudio: one that continues none begins like no container that is accepted.
    """
    groups: list[list[Part]] = []
    current: Container | None = None
    for part in parts:
        head = part.data.read(HEAD_BYTES)
        part.data.seek(0)
        started = None if part.pcm else starts_new_stream(head, current)
        if part.pcm is not None or started is not None:
            groups.append([part])
            current = started
        elif current is not None:
            groups[-1].append(part)
        else:
            raise NotAudio(f"The upload is not audio of an accepted kind: {ACCEPTED_TEXT}.")
    return groups


def _joined(parts: Sequence[Part]) -> Part:
    if len(parts) == 1:
        return parts[0]
    return Part(io.BytesIO(b"".join(part.data.read() for part in parts)))


def _decode_file(file: Part, resampler: Resampler) -> Iterator[Samples]:
    if file.pcm is not None:
        reader = PcmReader(file.pcm)
        while data := file.data.read(_PCM_BLOCK_BYTES):
            samples = reader.read(data)
            if len(samples):
                yield resampler.push(pcm_frame(samples, file.pcm.rate_hz))
        return
    container = sniff(file.data.read(HEAD_BYTES))
    if container is None:
        raise NotAudio(f"The upload is not audio of an accepted kind: {ACCEPTED_TEXT}.")
    file.data.seek(0)
    decoded = False
    with open_container(file.data, container) as opened:
        try:
            for frame in decoded_frames(opened):
                decoded = True
                block = resampler.gather(frame)
                if len(block):
                    yield block
        except Undecodable:
            # A recording that was cut off is worth what can be got out of it.
            if not decoded:
                raise
        yield resampler.release()
    if not decoded:
        raise Undecodable(f"The {container.name} file holds no audio.")
