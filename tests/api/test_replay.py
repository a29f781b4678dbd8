"""Failover: the server of a session dies, and what is not final goes into a new session."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from tests.support.contract import problem
from tests.support.encoders import pcm
from tests.support.live import TIMEOUT_S, LiveSession, upload
from tests.support.recordings import RATE_HZ, blobs, grouped, recording, wav_chunks
from tests.support.scores import errors, normalised
from tests.support.server import Server
from tests.support.streams import AccessPoint, access_points

LENGTH_S = 28
SEAM = 5  # words that are compared where one session ends and the next begins
ASYNC = {"Prefer": "respond-async"}
# As browsers send it, which make the type of every blob lower-case.
PCM_TYPE = "audio/l16;rate=16000;channels=1;endianness=little-endian"
ANY_TYPE = "application/octet-stream"
JFK = recording("en/short-jfk.flac")
CHUNKS = wav_chunks(JFK.samples(), 2)


@dataclass(frozen=True)
class Stream:
    """A stream as a recorder made it: blobs of about 2 s, and where it can be entered."""

    chunks: tuple[bytes, ...]
    header: bytes
    points: tuple[AccessPoint, ...]
    content_type: str

    def from_point(self, point: AccessPoint) -> list[bytes]:
        """Return chunks that begin at an access point, with the header before it."""
        rest, start = [], 0
        for chunk in self.chunks:
            rest.append(chunk[max(0, point.offset - start) :])
            start += len(chunk)
        rest = [chunk for chunk in rest if chunk]
        return [self.header + rest[0], *rest[1:]]


@dataclass(frozen=True)
class Played:
    """A stream, the session it was sent to, and all that became final there."""

    stream: Stream
    session: LiveSession
    segments: list[dict[str, Any]]


def recorded(kind: str) -> Stream:
    """Return 28 s as real blobs (`webm-opus`, `mp4-opus`), or as raw PCM (`pcm`)."""
    if kind == "pcm":
        samples = recording("en/long-lj-1.flac").samples()[: LENGTH_S * RATE_HZ]
        data, size = pcm(samples), 4 * RATE_HZ
        points = [AccessPoint(2 * at * RATE_HZ // 10, at / 10) for at in range(10 * LENGTH_S)]
        chunks = [data[at : at + size] for at in range(0, len(data), size)]
        return Stream(tuple(chunks), b"", tuple(points), PCM_TYPE)
    every = blobs(kind)[: LENGTH_S * 5 // 2]
    data = b"".join(every)
    points = access_points(data)
    chunks = [b"".join(group) for group in grouped(every, 5)]
    return Stream(tuple(chunks), data[: points[0].offset], tuple(points), ANY_TYPE)


@pytest.fixture(scope="module", params=["webm-opus", "mp4-opus", "pcm"])
def played(server: Server, request: pytest.FixtureRequest) -> Played:
    """A session that nothing disturbed, with the reply to each of its chunks."""
    session, stream = LiveSession(server.url), recorded(request.param)
    session.post_all(stream.chunks, content_type=stream.content_type)
    return Played(stream, session, session.state()["segments"])


@pytest.fixture
def session(server: Server) -> Iterator[LiveSession]:
    """A session of its own for each test, removed at the end."""
    session = LiveSession(server.url)
    yield session
    requests.delete(f"{server.url}/sessions/{session.session_id}", timeout=TIMEOUT_S)


def text(segments: list[dict[str, Any]]) -> str:
    return " ".join(segment["text"] for segment in segments)


def replay(server: Server, stream: Stream, settled_s: float) -> list[dict[str, Any]]:
    """Send what is not settled to a new session, and return what becomes final there."""
    entry = [point for point in stream.points if point.start_s <= settled_s][-1]
    skip_s = settled_s - entry.start_s
    session = LiveSession(server.url, {"skip_s": f"{skip_s:.3f}"})
    chunks = stream.from_point(entry)
    for sequence, chunk in enumerate(chunks):
        last = sequence == len(chunks) - 1
        response = session.post(
            sequence, chunk, final=last, content_type=stream.content_type, headers=ASYNC
        )
        assert response.ok, response.text
        assert response.json()["settled"]["seconds"] >= skip_s - 0.001
        session.options = {}
    state = session.wait_ended()
    assert state["audio_seconds"]["lost"] == 0
    assert state["segments"][0]["start"] >= skip_s - 0.01
    segments: list[dict[str, Any]] = state["segments"]
    return segments


@pytest.mark.parametrize("answered", [5, 10, 13])
def test_no_word_is_lost_or_doubled_wherever_the_server_dies(
    answered: int, server: Server, played: Played
) -> None:
    """The last reply tells what was final by then; the rest is sent to another session.

    The first piece there has no context before it, so the model may hear a word differently.
    """
    settled = played.session.replies[answered - 1]["settled"]
    final, later = played.segments[: settled["segments"]], played.segments[settled["segments"] :]
    again = replay(server, played.stream, settled["seconds"])
    expected, got = normalised(text(later)).split(), normalised(text(again)).split()
    assert errors(" ".join(expected[:SEAM]), " ".join(got[:SEAM])).count <= 1, text(again)
    assert errors(" ".join(expected[-SEAM:]), " ".join(got[-SEAM:])).count <= 2, text(again)
    assert abs(len(got) - len(expected)) <= 2, text(again)
    whole = errors(text(played.segments), f"{text(final)} {text(again)}")
    assert whole.wer < 6, text(again)


def test_what_is_settled_grows_to_the_end_of_the_audio(played: Played) -> None:
    state = played.session.state()
    replies = [reply for _, reply in sorted(played.session.replies.items())]
    settled = [*(reply["settled"] for reply in replies), state["settled"]]
    for before, after in itertools.pairwise(settled):
        assert before["seconds"] <= after["seconds"]
        assert before["segments"] <= after["segments"]
    assert state["settled"]["segments"] == len(state["segments"])
    assert state["settled"]["seconds"] == pytest.approx(
        state["audio_seconds"]["received"], abs=0.002
    )


# -- the fields ----------------------------------------------------------------------------------


def test_watchers_are_told_what_is_settled_too(session: LiveSession) -> None:
    watch_id = session.post(0, CHUNKS[0]).json()["watch_id"]
    watched = requests.get(f"{session.url}/watch/{watch_id}", timeout=TIMEOUT_S).json()
    assert watched["settled"] == session.state()["settled"] == {"seconds": 0.0, "segments": 0}


def test_skipped_audio_is_neither_transcribed_nor_counted(session: LiveSession) -> None:
    session.options = {"skip_s": str(JFK.duration_s)}
    body = session.post(0, JFK.data, final=True).json()
    assert (body["text"], body["segments"], body["final"]) == ("", [], True)
    assert set(body["audio_seconds"].values()) == {0}
    assert body["settled"]["seconds"] == pytest.approx(JFK.duration_s, abs=0.001)


def test_the_first_chunk_again_with_its_skip_gets_the_stored_reply(session: LiveSession) -> None:
    session.options = {"skip_s": "0.7"}
    first, again = (session.post(0, CHUNKS[0]) for _ in range(2))
    assert again.headers["Idempotent-Replay"] == "true"
    assert again.json() == first.json()
    session.options = {"skip_s": "0.8"}
    problem(session.post(0, CHUNKS[0]), 422, "sequence-reused", "sequence")


@pytest.mark.parametrize("skip_s", ["-1", "86400", "nan", "a bit"])
def test_a_skip_that_cant_be_is_refused(skip_s: str, session: LiveSession) -> None:
    session.options = {"skip_s": skip_s}
    problem(session.post(0, CHUNKS[0]), 400, "bad-field", "skip_s")


def test_a_skip_belongs_to_the_first_chunk(session: LiveSession) -> None:
    session.post(0, CHUNKS[0])
    session.options = {"skip_s": "0"}
    problem(session.post(1, CHUNKS[1]), 400, "bad-field", "skip_s")
    problem(upload(session.url, JFK.data, skip_s="1"), 400, "bad-field", "skip_s")
