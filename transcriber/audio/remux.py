"""The sound of a session as one file that plays: packets moved to a new container, not decoded.

A recorder's own file has no length and no index. And a session may be more than one file: of a
recorder that began anew, or one per chunk. What goes on in the same codec is joined to one.
"""

from __future__ import annotations

import io
import itertools
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, BinaryIO

import av

from transcriber.audio.containers import FLAC, MP3, MP4, OGG, WAV, WEBM
from transcriber.audio.decode import open_container
from transcriber.audio.errors import Undecodable
from transcriber.audio.pcm import PcmFormat, PcmReader

_CONTAINERS = {one.name: one for one in (WEBM, MP4, OGG, WAV, FLAC, MP3)}
# FFmpeg's muxers by the endings of the files that they make.
MUXERS = {
    "webm": "webm",
    "mka": "matroska",
    "mp4": "mp4",
    "ogg": "ogg",
    "wav": "wav",
    "flac": "flac",
    "mp3": "mp3",
}
_WEBM_CODECS = ("opus", "vorbis")
# Streams of these go together though what they say of themselves at their beginning differs.
_ALIKE = ("opus", "flac")
# If less of a stream comes out of it, something else than sound is in it, or was lost in there.
_LEAST_SOUND = 0.5
_UNKNOWN_SIZE = 0xFFFFFFFF


@dataclass(frozen=True)
class Stream:
    """A stretch of a session's bytes that is a file of its own.

    Attributes:
        length: its bytes.
        container: its name; None for raw PCM, or if the bytes begin like nothing that is known.
        pcm: the format if it is raw PCM.
        lost: chunks just before it that never came.
        chunks: how many chunks came before it.
    """

    length: int
    container: str | None = None
    pcm: PcmFormat | None = None
    lost: int = 0
    chunks: int = 0


def remux(
    file: BinaryIO, streams: Sequence[Stream], new_output: Callable[[str], BinaryIO]
) -> Iterator[int]:
    """Move the sound of streams to as few files as possible.

    Args:
        file: holds the streams' bytes, one after the other; seekable.
        streams: which these are.
        new_output: called with an ending, gives the file for what comes next.

    Yields:
        The numbers of streams whose own bytes are to be kept: nothing can read them, or they hold
        more than was moved.

    Raises:
        FFmpegError, ValueError: something fits into no file.
    """
    endings = _Endings(streams)
    output: _Output | None = None
    at = 0
    try:
        for number, stream in enumerate(streams):
            opened = _opened(_Window(file, at, stream.length), stream)
            at += stream.length
            if opened is None:
                yield number
                continue
            with closing(opened):
                packets = _Packets(opened)
                if packets.first is None:
                    yield number
                    continue
                kind = _kind(opened.streams.audio[0], endings.of(stream, opened))
                if output is None or output.kind != kind:
                    received_s = output.received_s if output else Fraction()
                    if output is not None:
                        output.close()
                    output = _Output(kind, opened, new_output(kind[0]), received_s)
                output.take(packets, stream)
                if not packets.whole or packets.sound < _LEAST_SOUND * stream.length:
                    yield number
    finally:
        if output is not None:
            output.close()


class _Endings:
    """Which ending the file gets that a stream goes to."""

    def __init__(self, streams: Sequence[Stream]) -> None:
        # Joined, their frames have the wrong numbers: a container around them knows better.
        self._many_flac = sum(one.container == FLAC.name for one in streams) > 1

    def of(self, stream: Stream, opened: Any) -> str:
        codec = opened.streams.audio[0].codec_context.codec.canonical_name
        if stream.container == WEBM.name and codec not in _WEBM_CODECS:
            return "mka"
        if stream.container == FLAC.name and self._many_flac:
            return "mka"
        return stream.container or WAV.name


_Kind = tuple[str, str, int, int, bytes]


def _kind(stream: Any, ending: str) -> _Kind:
    """Return what streams of one file have in common."""
    codec = stream.codec_context
    name = codec.codec.canonical_name
    head = b"" if name in _ALIKE else bytes(codec.extradata or b"")
    return ending, name, codec.sample_rate, codec.channels, head


def _frame_bytes(codec: str, channels: int) -> int:
    """Return how many bytes a sample of all channels has; 0 if it is no PCM."""
    if not codec.startswith("pcm_"):
        return 0
    bits = "".join(filter(str.isdigit, codec)) or "8"  # A-law and µ-law
    return int(bits) // 8 * channels


class _Packets:
    """The packets of a file's sound.

    Attributes:
        first: the first of them, if there is any.
        sound: how many bytes they had so far.
        whole: whether nothing was wrong so far.
    """

    def __init__(self, opened: Any) -> None:
        self.sound, self.whole = 0, True
        self._packets = self._read(opened)
        self.first = next(self._packets, None)

    def __iter__(self) -> Iterator[Any]:
        return itertools.chain([self.first], self._packets)

    def _read(self, opened: Any) -> Iterator[Any]:
        stream = opened.streams.audio[0]
        try:
            for packet in opened.demux(stream):
                if packet.is_corrupt:
                    packet = self._usable(packet, stream)
                if packet.size:
                    self.sound += packet.size
                    yield packet
        except (av.error.InvalidDataError, av.error.EOFError):
            self.whole = False

    def _usable(self, packet: Any, stream: Any) -> Any:
        """Return what can be used of a packet that was cut off: of PCM all whole frames."""
        frame_bytes = _frame_bytes(stream.codec_context.codec.canonical_name, stream.channels)
        if not frame_bytes:
            self.whole = False
            return av.Packet()
        usable = av.Packet(bytes(packet)[: packet.size - packet.size % frame_bytes])
        usable.time_base, usable.pts = packet.time_base, packet.pts
        usable.duration = round(usable.size // frame_bytes / (stream.rate * packet.time_base))
        return usable


class _Output:
    """A file that streams of one kind are moved to, one behind the other."""

    def __init__(self, kind: _Kind, first: Any, file: BinaryIO, received_s: Fraction) -> None:
        self.kind = kind
        self.received_s = received_s  # also in files before
        self._file = file
        self._container: Any = av.open(file, "w", format=MUXERS[kind[0]])
        self._stream = self._container.add_stream_from_template(first.streams.audio[0])
        self._end_s = Fraction()  # where what was moved ends

    def close(self) -> None:
        self._container.close()
        self._file.close()

    def take(self, packets: _Packets, stream: Stream) -> None:
        """Move a stream's packets."""
        if stream.lost and stream.chunks:
            self._leave_gap(stream.lost * self.received_s / stream.chunks)
        shift_s: Fraction | None = None
        began_s = self._end_s
        for packet in packets:
            unit = packet.time_base
            told_s = self._end_s if packet.pts is None else packet.pts * unit
            if shift_s is None:
                # A recording that is followed from its middle on begins here; what is below
                # nothing is the codec's delay, which is for nobody to hear.
                begins = told_s > 0 or self._end_s > 0
                shift_s = self._end_s - told_s if begins else Fraction()
            if told_s + shift_s < self._end_s - unit:  # a clock that was set back
                shift_s = self._end_s - told_s
            self._move(packet, told_s + shift_s)
        self.received_s += self._end_s - began_s

    def _move(self, packet: Any, at_s: Fraction) -> None:
        unit = packet.time_base
        packet.pts = packet.dts = round(at_s / unit)
        self._end_s = at_s + (packet.duration or 0) * unit
        packet.stream = self._stream
        self._container.mux(packet)

    def _leave_gap(self, seconds: Fraction) -> None:
        """Leave room for what was lost, so that what follows is where the transcript has it."""
        ending, codec, rate_hz, channels, _ = self.kind
        frame_bytes = _frame_bytes(codec, channels)
        if ending == "wav" and frame_bytes and codec.startswith(("pcm_s", "pcm_f")):
            left = round(seconds * rate_hz)
            while left > 0:
                count = min(left, rate_hz)
                packet = av.Packet(bytes(count * frame_bytes))
                packet.time_base, packet.duration = Fraction(1, rate_hz), count
                self._move(packet, self._end_s)
                left -= count
        else:
            self._end_s += seconds


def _opened(source: _Window, stream: Stream) -> Any | None:
    """Return a stream's container, raw PCM as a WAV file; None if nothing can read it."""
    try:
        if stream.pcm is not None:
            return open_container(_Pcm(source, stream.pcm), WAV)
        return open_container(source, _CONTAINERS[stream.container]) if stream.container else None
    except Undecodable:
        return None


class _Window(io.RawIOBase):
    """A part of a file, as a file."""

    def __init__(self, file: BinaryIO, start: int, length: int) -> None:
        self._file = file
        self._start, self._length, self._at = start, length, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = max(0, offset + (0, self._at, self._length)[whence])
        return self._at

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._length - self._at)
        self._file.seek(self._start + self._at)
        data = self._file.read(left if size < 0 else min(size, left))
        self._at += len(data)
        return data


class _Pcm:
    """Raw PCM as a WAV file, to be read from beginning to end."""

    def __init__(self, data: _Window, fmt: PcmFormat) -> None:
        self._data = data
        self._reader = PcmReader(fmt)
        frame_bytes = 2 * fmt.channels
        about = (1, fmt.channels, fmt.rate_hz, fmt.rate_hz * frame_bytes, frame_bytes, 16)
        self._ready = (
            struct.pack("<4sI4s4sI", b"RIFF", _UNKNOWN_SIZE, b"WAVE", b"fmt ", 16)
            + struct.pack("<HHIIHH", *about)
            + struct.pack("<4sI", b"data", _UNKNOWN_SIZE)
        )

    def read(self, size: int) -> bytes:
        while not self._ready and (raw := self._data.read(max(size, 1 << 16))):
            self._ready = self._reader.read(raw).astype("<i2").tobytes()
        data, self._ready = self._ready[:size], self._ready[size:]
        return data
