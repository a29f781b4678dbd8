"""How far a session is done with its audio: what a client may forget, and what it must keep."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from tests.support.engine import (
    WORD_SAMPLES,
    Clock,
    FakeModel,
    number,
    pcm_chunks,
    pool_of,
    spoken,
)
from tests.support.frames import random_frames, some_cut
from tests.support.recordings import RATE_HZ, Samples, recording
from tests.support.rig import CHUNKS, LAST, PCM, SETTINGS, SPOKEN, TALK
from transcriber.audio.vad import FRAME_SAMPLES
from transcriber.engine.pool import WorkerPool
from transcriber.engine.window import Decoded, DecodingOptions, Lane, Listener, Window
from transcriber.live.chunk import Chunk
from transcriber.live.endpoint import Endpointer, Gap
from transcriber.live.intake import ChunkPart
from transcriber.live.replies import FULL_REPLIES, ChunkReply, ReplyLog
from transcriber.live.session import Session
from transcriber.live.transcript import Settled

WORD_S = WORD_SAMPLES / RATE_HZ


def post(
    session: Session, sequence: int, wait_s: float = 10.0, data: bytes | None = None
) -> ChunkReply:
    parts = [ChunkPart(CHUNKS[sequence] if data is None else data, PCM)]
    chunk = Chunk(sequence, parts, data is None and sequence == LAST)
    return session.post(chunk, wait_s)[0]


def numbers(session: Session, among: set[int], segments: int | None = None) -> list[int]:
    """Return the numbers of the words in the first segments, in order; only `among` these."""
    told = (word for one in session.transcript.segments[:segments] for word in one.words)
    return [found for found in (number(word.word) for word in told) if found in among]


def assert_only_grows(history: list[Settled]) -> None:
    for before, after in itertools.pairwise(history):
        assert after.seconds >= before.seconds
        assert after.segments >= before.segments


def assert_parts_words(session: Session, history: list[Settled], among: set[int] = SPOKEN) -> None:
    """Assert that each parts the words: before it in its segments, all others behind it."""
    middles_s = [(one + 0.5) * WORD_S for one in numbers(session, among)]
    for settled in history:
        told = len(numbers(session, among, settled.segments))
        assert all(middle_s < settled.seconds for middle_s in middles_s[:told])
        assert all(middle_s >= settled.seconds for middle_s in middles_s[told:])


def test_what_lies_before_it_is_in_those_segments_and_nothing_else_is(session: Session) -> None:
    settled = [post(session, sequence).settled for sequence in range(len(CHUNKS))]
    assert_only_grows(settled)
    assert len({one.segments for one in settled}) > 2
    assert_parts_words(session, settled)


def test_when_the_session_has_ended_it_is_all_the_audio(session: Session) -> None:
    replies = [post(session, sequence) for sequence in range(len(CHUNKS))]
    everything = Settled(len(TALK) / RATE_HZ, len(session.transcript.segments))
    assert replies[-1].settled == session.snapshot().settled == everything


def test_of_silence_all_but_the_last_second_is_settled(session: Session) -> None:
    silence = np.zeros(5 * RATE_HZ, np.float32)
    (data,) = pcm_chunks(silence, 5)
    reply, _ = session.post(Chunk(0, [ChunkPart(data, PCM)]), 10.0)
    assert reply.settled.segments == 0
    assert reply.settled.seconds == pytest.approx(4.0, abs=0.04)


def test_pieces_that_wait_for_their_turn_are_still_needed(
    session: Session, model: FakeModel, pool: WorkerPool
) -> None:
    model.hold(Lane.FINAL)
    settled = [post(session, sequence, wait_s=0.0).settled for sequence in range(len(CHUNKS))]
    assert_only_grows(settled)
    assert settled[-1].segments == 0
    assert settled[-1].seconds < 1.0, "the first word is not final"
    model.let_go()
    session.wait_change(None, 100, 10.0)
    assert session.snapshot().settled.seconds == len(TALK) / RATE_HZ


class Rambler(FakeModel):
    """Hears no sentence's end."""

    def decode(self, window: Window, listener: Listener = lambda heard: True) -> Decoded:
        decoded = super().decode(window, listener)
        heard = (replace(one, text=one.text.replace(".", "")) for one in decoded.hypotheses)
        return replace(decoded, hypotheses=tuple(heard))


@pytest.mark.parametrize("kind", [FakeModel, Rambler])
def test_while_one_speaks_on_it_grows_and_what_may_change_is_still_needed(
    kind: type[FakeModel],
) -> None:
    reading: Samples = recording("en/long-lj-1.flac").samples()[: 20 * RATE_HZ]
    model = kind(reading)
    with pool_of(model) as pool:
        session = Session("a-session", DecodingOptions(), SETTINGS, pool.submit)
        chunks = pcm_chunks(reading, 0.5)
        replies = [post(session, at, data=data) for at, data in enumerate(chunks)]
        session.expire()
    settled = [reply.settled for reply in replies]
    assert_only_grows(settled)
    assert len(set(settled)) > 5
    assert_parts_words(session, settled, spoken(reading))
    for reply in replies[8:]:
        assert reply.audio.received - reply.settled.seconds < 6
        assert reply.audio.pending == 0 or reply.settled.seconds < reply.audio.received


def test_a_gap_is_settled_when_it_is_shown(session: Session, clock: Clock) -> None:
    settled = [post(session, sequence).settled for sequence in range(4)]
    settled += [post(session, sequence, wait_s=0.0).settled for sequence in (6, 7)]
    assert settled[-1].segments == 0
    clock.advance(16)
    session.tick()
    settled += [post(session, sequence).settled for sequence in range(8, len(CHUNKS))]
    assert_only_grows(settled)
    gap = next(one for one in session.transcript.segments if one.gap)
    after = next(one for one in settled if one.segments > gap.id)
    assert after.seconds >= gap.end - 0.01
    assert settled[-1] == Settled(len(TALK) / RATE_HZ, len(session.transcript.segments))


def test_a_session_that_is_deleted_settles_no_more(session: Session, model: FakeModel) -> None:
    model.hold(Lane.FINAL)
    for sequence in range(20):
        post(session, sequence, wait_s=0.0)
    before = session.snapshot().settled
    session.expire()
    assert session.snapshot().settled == before


def test_a_session_that_was_left_alone_settles_all_it_got(session: Session, clock: Clock) -> None:
    for sequence in range(9):
        post(session, sequence)
    clock.advance(SETTINGS.session_ttl_s + 1)
    session.tick()
    session.wait_change(None, 100, 10.0)
    snapshot = session.snapshot()
    assert (snapshot.state, snapshot.settled) == ("expired", Settled(4.5, snapshot.segment_count))
    assert snapshot.segment_count


def test_old_replies_are_kept_without_it() -> None:
    log = ReplyLog()
    for sequence in range(FULL_REPLIES + 1):
        log.put(sequence, ChunkReply(sequence, True, 0, 0, 0, 0, settled=Settled(1.0, 2)))
    kept = [log.get(sequence) for sequence in (0, 1)]
    assert [one.settled for one in kept if isinstance(one, ChunkReply)] == [
        Settled(),
        Settled(1.0, 2),
    ]


@pytest.mark.parametrize("seed", range(15))
def test_no_piece_begins_before_what_the_endpointer_calls_needed(seed: int) -> None:
    random = np.random.default_rng(seed)
    endpointer, needed_from, end = Endpointer(), 0, 0
    for probability in random_frames(seed):
        endpointer.push([probability])
        end += FRAME_SAMPLES
        if random.random() < 0.002:
            end += RATE_HZ
            endpointer.push_jump(end, shown=True)
        while (event := endpointer.next_event()) is not None:
            assert event.start >= needed_from
            if isinstance(event, Gap):
                assert endpointer.needed_from >= event.end
            assert endpointer.needed_from >= needed_from
            needed_from = endpointer.needed_from
        position = some_cut(endpointer, random)
        if position is not None:
            assert endpointer.cut(position).start >= needed_from
            assert endpointer.needed_from == position
        assert needed_from <= endpointer.needed_from <= end
        needed_from = endpointer.needed_from
