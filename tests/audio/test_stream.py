"""Continuing streams: however the bytes are cut, the samples are those of the joined file."""

from __future__ import annotations

import functools
import io
import threading
import time
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pytest

from tests.support.encoders import m4a, pcm
from tests.support.recordings import (
    RATE_HZ,
    Samples,
    blobs,
    cut_anywhere,
    encode,
    grouped,
    recording,
    wav_chunks,
    webm_opus,
)
from tests.support.server import wait_for
from transcriber.audio.decode import Part, decode_recording
from transcriber.audio.errors import NotAudio, TooLong, Undecodable
from transcriber.audio.pcm import PcmFormat
from transcriber.audio.stream import Piece, StreamDecoder

STREAMS = ["webm-opus", "mp4-opus"]
BLOB_S = 0.4
JFK = recording("en/short-jfk.flac").samples()[: 4 * RATE_HZ]
WEBM = webm_opus(JFK)


@pytest.fixture
def decoder() -> Iterator[StreamDecoder]:
    """A decoder of chunks of up to a minute; its thread must end with it."""
    one = StreamDecoder(60.0)
    yield one
    one.close()
    assert not decoding_threads()


def decoding_threads() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith("decode-")]


def joined(pieces: Iterable[Piece]) -> Samples:
    return np.concatenate([np.zeros(0, np.float32), *(piece.samples for piece in pieces)])


def gap_s(pieces: Iterable[Piece]) -> float:
    return sum(piece.gap_s for piece in pieces)


def feed_all(decoder: StreamDecoder, chunks: Iterable[bytes]) -> list[Piece]:
    pieces: list[Piece] = []
    for chunk in chunks:
        pieces += decoder.feed(chunk)
    return pieces + decoder.finish()


@functools.cache
def whole(*files: bytes) -> Samples:
    return np.concatenate([*decode_recording([Part(io.BytesIO(file)) for file in files], 1000.0)])


def whole_blobs(name: str, end: int | None = None) -> Samples:
    return whole(b"".join(blobs(name)[:end]))


# -- one container, cut in many ways ------------------------------------------------------------


@pytest.mark.parametrize("name", STREAMS)
def test_blob_by_blob_gives_the_samples_of_the_joined_file(
    name: str, decoder: StreamDecoder
) -> None:
    assert np.array_equal(joined(feed_all(decoder, blobs(name))), whole_blobs(name))


@pytest.mark.parametrize("name", STREAMS)
def test_five_blobs_at_a_time_do_too(name: str, decoder: StreamDecoder) -> None:
    chunks = [b"".join(group) for group in grouped(blobs(name), 5)]
    assert np.array_equal(joined(feed_all(decoder, chunks)), whole_blobs(name))


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("pieces", [2, 17, 60, 117])
def test_bytes_cut_anywhere_do_too(name: str, pieces: int, decoder: StreamDecoder) -> None:
    chunks = cut_anywhere(b"".join(blobs(name)[:20]), pieces, seed=pieces)
    assert np.array_equal(joined(feed_all(decoder, chunks)), whole_blobs(name, 20))


@pytest.mark.parametrize("encoding", ["MP3", "OGG"])
def test_a_file_of_another_kind_may_come_in_pieces_as_well(
    encoding: str, decoder: StreamDecoder
) -> None:
    data = encode(JFK, encoding)
    pieces = feed_all(decoder, cut_anywhere(data, 9))
    assert len(joined(pieces)) == pytest.approx(len(whole(data)), abs=1200)


@pytest.mark.parametrize("name", STREAMS)
def test_decoding_lags_no_more_than_a_block_behind_the_newest_blob(
    name: str, decoder: StreamDecoder
) -> None:
    decoded = 0
    for count, blob in enumerate(blobs(name)[:20], start=1):
        decoded += len(joined(decoder.feed(blob)))
        if count > 1:  # an mp4's first blob has no sound at all
            assert len(whole_blobs(name, count)) - decoded <= 0.06 * RATE_HZ


def test_a_chunk_that_looks_like_mp3_continues_the_webm(decoder: StreamDecoder) -> None:
    at = len(WEBM) // 2
    like_mp3 = WEBM[:at] + b"\xff\xfb\x90\x64" + WEBM[at + 4 :]
    pieces = feed_all(decoder, [like_mp3[:at], like_mp3[at:]])
    assert np.array_equal(joined(pieces), whole(like_mp3))


# -- chunks that are files of their own ---------------------------------------------------------


@pytest.mark.parametrize("seconds", [0.4, 2.0])
def test_wav_chunks_join_sample_for_sample(seconds: float, decoder: StreamDecoder) -> None:
    pieces = feed_all(decoder, wav_chunks(JFK, seconds))
    assert np.allclose(joined(pieces), JFK, atol=1 / 32768)


def test_flac_chunks_join_sample_for_sample(decoder: StreamDecoder) -> None:
    chunks = [encode(JFK[at : at + 6400], "FLAC") for at in range(0, len(JFK), 6400)]
    assert np.array_equal(joined(feed_all(decoder, chunks)), JFK)


def test_wav_chunks_at_another_rate_join_without_an_edge(decoder: StreamDecoder) -> None:
    tone = np.sin(np.arange(48_000, dtype=np.float32) * np.float32(2 * np.pi * 440 / 48_000)) / 2
    chunks = [encode(tone[at : at + 4801], rate_hz=48_000) for at in range(0, 48_000, 4801)]
    samples = joined(feed_all(decoder, chunks))
    assert len(samples) == pytest.approx(16_000, abs=20)
    assert np.abs(np.diff(samples[100:-100])).max() < 0.1  # the tone itself moves by 0.086


@pytest.mark.parametrize("encoding", ["OGG", "m4a"])
def test_whole_ogg_and_m4a_chunks_are_decoded_at_once(
    encoding: str, decoder: StreamDecoder
) -> None:
    chunk = m4a(JFK) if encoding == "m4a" else encode(JFK, encoding)
    for _ in range(2):
        assert len(joined(decoder.feed(chunk))) == pytest.approx(len(JFK), abs=2100)


@pytest.mark.parametrize("encoding", ["WAV", "FLAC", "OGG"])
def test_a_whole_chunk_needs_no_thread(encoding: str, decoder: StreamDecoder) -> None:
    decoder.feed(encode(JFK, encoding))
    assert not decoding_threads()


# -- raw PCM ------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcm_at_24_khz_in_100_ms_pieces_is_resampled_without_an_edge(
    order: str, decoder: StreamDecoder
) -> None:
    data, fmt = pcm(JFK, 24_000, order), PcmFormat(24_000)
    pieces = [piece for at in range(0, len(data), 4800) for piece in
              decoder.feed(data[at : at + 4800], fmt)]  # fmt: skip
    in_one = StreamDecoder(60.0)
    expected = joined([*in_one.feed(data, fmt), *in_one.finish()])
    assert np.array_equal(joined([*pieces, *decoder.finish()]), expected)
    assert len(expected) == pytest.approx(len(JFK), abs=2)


def test_pcm_may_be_cut_inside_a_sample_of_two_channels(decoder: StreamDecoder) -> None:
    stereo = np.repeat(np.frombuffer(pcm(JFK), "<i2"), 2).tobytes()
    fmt = PcmFormat(RATE_HZ, 2)
    pieces = [piece for at in range(0, len(stereo), 5001)
              for piece in decoder.feed(stereo[at : at + 5001], fmt)]  # fmt: skip
    assert np.allclose(joined(pieces), JFK, atol=1e-4)


def test_more_pcm_than_a_chunk_may_hold_is_too_long() -> None:
    with pytest.raises(TooLong, match="1 s"):
        StreamDecoder(1.0).feed(pcm(JFK), PcmFormat(RATE_HZ))


# -- a new container in the middle --------------------------------------------------------------


@pytest.mark.parametrize(
    "first, second",
    [
        pytest.param(cut_anywhere(WEBM, 3), cut_anywhere(WEBM, 3), id="webm again"),
        pytest.param(cut_anywhere(WEBM, 3), blobs("mp4-opus")[:8], id="webm, then mp4"),
        pytest.param([encode(JFK, "FLAC")], cut_anywhere(WEBM, 3), id="flac, then webm"),
        pytest.param(cut_anywhere(WEBM, 3), [encode(JFK)], id="webm, then wav"),
    ],
)
def test_a_new_container_goes_on_where_the_last_one_ended(
    first: list[bytes], second: list[bytes], decoder: StreamDecoder
) -> None:
    pieces = feed_all(decoder, [*first, *second])
    assert gap_s(pieces) == 0
    assert np.allclose(joined(pieces), whole(b"".join(first), b"".join(second)), atol=1e-4)


def test_at_most_one_container_is_open(decoder: StreamDecoder) -> None:
    for _ in range(3):
        decoder.feed(blobs("webm-opus")[0])
    assert len(decoding_threads()) == 1


# -- loss and damage ----------------------------------------------------------------------------


def feed_without(decoder: StreamDecoder, chunks: Sequence[bytes], lost: range) -> list[Piece]:
    """Feed all but the lost chunks, telling the decoder of the loss."""
    pieces: list[Piece] = []
    for number, chunk in enumerate(chunks):
        if number == lost.start:
            pieces += decoder.lost()
        if number not in lost:
            pieces += decoder.feed(chunk)
    return pieces + decoder.finish()


@pytest.mark.parametrize("name", STREAMS)
def test_after_lost_blobs_the_stream_is_resumed_and_the_gap_measured(
    name: str, decoder: StreamDecoder
) -> None:
    pieces = feed_without(decoder, blobs(name)[:40], range(20, 23))
    original = whole_blobs(name, 40)
    assert gap_s(pieces) == pytest.approx(3 * BLOB_S, abs=0.16)
    assert len(joined(pieces)) / RATE_HZ + gap_s(pieces) == pytest.approx(
        len(original) / RATE_HZ, abs=0.01
    )
    second = slice(-RATE_HZ, -100)
    assert np.corrcoef(joined(pieces)[second], original[second])[0, 1] > 0.99


@pytest.mark.parametrize("name", STREAMS)
def test_a_loss_that_nobody_told_of_is_measured_too(name: str, decoder: StreamDecoder) -> None:
    pieces = feed_all(decoder, [*blobs(name)[:20], *blobs(name)[23:40]])
    assert gap_s(pieces) == pytest.approx(3 * BLOB_S, abs=0.16)


def test_a_clock_of_its_own_makes_a_new_container_no_gap(decoder: StreamDecoder) -> None:
    assert gap_s(feed_all(decoder, [*blobs("webm-opus")[:4], *blobs("webm-opus")[:4]])) == 0


def damaged(name: str, how: str, seed: int) -> list[bytes]:
    """Return 40 blobs, one of them damaged."""
    random, chunks = np.random.default_rng(seed), blobs(name)[:40]
    noise = random.bytes(3000)
    cut = int(random.integers(1, len(chunks[20])))
    chunks[20] = {
        "replaced by noise": noise,
        "after noise": noise + chunks[20],
        "cut off": chunks[20][:cut],
        "without its beginning": chunks[20][cut:],
    }[how]
    return chunks


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize(
    "how", ["replaced by noise", "after noise", "cut off", "without its beginning"]
)
def test_a_damaged_blob_costs_only_its_neighbourhood(name: str, how: str) -> None:
    length_s = len(whole_blobs(name, 40)) / RATE_HZ
    start_s = time.monotonic()
    for seed in range(5):
        pieces = feed_all(StreamDecoder(60.0), damaged(name, how, seed))
        heard_s = len(joined(pieces)) / RATE_HZ
        assert heard_s > length_s - 4 * BLOB_S, f"seed {seed}"
        assert heard_s + gap_s(pieces) == pytest.approx(length_s, abs=0.3), f"seed {seed}"
    assert time.monotonic() - start_s < 20, "it waited for a thread that had ended"


def test_bytes_that_continue_nothing_are_refused_and_change_nothing(
    decoder: StreamDecoder,
) -> None:
    with pytest.raises(NotAudio):
        decoder.feed(blobs("webm-opus")[5])
    assert np.array_equal(joined(feed_all(decoder, [WEBM])), whole(WEBM))


def test_a_header_that_cant_be_read_is_undecodable(decoder: StreamDecoder) -> None:
    with pytest.raises(Undecodable):
        decoder.feed(blobs("webm-opus")[0][:20] + bytes(4000))


@pytest.mark.parametrize("name", STREAMS)
def test_after_a_chunk_that_was_too_long_the_stream_goes_on(name: str) -> None:
    decoder = StreamDecoder(1.0)
    decoder.feed(blobs(name)[0])
    with pytest.raises(TooLong, match="1 s"):
        decoder.feed(b"".join(blobs(name)[1:10]))
    pieces = feed_all(decoder, blobs(name)[10:20])
    assert len(joined(pieces)) / RATE_HZ > 9 * BLOB_S
    assert gap_s(pieces) > 1.0


# -- threads ------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunks", [blobs("webm-opus")[:3], [WEBM[:200]], [b"ID3\x04" + bytes(20)]])
def test_closing_ends_the_thread_wherever_it_is(chunks: list[bytes]) -> None:
    decoder = StreamDecoder(60.0)
    for chunk in chunks:
        decoder.feed(chunk)
    decoder.close()
    assert not decoding_threads()


def test_an_error_ends_the_thread_by_itself() -> None:
    with pytest.raises(Undecodable):
        StreamDecoder(60.0).feed(b"\x1a\x45\xdf\xa3" + bytes(4000))
    wait_for(lambda: not decoding_threads(), 5)


def test_closing_twice_or_unused_does_no_harm() -> None:
    decoder = StreamDecoder(60.0)
    decoder.close()
    decoder.close()
    assert decoder.finish() == []
