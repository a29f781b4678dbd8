"""Where in a session's bytes a file begins, and what files are made of them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import IO

from tests.support.recordings import RATE_HZ, blobs, encode, recording
from transcriber.archive.spool import Spool, audio_files
from transcriber.audio.pcm import PcmFormat
from transcriber.audio.processes.remote_remux import Moved
from transcriber.audio.remux import Stream
from transcriber.live.chunk import Chunk
from transcriber.live.intake import ChunkPart
from transcriber.live.ledger import StoredChunk
from transcriber.live.snapshot import Kind

WEBM = blobs("webm-opus")[:6]
WAV = encode(recording("en/short-austen-0880.flac").samples()[:RATE_HZ])
PCM = PcmFormat(RATE_HZ)


def chunk(
    sequence: int, *parts: bytes, pcm: PcmFormat | None = None, final: bool = False
) -> StoredChunk:
    stored = [ChunkPart(data, pcm) for data in parts]
    return StoredChunk(sequence, Chunk(sequence, stored, final), b"", None)


def lost(sequence: int) -> StoredChunk:
    return StoredChunk(sequence, None, b"", None)


def spooled(chunks: Sequence[StoredChunk], kind: Kind = "session") -> Spool:
    spool = Spool(io.BytesIO(), kind)
    spool.add(chunks)
    return spool


def streams(spool: Spool) -> list[tuple[str | None, int]]:
    return [(one.container, one.length) for one in spool.streams]


def test_a_recorders_blobs_are_one_stream_over_all_chunks() -> None:
    spool = spooled([chunk(0, *WEBM[:3]), chunk(1, WEBM[3]), chunk(2, *WEBM[4:], final=True)])
    assert streams(spool) == [("webm", sum(map(len, WEBM)))]
    assert spool.next_sequence == 3
    spool.file.seek(0)
    assert spool.file.read() == b"".join(WEBM)


def test_what_begins_anew_is_a_stream_of_its_own() -> None:
    spool = spooled([chunk(0, *WEBM), chunk(1, *WEBM), chunk(2, WAV), chunk(3, b"", final=True)])
    assert [name for name, _ in streams(spool)] == ["webm", "webm", "wav"]


def test_raw_pcm_goes_on_as_long_as_its_format_stays_and_nothing_is_lost() -> None:
    other = PcmFormat(48_000)
    spool = spooled(
        [
            chunk(0, b"12", pcm=PCM),
            chunk(1, b"34", b"56", pcm=PCM),
            lost(2),
            chunk(3, b"78", pcm=PCM),
            chunk(4, b"90", pcm=other),
        ]
    )
    assert spool.streams == [
        Stream(6, None, PCM),
        Stream(2, None, PCM, lost=1, chunks=2),
        Stream(2, None, other, chunks=3),
    ]


def test_chunks_lost_within_a_container_are_left_to_its_clock() -> None:
    spool = spooled([chunk(0, WEBM[0]), lost(1), chunk(2, WEBM[2]), lost(3)])
    assert spool.streams == [Stream(len(WEBM[0]) + len(WEBM[2]), "webm")]
    assert spool.next_sequence == 4


def test_an_upload_has_a_stream_for_each_file_whatever_its_pieces_begin_with() -> None:
    pieces = [chunk(0, WEBM[0]), chunk(1, WAV), chunk(2, WEBM[1], final=True)]
    spool = spooled([*pieces, chunk(3, WAV, final=True)], "upload")
    assert [name for name, _ in streams(spool)] == ["webm", "wav"]


def test_a_file_of_an_upload_that_begins_with_nothing_goes_on_with_the_one_before() -> None:
    spool = spooled([chunk(0, WEBM[0], final=True), chunk(1, WEBM[1], final=True)], "upload")
    assert streams(spool) == [("webm", len(WEBM[0]) + len(WEBM[1]))]


def test_files_are_numbered_and_what_is_kept_is_there_as_it_came() -> None:
    spool = spooled([chunk(0, b"none of ours"), chunk(1, WAV), chunk(2, b"12", pcm=PCM)])

    def remux(file: IO[bytes], streams: Sequence[Stream], new_file: object) -> Moved:
        made: list[tuple[str, IO[bytes]]] = [(name, io.BytesIO(b"made")) for name in ("wav", "mp4")]
        return Moved(made, [0, 1, 2])

    files = audio_files(spool, remux, io.BytesIO)
    contents = {name: file.read() for name, file in files}
    assert contents == {
        "audio.wav": b"made",
        "audio-2.mp4": b"made",
        "original.bin": b"none of ours",
        "original-2.wav": WAV,
        "original-3.pcm": b"12",
    }


def test_a_session_without_audio_has_no_file() -> None:
    spool = spooled([chunk(0, b"", final=True)])
    assert audio_files(spool, lambda *_: Moved(), io.BytesIO) == []
