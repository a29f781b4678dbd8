"""Failover: the server of a session dies, and what is not final goes into a new session."""

from __future__ import annotations

import itertools
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

LENGTH_S = 34  # the browser's recording pauses there
MOST_S = 8  # so much of what was said before is of use
SEAM = 20  # letters that are compared where one session ends and the next begins
# A word may be spelt otherwise. What nothing is said about before it may be misheard, or lost.
SPELT, MISHEARD = 5, 10
CHANCE = 4  # words of a text of 34 s that the model adds or leaves out one time and not the next
ASYNC = {"Prefer": "respond-async"}
# As browsers send it, which make the type of every blob lower-case.
PCM_TYPE = "audio/l16;rate=16000;channels=1;endianness=little-endian"
ANY_TYPE = "application/octet-stream"
JFK = recording("en/short-jfk.flac")
CHUNKS = wav_chunks(JFK.samples(), 2)
# Entered at fragments as WebM is at clusters.
MP4 = pytest.param("mp4-opus", marks=pytest.mark.soak)


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
    """A stream, the session it was sent to, all that became final there, and as one upload."""

    stream: Stream
    session: LiveSession
    segments: list[dict[str, Any]]
    whole: str


def recorded(kind: str) -> Stream:
    """Return 34 s as real blobs (`webm-opus`, `mp4-opus`), or as raw PCM (`pcm`)."""
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


@pytest.fixture(scope="module", params=["webm-opus", MP4, "pcm"])
def played(server: Server, request: pytest.FixtureRequest) -> Played:
    """A session that nothing disturbed, with the reply to each of its chunks."""
    session, stream = LiveSession(server.url), recorded(request.param)
    session.post_all(stream.chunks, content_type=stream.content_type)
    whole = requests.post(
        f"{server.url}/transcribe",
        data=b"".join(stream.chunks),
        headers={"Content-Type": stream.content_type},
        timeout=TIMEOUT_S,
    )
    return Played(stream, session, session.state()["segments"], whole.json()["text"])


def text(segments: list[dict[str, Any]]) -> str:
    return " ".join(segment["text"] for segment in segments)


def letters(segments: list[dict[str, Any]]) -> str:
    """Return the text without blanks: whether two words are one is a matter of taste."""
    return normalised(text(segments)).replace(" ", "")


def edits(seam: str, got: str, most: int) -> int:
    """Return how many letters differ in the best match of `seam` at the beginning of `got`."""
    lengths = range(max(0, len(seam) - most), len(seam) + most + 1)
    spelt = [" ".join(got[:length]) for length in lengths]
    return min(errors(" ".join(seam), one).count for one in spelt)


def skipped(settled_s: float, entry_s: float, final: list[dict[str, Any]]) -> dict[str, str]:
    """Return the fields that tell a new session what of its audio is final, and what was said."""
    skip_s = settled_s - entry_s
    words = [word for segment in final for word in segment["words"]]
    said = [word for word in words if word["start"] >= max(entry_s, settled_s - MOST_S)]
    fields = {"skip_s": f"{skip_s:.3f}"}
    if said:
        text_s = min(said[0]["start"] - entry_s, skip_s)
        joined = " ".join(word["word"] for word in said)
        fields |= {"skip_text": joined, "skip_text_s": f"{text_s:.3f}"}
    return fields


def replay(
    server: Server, stream: Stream, settled_s: float, context_s: float, final: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Send what is not settled to a new session, and return what becomes final there.

    Args:
        server: where to.
        stream: what was recorded.
        settled_s: up to where it is final.
        context_s: so much of what is final is sent again, with its text.
        final: the segments before `settled_s`.
    """
    before_s = max(0.0, settled_s - context_s)
    entry = [point for point in stream.points if point.start_s <= before_s][-1]
    fields = skipped(settled_s, entry.start_s, final if context_s else [])
    skip_s = float(fields["skip_s"])
    session = LiveSession(server.url, fields)
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


@pytest.mark.parametrize(
    "answered, context_s",
    [
        # Bare, it is the seam that counts, and one that comes late leaves less to hear again.
        pytest.param(5, 0.0, id="5-bare", marks=pytest.mark.soak),
        pytest.param(5, MOST_S, id="5-with context"),
        pytest.param(10, 0.0, id="10-bare", marks=pytest.mark.soak),
        pytest.param(10, MOST_S, id="10-with context", marks=pytest.mark.soak),
        pytest.param(13, 0.0, id="13-bare"),
        pytest.param(13, MOST_S, id="13-with context"),
    ],
)
def test_no_word_is_lost_or_doubled_wherever_the_server_dies(
    answered: int, context_s: float, server: Server, played: Played
) -> None:
    """The last reply tells what was final by then; the rest is sent to another session.

    Without context before its first piece the model may hear a word differently there.
    """
    settled = played.session.replies[answered - 1]["settled"]
    final, later = played.segments[: settled["segments"]], played.segments[settled["segments"] :]
    again = replay(server, played.stream, settled["seconds"], context_s, final)
    expected, got = letters(later), letters(again)
    most = SPELT if context_s else MISHEARD
    assert edits(expected[:SEAM], got, most) <= most, text(again)
    undisturbed = errors(played.whole, text(played.segments))
    both = errors(played.whole, f"{text(final)} {text(again)}")
    assert both.deletions <= undisturbed.deletions + CHANCE, text(again)
    assert both.insertions <= undisturbed.insertions + CHANCE, text(again)


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
    fields = {"skip_s": "0.7", "skip_text": "And so", "skip_text_s": "0.2"}
    session.options = fields
    first, again = (session.post(0, CHUNKS[0]) for _ in range(2))
    assert again.headers["Idempotent-Replay"] == "true"
    assert again.json() == first.json()
    for name, other in (("skip_s", "0.8"), ("skip_text", "And"), ("skip_text_s", "0.1")):
        session.options = {**fields, name: other}
        problem(session.post(0, CHUNKS[0]), 422, "sequence-reused", "sequence")


def test_what_was_said_before_is_context_and_not_told_again(session: LiveSession) -> None:
    said, skip_s = "And so my fellow Americans, ask not", 4.8
    session.options = {"skip_s": str(skip_s), "skip_text": said, "skip_text_s": "0.3"}
    for sequence, chunk in enumerate(CHUNKS):
        session.post(sequence, chunk, final=sequence == len(CHUNKS) - 1)
        session.options = {}
    rest = JFK.text.split("ask not")[1]
    assert errors(rest, session.text()).count <= 2, session.text()


@pytest.mark.parametrize("skip_s", ["-1", "86400", "nan", "a bit"])
def test_a_skip_that_cant_be_is_refused(skip_s: str, session: LiveSession) -> None:
    session.options = {"skip_s": skip_s}
    problem(session.post(0, CHUNKS[0]), 400, "bad-field", "skip_s")


@pytest.mark.parametrize(
    "skip_s, text_s",
    [
        pytest.param("1.5", "1.6", id="behind what is skipped"),
        pytest.param("1.5", "-1", id="before the start"),
        pytest.param("1.5", "early", id="no number"),
        pytest.param("", "0.5", id="nothing is skipped"),
    ],
)
def test_what_was_said_lies_in_what_is_skipped(
    skip_s: str, text_s: str, session: LiveSession
) -> None:
    session.options = {"skip_s": skip_s, "skip_text": "And so", "skip_text_s": text_s}
    problem(session.post(0, CHUNKS[0]), 400, "bad-field", "skip_text_s")


@pytest.mark.parametrize("text", ["a" * 2001, "a\x00b"])
def test_text_that_no_model_could_take_is_refused(text: str, session: LiveSession) -> None:
    session.options = {"skip_s": "1", "skip_text": text}
    problem(session.post(0, CHUNKS[0]), 400, "bad-field", "skip_text")


@pytest.mark.parametrize("name, value", [("skip_s", "0"), ("skip_text", "a"), ("skip_text_s", "0")])
def test_a_skip_belongs_to_the_first_chunk(name: str, value: str, session: LiveSession) -> None:
    session.post(0, CHUNKS[0])
    session.options = {name: value}
    problem(session.post(1, CHUNKS[1]), 400, "bad-field", name)


@pytest.mark.parametrize("name, value", [("skip_s", "1"), ("skip_text", "a"), ("skip_text_s", "1")])
def test_and_to_a_session(name: str, value: str, server: Server) -> None:
    response = upload(server.url, JFK.data, **{name: value})
    assert problem(response, 400, "bad-field", name)["field"] == name
