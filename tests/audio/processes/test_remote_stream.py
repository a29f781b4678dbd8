"""A stream in another process: the same audio, whatever becomes of that process."""

from __future__ import annotations

import os
import signal

import numpy as np
import psutil
import pytest

from tests.audio.processes.conftest import DEADLINE_S
from tests.support.recordings import (
    RATE_HZ,
    Samples,
    blobs,
    cut_anywhere,
    encode,
    recording,
    wav_chunks,
    webm_opus,
)
from transcriber.audio.container_thread import Piece
from transcriber.audio.errors import NoDecoder, NotAudio, TooLong, Undecodable
from transcriber.audio.pcm import PcmFormat
from transcriber.audio.processes.children import Children, DecoderProcess
from transcriber.audio.processes.remote_stream import RemoteStream
from transcriber.audio.stream import Stream, StreamDecoder

SPEECH = recording("en/short-jfk.flac").samples()
PCM = PcmFormat(RATE_HZ, order="little")
# What the filter holds, each time it is begun anew; in samples.
LITTLE = 0.003 * RATE_HZ
CHUNKS = {
    "webm": blobs("webm-opus")[:40],
    "mp4": blobs("mp4-opus")[:40],
    "webm cut anywhere": cut_anywhere(webm_opus(SPEECH), 30),
    "wav": wav_chunks(SPEECH, 0.5),
    "ogg": cut_anywhere(encode(SPEECH, "OGG"), 20),
    "mp3": cut_anywhere(encode(SPEECH, "MP3"), 20),
    "pcm": cut_anywhere((SPEECH * 32767).astype("<i2").tobytes(), 20),
}


def samples(pieces: list[Piece]) -> Samples:
    return np.concatenate([np.zeros(0, np.float32), *(piece.samples for piece in pieces)])


def fed(stream: Stream, kind: str, chunks: list[bytes] | None = None) -> list[Piece]:
    pcm = PCM if kind == "pcm" else None
    return [piece for data in chunks or CHUNKS[kind] for piece in stream.feed(data, pcm)]


def here(kind: str) -> Samples:
    stream = StreamDecoder(300.0)
    return samples(fed(stream, kind) + stream.finish())


def kill(children: Children) -> None:
    for pid in children.pids:
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def stream(children: Children) -> RemoteStream:
    return RemoteStream(children, 300.0)


@pytest.mark.parametrize("kind", CHUNKS)
def test_the_audio_is_the_same_as_when_it_is_decoded_here(kind: str, stream: RemoteStream) -> None:
    there = fed(stream, kind) + stream.finish()
    assert np.array_equal(samples(there), here(kind))


@pytest.mark.parametrize("kind", ["webm", "mp4", "webm cut anywhere"])
@pytest.mark.parametrize("at", [1, 2, 17, 29])
def test_not_a_sample_is_lost_when_the_process_is_killed(
    kind: str, at: int, stream: RemoteStream, children: Children
) -> None:
    chunks = CHUNKS[kind]
    pieces = fed(stream, kind, chunks[:at])
    kill(children)
    pieces += fed(stream, kind, chunks[at:]) + stream.finish()
    assert np.array_equal(samples(pieces), here(kind))
    assert not any(piece.gap_s or piece.damaged for piece in pieces)


@pytest.mark.parametrize("kind", ["wav", "pcm", "ogg", "mp3"])
def test_other_kinds_go_on_too_and_lose_no_more_than_the_filter_holds(
    kind: str, stream: RemoteStream, children: Children
) -> None:
    chunks = CHUNKS[kind]
    pieces = fed(stream, kind, chunks[:9])
    kill(children)
    pieces += fed(stream, kind, chunks[9:]) + stream.finish()
    assert abs(len(samples(pieces)) - len(here(kind))) < LITTLE


def test_a_process_that_hangs_is_ended_and_the_stream_goes_on(
    stream: RemoteStream, children: Children
) -> None:
    pieces = fed(stream, "webm", CHUNKS["webm"][:10])
    before = children.ended
    for pid in children.pids:
        os.kill(pid, signal.SIGSTOP)
    pieces += fed(stream, "webm", CHUNKS["webm"][10:]) + stream.finish()
    assert np.array_equal(samples(pieces), here("webm"))
    assert children.ended == before + 1


def test_bytes_that_take_more_memory_than_there_is_are_refused_and_the_stream_goes_on() -> None:
    children = Children(1, DEADLINE_S, memory_bytes=24 << 20)
    try:
        stream = RemoteStream(children, 3600.0)
        pieces = fed(stream, "wav", CHUNKS["wav"][:4])
        with pytest.raises(Undecodable, match="end whatever decodes them"):
            stream.feed(encode(np.zeros(600 * RATE_HZ, np.float32), "FLAC"))
        pieces += fed(stream, "wav", CHUNKS["wav"][4:]) + stream.finish()
        assert abs(len(samples(pieces)) - len(SPEECH)) < LITTLE
        assert children.ended == 2
    finally:
        children.stop()


def test_the_streams_of_the_other_process_notice_nothing(children: Children) -> None:
    ours, other = RemoteStream(children, 300.0), RemoteStream(children, 300.0)
    fed(ours, "webm", CHUNKS["webm"][:5])
    pieces = fed(other, "webm", CHUNKS["webm"][:5])
    asked = [pid for pid in children.pids if pid == ours.pid]
    os.kill(asked[0], signal.SIGSTOP)
    before = children.ended
    pieces += fed(other, "webm", CHUNKS["webm"][5:]) + other.finish()
    assert np.array_equal(samples(pieces), here("webm"))
    assert children.ended == before
    os.kill(asked[0], signal.SIGCONT)


def test_a_loss_is_got_over_as_here(stream: RemoteStream, children: Children) -> None:
    local = StreamDecoder(300.0)
    expected, pieces = (
        fed(local, "webm", CHUNKS["webm"][:5]),
        fed(stream, "webm", CHUNKS["webm"][:5]),
    )
    expected += local.lost()
    pieces += stream.lost()
    kill(children)
    expected += fed(local, "webm", CHUNKS["webm"][8:])
    pieces += fed(stream, "webm", CHUNKS["webm"][8:])
    assert [piece.gap_s for piece in pieces] == pytest.approx([one.gap_s for one in expected])
    assert abs(len(samples(pieces)) - len(samples(expected))) < LITTLE
    local.close()


@pytest.mark.parametrize(
    "data, error",
    [
        (b"This is no audio at all.", NotAudio),
        (b"fLaC" + bytes(60), Undecodable),
        (encode(np.zeros(4 * RATE_HZ, np.float32)), TooLong),
    ],
)
def test_errors_are_those_of_a_stream_that_is_decoded_here(
    data: bytes, error: type[Exception], children: Children
) -> None:
    stream, local = RemoteStream(children, 3.0), StreamDecoder(3.0)
    with pytest.raises(error) as there:
        stream.feed(data)
    with pytest.raises(error) as expected:
        local.feed(data)
    assert str(there.value) == str(expected.value)
    assert len(samples(fed(stream, "wav"))) == len(SPEECH)


def test_a_stream_that_is_closed_leaves_nothing_in_the_process(children: Children) -> None:
    process = {pid: psutil.Process(pid) for pid in children.pids}
    first = RemoteStream(children, 300.0)
    fed(first, "webm", CHUNKS["webm"][:3])
    threads = process[first.pid or 0].num_threads()
    for _ in range(20):
        one, other = RemoteStream(children, 300.0), RemoteStream(children, 300.0)
        for stream in (one, other):
            fed(stream, "webm", CHUNKS["webm"][:3])
            stream.close()
    fed(first, "webm", CHUNKS["webm"][3:4])
    assert process[first.pid or 0].num_threads() <= threads + 1


@pytest.mark.parametrize(
    "answer",
    [
        ({"pieces": [[3, 0.0, False]], "checkpoint": None}, b"\0" * 8),
        ({"pieces": [[-1, 0.0, False]], "checkpoint": None}, b""),
        ({"pieces": [[2, float("nan"), False]], "checkpoint": None}, b"\0" * 8),
        ({"pieces": [[2, 1e9, False]], "checkpoint": None}, b"\0" * 8),
        ({"pieces": [[2, 0.0, False]], "checkpoint": None}, b"\xff" * 8),
        ({"pieces": "none", "checkpoint": None}, b""),
        ({"error": "SystemExit", "detail": "", "checkpoint": None}, b""),
        ({"pieces": [], "checkpoint": [1, 2]}, b""),
        ({}, b""),
    ],
)
def test_a_process_that_says_what_makes_no_sense_is_replaced(
    answer: tuple[dict[str, object], bytes],
    stream: RemoteStream,
    children: Children,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pieces = fed(stream, "webm", CHUNKS["webm"][:5])
    before, asked = children.ended, DecoderProcess.ask

    def ask(self: DecoderProcess, head: dict[str, object], body: bytes) -> object:
        asked(self, head, body)
        monkeypatch.undo()  # it is itself again, or another one
        return answer[0], bytearray(answer[1])

    monkeypatch.setattr(DecoderProcess, "ask", ask)
    pieces += fed(stream, "webm", CHUNKS["webm"][5:]) + stream.finish()
    assert children.ended == before + 1
    assert np.array_equal(samples(pieces), here("webm"))


def test_bytes_are_not_taken_while_no_process_can_be_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    children = Children(1, DEADLINE_S)
    stream = RemoteStream(children, 300.0)
    with monkeypatch.context() as broken:
        broken.setattr("sys.executable", "/nowhere/python")
        with pytest.raises(NoDecoder):
            stream.feed(CHUNKS["webm"][0])
        assert not stream.lost()
    try:
        pieces = fed(stream, "webm") + stream.finish()
        assert np.array_equal(samples(pieces), here("webm"))
    finally:
        children.stop()
