"""A session that goes on where an earlier one stopped: the same words, none twice, none lost."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.support.engine import WORD_SAMPLES, Clock, FakeModel, pcm_chunks
from tests.support.recordings import RATE_HZ, blobs
from tests.support.rig import PCM, SETTINGS, SPOKEN, TALK, words
from tests.support.streams import access_points
from transcriber.engine.pool import WorkerPool
from transcriber.engine.window import DecodingOptions
from transcriber.live.chunk import Chunk
from transcriber.live.endpoint import Endpointer, Gap
from transcriber.live.errors import SequenceReused
from transcriber.live.intake import NO_SKIP, ChunkPart, Intake, Skip
from transcriber.live.replies import ChunkReply
from transcriber.live.session import Session
from transcriber.live.transcript import Settled

CHUNK_S = 0.512  # whole frames, so that a replay's frames lie as the first ones did
WORD_S = WORD_SAMPLES / RATE_HZ
CHUNKS = pcm_chunks(TALK, CHUNK_S)


def post(
    session: Session, sequence: int, data: bytes, final: bool = False, skip: Skip = NO_SKIP
) -> ChunkReply:
    chunk = Chunk(sequence, [ChunkPart(data, PCM)], final, skip=skip)
    return session.post(chunk, 10.0)[0]


def post_all(session: Session, chunks: Sequence[bytes], skip: Skip = NO_SKIP) -> list[ChunkReply]:
    return [
        post(session, sequence, data, sequence == len(chunks) - 1, NO_SKIP if sequence else skip)
        for sequence, data in enumerate(chunks)
    ]


def told(session: Session, segments: int | None = None) -> list[int]:
    """Return the numbers of the words that are final."""
    return words("".join(one.text for one in session.transcript.segments[:segments]))


# -- sessions -----------------------------------------------------------------------------------


def replayed(session: Session, settled: Settled, context_s: float) -> tuple[int, Skip]:
    """Return which chunk a second session begins with, and what of it the first made final.

    What was final for less than `context_s` is sent again, with its text.
    """
    entry = int(max(0.0, settled.seconds - context_s) // CHUNK_S)
    entry_s = entry * CHUNK_S
    said = [one for one in session.transcript.segments[: settled.segments] if one.start >= entry_s]
    skip_s = settled.seconds - entry_s
    if not said or not context_s:
        return entry, Skip(skip_s)
    text = "".join(one.text for one in said)
    return entry, Skip(skip_s, text, min(said[0].start - entry_s, skip_s))


@pytest.mark.parametrize("context_s", [0.0, 6.0], ids=["bare", "with context"])
@pytest.mark.parametrize("stop", range(1, len(CHUNKS) - 1, 2))
def test_wherever_the_first_one_stops_both_together_tell_every_word_once(
    stop: int, context_s: float, pool: WorkerPool
) -> None:
    first, second = (Session(name, DecodingOptions(), SETTINGS, pool.submit) for name in "ab")
    settled = [post(first, sequence, CHUNKS[sequence]) for sequence in range(stop)][-1].settled
    entry, skip = replayed(first, settled, context_s)
    post_all(second, CHUNKS[entry:], skip)
    assert told(first, settled.segments) + told(second) == sorted(SPOKEN), "each of them, and once"
    first.expire()


def test_what_was_said_in_the_skipped_audio_stands_before_the_first_words(
    session: Session, model: FakeModel
) -> None:
    post_all(session, CHUNKS, Skip(2.0, " w2 w3. ", 1.0))
    first = model.windows[0]
    assert first.prefix == "w2 w3."
    assert first.prefix_s == 1.0
    assert told(session)[0] == 4, "and is not told again"


@pytest.mark.parametrize(
    "skip",
    [
        pytest.param(Skip(2.0), id="without its text"),
        pytest.param(Skip(2.0, " \n", 1.0), id="nothing was said"),
        pytest.param(Skip(4.0, " w2 w3. ", 3.0), id="a pause in between"),
        pytest.param(Skip(10.0, " w2 w3. ", 1.0), id="said too long before"),
    ],
)
def test_else_nothing_stands_before_them(skip: Skip, session: Session, model: FakeModel) -> None:
    post_all(session, CHUNKS, skip)
    assert model.windows[0].prefix == ""
    assert model.windows[0].prefix_s == 0


def test_times_count_from_the_first_sample_and_nothing_is_told_of_what_was_skipped(
    session: Session,
) -> None:
    replies = post_all(session, CHUNKS, Skip(3.0))
    assert replies[0].settled.seconds == 3.0
    segments = session.transcript.segments
    assert segments[0].start >= 3.0
    assert segments[-1].end > 10.0
    assert told(session)[0] >= 3.0 / WORD_S


def test_skipped_audio_is_counted_nowhere(session: Session) -> None:
    replies = post_all(session, CHUNKS, Skip(3.0))
    assert replies[0].audio.received == 0
    assert replies[-1].audio.received == pytest.approx(len(TALK) / RATE_HZ - 3.0)
    assert replies[-1].audio.lost == 0
    for reply in replies:
        audio = reply.audio
        assert audio.received == pytest.approx(audio.final + audio.pending + audio.silence)
        assert min(audio.final, audio.pending, audio.silence) >= 0


def test_all_of_a_session_may_be_skipped(session: Session, model: FakeModel) -> None:
    reply = post_all(session, CHUNKS[:4], Skip(30.0))[-1]
    assert not model.windows
    assert (reply.final, reply.settled.seconds, reply.audio.received) == (True, 30.0, 0)


def test_the_same_chunk_again_gets_the_same_reply(session: Session) -> None:
    first = post(session, 0, CHUNKS[0], skip=Skip(0.3, "w0", 0.1))
    assert post(session, 0, CHUNKS[0], skip=Skip(0.3, "w0", 0.1)) is first
    for other in (Skip(0.4, "w0", 0.1), Skip(0.3, "w1", 0.1), Skip(0.3, "w0", 0.2)):
        with pytest.raises(SequenceReused):
            post(session, 0, CHUNKS[0], skip=other)


def test_a_chunk_lost_before_the_skip_ends_is_not_shown(session: Session, clock: Clock) -> None:
    post(session, 0, CHUNKS[0], skip=Skip(3.0))
    session.post(Chunk(2, [ChunkPart(CHUNKS[2], PCM)]), 0.0)
    clock.advance(SETTINGS.gap_timeout_s + 1)
    session.tick()
    last = len(CHUNKS) - 1
    for sequence in range(3, len(CHUNKS)):
        post(session, sequence, CHUNKS[sequence], sequence == last)
    assert not any(one.gap for one in session.transcript.segments)
    assert session.transcript.segments[0].start >= 3.0
    assert told(session)[0] >= 3.0 / WORD_S


# -- pieces -------------------------------------------------------------------------------------


def test_speech_that_goes_on_over_the_skip_begins_a_piece_there() -> None:
    endpointer, skip = Endpointer(), 3 * RATE_HZ + 100
    endpointer.skip_to(skip)
    endpointer.push([0.9] * 200)
    assert endpointer.next_event() is None
    assert endpointer.needed_from == endpointer.open_start == skip


def test_a_gap_over_the_skip_is_shown_from_there_on() -> None:
    endpointer, skip = Endpointer(), 2 * RATE_HZ
    endpointer.skip_to(skip)
    endpointer.push([0.9] * 20)
    endpointer.push_jump(3 * RATE_HZ, shown=True)
    assert endpointer.next_event() == Gap(skip, 3 * RATE_HZ)


# -- streams entered in the middle ----------------------------------------------------------------


DURATION_S = 59.75  # of the recording that was made into blobs


def heard(parts: Sequence[bytes]) -> Intake:
    """Take the parts, one a chunk, and the end."""
    intake = Intake(100.0)
    for part in parts:
        intake.take(intake.decode([ChunkPart(part)]))
    intake.take(intake.end())
    intake.close()
    return intake


@pytest.mark.parametrize("number", [1, 100])
@pytest.mark.parametrize("name", ["webm-opus", "mp4-opus"])
@pytest.mark.parametrize("how", ["at once", "header alone", "in pieces"])
def test_a_stream_entered_in_the_middle_begins_at_0(name: str, number: int, how: str) -> None:
    data = b"".join(blobs(name))
    points = access_points(data)
    header, rest = data[: points[0].offset], data[points[number].offset :]
    parts = {
        "at once": [header + rest],
        "header alone": [header, rest],
        "in pieces": [
            header + rest[:700],
            *(rest[at:][:3000] for at in range(700, len(rest), 3000)),
        ],
    }[how]
    intake = heard(parts)
    assert intake.received_s == pytest.approx(DURATION_S - points[number].start_s, abs=0.1)
    assert intake.received_s * RATE_HZ == intake.buffer.end, "and no hole is counted"
    assert intake.seconds(0).lost == 0
