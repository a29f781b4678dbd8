"""The log of replies: each kept, each segment told once, old ones without their figures."""

from __future__ import annotations

from transcriber.live.errors import SequenceGivenUp
from transcriber.live.intake import AudioSeconds
from transcriber.live.replies import FULL_REPLIES, ChunkReply, ReplyLog


def reply(sequence: int, first: int = 0, end: int = 0) -> ChunkReply:
    return ChunkReply(
        sequence, True, 1, sequence + 1, first, end, " partial", 8, audio=AudioSeconds(1.0)
    )


def test_a_reply_is_kept_and_so_is_an_error() -> None:
    log, refused = ReplyLog(), SequenceGivenUp()
    log.put(0, reply(0))
    log.put(1, refused)
    assert log.get(0) == reply(0)
    assert log.get(1) is refused
    assert log.get(2) is None


def test_it_counts_the_segments_that_were_told() -> None:
    log = ReplyLog()
    log.put(0, reply(0, 0, 3))
    log.put(2, reply(2, 3, 3))
    log.put(1, SequenceGivenUp())
    assert log.told_segments == 3


def test_the_next_open_sequence_is_the_first_without_an_outcome() -> None:
    log = ReplyLog()
    assert log.next_open() == 0
    for sequence in (0, 2):
        log.put(sequence, reply(sequence))
    assert log.next_open() == 1
    log.put(1, SequenceGivenUp())
    assert log.next_open() == 3


def test_old_replies_keep_their_text_but_not_their_figures() -> None:
    log = ReplyLog()
    for sequence in range(FULL_REPLIES + 1):
        log.put(sequence, reply(sequence, sequence, sequence + 1))
    old, newer = log.get(0), log.get(1)
    assert isinstance(old, ChunkReply)
    assert (old.first_segment, old.end_segment, old.partial) == (0, 1, "")
    assert newer == reply(1, 1, 2)
