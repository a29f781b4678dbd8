"""A session, its fake model and its clock, and a client that keeps every reply."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from config.settings import Settings
from tests.support.engine import Clock, FakeModel, number, pcm_chunks, spoken, talk
from tests.support.recordings import RATE_HZ
from transcriber.audio.pcm import PcmFormat
from transcriber.engine.pool import WorkerPool
from transcriber.live.chunk import Chunk
from transcriber.live.intake import ChunkPart
from transcriber.live.replies import ChunkReply
from transcriber.live.session import Session

TALK = talk()
CHUNKS = pcm_chunks(TALK, 0.5)
LAST = len(CHUNKS) - 1
SPOKEN = spoken(TALK)
PCM = PcmFormat(RATE_HZ, order="little")
SETTINGS = Settings(gap_timeout_s=15.0, session_ttl_s=300.0, latency_target_ms=60_000)


def words(text: str) -> list[int]:
    """Return the numbers of the words in a text of the talk, but for what stands in silence."""
    numbers = [number(word) for word in text.split() if word.startswith("w")]
    return [one for one in numbers if one in SPOKEN]


@dataclass
class Rig:
    """See the module."""

    session: Session
    model: FakeModel
    pool: WorkerPool
    clock: Callable[[], float]
    replies: dict[int, ChunkReply] = field(default_factory=dict)

    def post(
        self, sequence: int, data: bytes | None = None, final: bool = False, wait_s: float = 10.0
    ) -> ChunkReply:
        parts = [ChunkPart(CHUNKS[sequence] if data is None else data, PCM)]
        chunk = Chunk(sequence, parts, final, self.clock())
        self.replies[sequence], self.repeated = self.session.post(chunk, wait_s)
        return self.replies[sequence]

    def post_range(self, first: int, end: int, wait_s: float = 10.0) -> None:
        for sequence in range(first, end):
            self.post(sequence, final=sequence == LAST, wait_s=wait_s)

    def post_all(self) -> None:
        self.post_range(0, len(CHUNKS))

    def told(self, sequence: int) -> str:
        reply = self.replies[sequence]
        segments = self.session.transcript.segments[reply.first_segment : reply.end_segment]
        return "".join(segment.text for segment in segments)

    def appended(self) -> str:
        """What a client has that appends every reply's text in order of sequence."""
        return "".join(self.told(sequence) for sequence in sorted(self.replies)).strip()

    def appended_words(self) -> list[int]:
        return words(self.appended())

    def text(self) -> str:
        return self.session.transcript.text()

    def words(self) -> list[int]:
        """The numbers of the words that are final."""
        return words(self.text())

    def wait_idle(self) -> None:
        assert self.pool.wait_idle(10)

    def advance(self, seconds: float) -> None:
        """Move the clock on."""
        assert isinstance(self.clock, Clock)
        self.clock.advance(seconds)
