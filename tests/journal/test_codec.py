"""What is written down comes back as it was."""

from __future__ import annotations

import math

import pytest

from transcriber.audio.errors import TooLong, Undecodable
from transcriber.audio.pcm import PcmFormat
from transcriber.engine.window import DecodingOptions, Hypothesis, Word
from transcriber.journal import codec
from transcriber.live.errors import SequenceGivenUp
from transcriber.live.intake import AudioSeconds, ChunkPart, Skip
from transcriber.live.language import LanguageState
from transcriber.live.ledger import Standing
from transcriber.live.pass_log import PassDone
from transcriber.live.replies import ChunkReply, TimingMs
from transcriber.live.transcript import Segment, Settled

WORD = Word(" Größe\u200f", 1.25, 1.5, 0.123456789)
HEARD = Hypothesis(" Größe", 0.1, 0.2, (WORD,), -0.3, 0.01, 1.5, 0.2, (50, 51), (0.5,))
SEGMENT = Segment(3, 1.25, 1.5, ' Größe "quoted"\n', 0.9, (WORD,), False, HEARD)
REPLY = ChunkReply(
    sequence=4,
    complete=True,
    revision=17,
    next_sequence=5,
    first_segment=1,
    end_segment=3,
    partial=" and then",
    stable_chars=4,
    missing=(6, 7),
    audio=AudioSeconds(10.0, 6.9, 2.1, 1.0, 0.5),
    settled=Settled(6.9, 3),
    timing=TimingMs(1, 2, 3, 6),
    passes=(PassDone("final", 1, 2, 3.5),),
    suggested_chunk_ms=400,
    language="de",
    final=True,
)
STANDING = Standing(
    "ended", 9, 16_001, 3, 16_000, LanguageState("de", None, "de", (2.5, "de")), REPLY.audio, 10.5
)


def test_segments() -> None:
    assert codec.SEGMENT.load(codec.SEGMENT.dump(SEGMENT)) == SEGMENT
    gap = Segment(0, 0.0, 1.0, "[…]", gap=True)
    assert codec.SEGMENT.load(codec.SEGMENT.dump(gap)) == gap


def test_figures_that_are_no_numbers() -> None:
    odd = Segment(0, 0.0, 1.0, "x", hypothesis=Hypothesis("x", 0.0, 1.0, avg_logprob=-math.inf))
    assert codec.SEGMENT.load(codec.SEGMENT.dump(odd)) == odd


def test_replies_and_standings() -> None:
    assert codec.load_answer(codec.dump_answer(REPLY)) == REPLY
    assert codec.STANDING.load(codec.STANDING.dump(STANDING)) == STANDING


@pytest.mark.parametrize(
    "error", [Undecodable("The wav file holds no audio."), TooLong(300.0), SequenceGivenUp()]
)
def test_errors_that_a_chunk_was_refused_with(error: Exception) -> None:
    back = codec.load_answer(codec.dump_answer(error))
    assert isinstance(back, type(error))
    assert str(back) == str(error)


def test_what_a_session_was_begun_with() -> None:
    options = DecodingOptions("de", "translate", "Ein Anfang.", "Grüße", 0.2, False, False)
    assert codec.OPTIONS.load(codec.OPTIONS.dump(options)) == options
    skip = Skip(12.5, "und dann", 11.0)
    assert codec.SKIP.load(codec.SKIP.dump(skip)) == skip


def test_a_chunk_of_several_parts() -> None:
    parts = [ChunkPart(b"abc"), ChunkPart(b""), ChunkPart(b"\x00\xff", PcmFormat(16_000, 2, "big"))]
    data = b"".join(part.data for part in parts)
    assert codec.load_parts(codec.dump_parts(parts), data) == parts
