"""A session's bytes in one file, and where in it each of its streams is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import IO

from transcriber.audio.containers import HEAD_BYTES, Container, starts_new_stream
from transcriber.audio.pcm import PcmFormat
from transcriber.audio.processes.remote_remux import Moved, NewFile
from transcriber.audio.remux import Stream
from transcriber.live.ledger import StoredChunk
from transcriber.live.snapshot import Kind

_BLOCK_BYTES = 1 << 20

Remux = Callable[[IO[bytes], Sequence[Stream], NewFile], Moved]


class Spool:
    """See the module.

    Args:
        file: takes the bytes.
        kind: of an upload each file is a stream, or continues the one before; in a session, each
            part of a chunk may be.

    Attributes:
        file: the same.
        streams: the streams so far.
        next_sequence: the sequence that would come next.
    """

    def __init__(self, file: IO[bytes], kind: Kind) -> None:
        self.streams: list[Stream] = []
        self.next_sequence = 0
        self.file = file
        self._kind = kind
        self._container: Container | None = None
        self._within = False  # an upload's file that goes on
        self._chunks = self._lost = 0

    def add(self, chunks: Iterable[StoredChunk]) -> None:
        """Add chunks, in order of sequence."""
        for one in chunks:
            self.next_sequence = one.sequence + 1
            if one.chunk is None:
                self._lost += 1
                continue
            for part in one.chunk.parts:
                if part.data:
                    self._add_part(part.data, part.pcm)
                    self._within = self._kind == "upload"
            self._within = self._within and not one.chunk.final
            self._chunks += 1

    def _add_part(self, data: bytes, pcm: PcmFormat | None) -> None:
        self.file.write(data)
        if not self._goes_on(data, pcm):
            name = self._container.name if self._container else None
            self.streams.append(Stream(0, name, pcm, self._lost, self._chunks))
        last = self.streams[-1]
        self.streams[-1] = replace(last, length=last.length + len(data))
        self._lost = 0

    def _goes_on(self, data: bytes, pcm: PcmFormat | None) -> bool:
        """Tell whether bytes continue the last stream; if not, note what they begin."""
        if self._within:
            return True
        if pcm is not None:
            self._container = None
            return bool(self.streams) and self.streams[-1].pcm == pcm and not self._lost
        found = starts_new_stream(data[:HEAD_BYTES], self._container)
        if found is None and self.streams and self.streams[-1].pcm is None:
            return True
        self._container = found
        return False


def audio_files(spool: Spool, remux: Remux, new_file: NewFile) -> list[tuple[str, IO[bytes]]]:
    """Return the files of a session's audio by their names, each at its beginning.

    Raises:
        NoDecoder, OSError: they can't be made now.
    """
    if not spool.streams:
        return []
    spool.file.flush()
    moved = remux(spool.file, spool.streams, new_file)
    files = [(_name("audio", n, ending), file) for n, (ending, file) in enumerate(moved.files, 1)]
    for number, kept in enumerate(moved.kept, 1):
        stream = spool.streams[kept]
        ending = stream.container or ("pcm" if stream.pcm else "bin")
        files.append((_name("original", number, ending), _copy(spool, kept, new_file())))
    for _, file in files:
        file.seek(0)
    return files


def _name(kind: str, number: int, ending: str) -> str:
    return f"{kind}-{number}.{ending}" if number > 1 else f"{kind}.{ending}"


def _copy(spool: Spool, number: int, file: IO[bytes]) -> IO[bytes]:
    """Copy the bytes of one stream."""
    spool.file.seek(sum(one.length for one in spool.streams[:number]))
    left = spool.streams[number].length
    while left:
        data = spool.file.read(min(left, _BLOCK_BYTES))
        file.write(data)
        left -= len(data)
    return file
