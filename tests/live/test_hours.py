"""Sessions of many hours: every word stays at its place, and nothing piles up."""

from __future__ import annotations

import contextlib
import gc
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import BuiltinFunctionType, FunctionType, ModuleType

import numpy as np
import psutil
import pytest

from config.settings import Settings
from tests.support.engine import WORD_SAMPLES, Clock, pool_of
from tests.support.hours import TALK_S, Listening, Loudness, Recorder, Talk, Tireless, talk_chunk
from tests.support.recordings import RATE_HZ
from transcriber.audio.pcm import PcmFormat
from transcriber.engine.pool import WorkerPool
from transcriber.engine.window import DecodingOptions, Word
from transcriber.live.chunk import Chunk
from transcriber.live.intake import ChunkPart, Intake
from transcriber.live.session import Session
from transcriber.live.transcript import Segment

HOUR_S = 3600
PCM = PcmFormat(RATE_HZ, order="little")
SETTINGS = Settings(gap_timeout_s=15.0, latency_target_ms=60_000, max_audio_s=10 * HOUR_S)
WORD_S = WORD_SAMPLES / RATE_HZ
# Transcripts tell times in hundredths of a second.
EXACT_S = 0.005 + 1e-9
NOT_HELD = (type, ModuleType, FunctionType, BuiltinFunctionType)


@pytest.fixture(scope="module", autouse=True)
def _loudness() -> Iterator[None]:
    """Hours of real voice activity would take minutes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("transcriber.live.intake.VoiceActivity", Loudness)
        yield


@dataclass(frozen=True)
class Footprint:
    """What a session holds: samples of audio, and bytes of all else but the transcript."""

    audio_samples: int
    other_bytes: int
    threads: int
    handles: int

    @classmethod
    def of(cls, session: Session, *shared: object) -> Footprint:
        """Measure a session, without what it shares with others."""
        samples, others = 0, 0
        seen = {id(one) for one in (session.transcript, *shared)}
        found: list[object] = [session]
        while found:
            one = found.pop()
            if id(one) in seen or isinstance(one, NOT_HELD):
                continue
            seen.add(id(one))
            if isinstance(one, np.ndarray):
                samples += one.size
            else:
                others += sys.getsizeof(one)
                found += gc.get_referents(one)
        return cls(samples, others, threading.active_count(), psutil.Process().num_fds())


@dataclass
class Run:
    """One long session and what was seen of it on the way."""

    session: Session
    model: Tireless
    pool: WorkerPool
    clock: Clock
    sequence: int = 0
    footprints: list[Footprint] = field(default_factory=list)
    heard_s: list[float] = field(default_factory=list)

    def post(self, data: bytes, pcm: PcmFormat | None = PCM, wait_s: float = 10.0) -> None:
        chunk = Chunk(self.sequence, [ChunkPart(data, pcm)], not data, self.clock())
        self.session.post(chunk, wait_s)
        self.pool.wait_idle(10)
        self.sequence += 1

    def post_after_loss(self, data: bytes, sequence: int, pcm: PcmFormat | None = PCM) -> None:
        """Post a chunk; those before it that were not posted never come."""
        self.sequence = sequence
        self.post(data, pcm, wait_s=0.0)
        self.clock.advance(SETTINGS.gap_timeout_s + 1)
        self.session.tick()

    def note(self) -> None:
        self.footprints.append(Footprint.of(self.session, self.model, self.pool, self.clock))
        self.heard_s.append(self.model.heard_s)

    @property
    def words(self) -> list[Word]:
        return [word for segment in self.session.transcript.segments for word in segment.words]

    @property
    def gaps(self) -> list[Segment]:
        return [segment for segment in self.session.transcript.segments if segment.gap]


def number(word: Word) -> int:
    return int(word.word.strip(" w."))


@contextlib.contextmanager
def running(model: Tireless) -> Iterator[Run]:
    """Begin a session of which nothing is left afterwards.

    One worker only, so that which passes there are does not depend on the machine.
    """
    with pool_of(model, 1) as pool:
        clock = Clock()
        session = Session("hours", DecodingOptions(), SETTINGS, pool.submit, clock)
        yield Run(session, model, pool, clock)
        session.expire()


# -- raw PCM, four hours ------------------------------------------------------------------------

HOURS, CHUNK_S = 4, 8
CHUNKS = HOURS * HOUR_S // CHUNK_S
LOST = range(60, CHUNKS, 100)


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """Four hours of talk; every 100th chunk is lost."""
    with running(Talk()) as run:
        for sequence in range(CHUNKS):
            if sequence - 1 in LOST:
                run.post_after_loss(talk_chunk(sequence * CHUNK_S, CHUNK_S), sequence)
            elif sequence not in LOST:
                run.post(talk_chunk(sequence * CHUNK_S, CHUNK_S))
            if (sequence + 1) * CHUNK_S % HOUR_S == 0:
                run.note()
        run.post(b"")
        yield run


def is_lost(word: int) -> bool:
    return int((word + 0.5) * WORD_S) // CHUNK_S in LOST


def test_every_word_is_told_once_and_in_order(run: Run) -> None:
    rounds = HOURS * HOUR_S // TALK_S + 1
    spoken = [word for word in run.model.spoken(rounds) if word < HOURS * HOUR_S / WORD_S]
    assert [number(word) for word in run.words] == [word for word in spoken if not is_lost(word)]


def test_after_hours_and_losses_every_word_stands_where_it_was_spoken(run: Run) -> None:
    ends_s = np.array([word.end for word in run.words])
    places_s = np.array([number(word) + 1 for word in run.words]) * WORD_S
    assert np.abs(ends_s - places_s).max() <= EXACT_S


def test_every_lost_chunk_is_a_gap_where_it_should_have_been(run: Run) -> None:
    starts_s = [sequence * CHUNK_S for sequence in LOST]
    assert [gap.end for gap in run.gaps] == [start_s + CHUNK_S for start_s in starts_s]
    assert [gap.start for gap in run.gaps] == pytest.approx(starts_s, abs=0.04)


def test_every_second_is_accounted_for(run: Run) -> None:
    audio = run.session.snapshot().audio
    assert audio.lost == len(LOST) * CHUNK_S
    assert audio.received == HOURS * HOUR_S - audio.lost
    assert audio.received == pytest.approx(audio.final + audio.silence, abs=0.002)


def test_an_hour_costs_the_model_as_much_at_the_end_as_at_the_start(run: Run) -> None:
    hours_s = np.diff([0.0, *run.heard_s])
    assert hours_s == pytest.approx(np.full(HOURS, hours_s[0]), rel=0.05)


def test_nothing_piles_up_but_the_transcript_and_what_a_repeated_chunk_needs(run: Run) -> None:
    early, late = run.footprints[1], run.footprints[-1]
    assert max(one.audio_samples for one in run.footprints) < 45 * RATE_HZ
    chunks = (HOURS - 2) * HOUR_S // CHUNK_S
    assert late.other_bytes - early.other_bytes < 1000 * chunks
    assert late.threads <= early.threads
    assert late.handles <= early.handles


# -- a browser's recorder -------------------------------------------------------------------------

# A minute each; twice the machine slept in between, so the clock has gone on for two hours.
STARTS_S = [60 * minute + 3000 * (minute // 4) for minute in range(12)]
# One chunk is lost, then two in a row, then one that the machine slept through.
LOST_CHUNKS = (20, 71, 72, 95)
CLUSTERS = 12  # in a chunk
BLOCK_S = 0.06  # what one block of Chrome's holds; a cluster may begin so much late
NEAR_S = 0.02


@pytest.fixture(scope="module")
def recorded() -> Iterator[Run]:
    """Twelve minutes in WebM, recorded in the course of two hours."""
    recorder = Recorder()
    with running(Listening(recorder)) as run:
        for sequence, data in enumerate(recorder.chunks(STARTS_S, CLUSTERS)):
            if sequence in LOST_CHUNKS:
                continue
            if sequence - 1 in LOST_CHUNKS:
                run.post_after_loss(data, sequence, pcm=None)
            else:
                run.post(data, pcm=None)
        run.note()
        run.post(b"", pcm=None)
        yield run


def places(run: Run) -> list[tuple[int, float]]:
    """Return each word's number, counted through all rounds, and how far off its time is."""
    found = []
    for word in run.words:
        in_round = (number(word) + 1) * WORD_S
        off_s = [word.end - in_round - start_s for start_s in STARTS_S]
        nearest = min(range(len(STARTS_S)), key=lambda at: abs(off_s[at]))
        found.append((nearest * run.model.words_a_round + number(word), off_s[nearest]))
    return found


def spoken_at(run: Run, word: int) -> float:
    """Return where the middle of a word lies on the recorder's clock, in seconds."""
    which, in_round = divmod(word, run.model.words_a_round)
    return STARTS_S[which] + (in_round + 0.5) * WORD_S


def test_by_the_recorders_clock_no_word_drifts(recorded: Run) -> None:
    assert max(abs(off_s) for _, off_s in places(recorded)) <= NEAR_S


def test_only_words_of_lost_chunks_are_missing_and_none_is_doubled(recorded: Run) -> None:
    told = [word for word, _ in places(recorded)]
    assert told == sorted(set(told))
    missing = set(recorded.model.spoken(len(STARTS_S))) - set(told)
    assert missing
    for word in missing:
        at_s = spoken_at(recorded, word)
        assert any(gap.start - BLOCK_S <= at_s <= gap.end + BLOCK_S for gap in recorded.gaps)


def test_received_and_lost_together_are_the_recorders_clock(recorded: Run) -> None:
    audio = recorded.session.snapshot().audio
    clock_s = STARTS_S[-1] + len(recorded.model.once) / RATE_HZ
    assert audio.received + audio.lost == pytest.approx(clock_s, abs=NEAR_S)
    assert len(recorded.gaps) == 3


def test_a_stream_of_hours_leaves_no_thread_and_no_file_open(recorded: Run) -> None:
    at_work = recorded.footprints[-1]
    assert recorded.session.state == "ended"
    assert threading.active_count() == at_work.threads - 1, "its decoder's"
    assert psutil.Process().num_fds() <= at_work.handles


# -- at the borders -------------------------------------------------------------------------------


def test_hours_of_silence_keep_no_audio() -> None:
    with running(Talk()) as run:
        for _ in range(60):
            run.post(bytes(2 * 60 * RATE_HZ))
            run.note()
        assert not run.model.heard_s
    assert max(one.audio_samples for one in run.footprints) < 150 * RATE_HZ


@pytest.mark.parametrize("chunk_s", [0.1, 0.4, 0.7, 2.0])
def test_lost_chunks_of_any_length_shift_nothing(chunk_s: float) -> None:
    intake, samples = Intake(100.0), round(chunk_s * RATE_HZ)
    data, sent = bytes(2 * samples), 0
    for chunk in range(3000):
        sent += samples
        if chunk % 7 == 3:
            intake.resume_after_loss(1)
        else:
            intake.take(intake.decode([ChunkPart(data, PCM)]))
            assert intake.buffer.end == sent
    assert intake.seconds(0).lost == pytest.approx(3000 // 7 * chunk_s, abs=0.001)
