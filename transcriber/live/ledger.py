"""What a session writes down as it goes, so that it can go on after a crash.

The rule that makes it work: nothing is told to anybody that is not written down. A chunk is on disk
before it is accepted; replies and segments are handed over in the order in which they come about,
and whoever is to be told of them waits until they are there.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from transcriber.audio.errors import NotAudio, TooLong, Undecodable
from transcriber.engine.window import SAMPLE_RATE_HZ, DecodingOptions
from transcriber.live.chunk import Chunk
from transcriber.live.errors import SequenceGivenUp
from transcriber.live.intake import NO_SKIP, AudioSeconds, Skip
from transcriber.live.language import LanguageState
from transcriber.live.replies import Answer
from transcriber.live.snapshot import Kind, State
from transcriber.live.transcript import Segment, Settled

_NO_AUDIO = AudioSeconds()


@dataclass(frozen=True)
class Refusal:
    """An error that somebody was told, as it is written down; `limit_s` where it has one."""

    kind: str
    detail: str
    limit_s: float = 0.0

    @classmethod
    def of(cls, error: Exception) -> Refusal:
        """Return what is written down of an error."""
        limit_s = error.limit_s if isinstance(error, TooLong) else 0.0
        return cls(type(error).__name__, str(error), limit_s)

    def error(self) -> Exception:
        """Return the error; what is no fault of the audio is told without its details."""
        if self.kind == TooLong.__name__:
            return TooLong(self.limit_s)
        if self.kind == SequenceGivenUp.__name__:
            return SequenceGivenUp()
        kinds = {one.__name__: one for one in (NotAudio, Undecodable)}
        return kinds.get(self.kind, RuntimeError)(self.detail)


@dataclass(frozen=True)
class Standing:
    """Where a session stands, as far as that can't be found out from its chunks again.

    Attributes:
        state: active, or how it ended.
        revision: of its transcript.
        settled: what lies before this sample is final or silent, and never needed again.
        segments: how many there are.
        final: how many samples are in final pieces.
        language: what was found out of it, if that was anything.
        audio: the account of its seconds.
        duration_s: its length, once it is known.
        refusal: why it failed, if it did.
    """

    state: State = "active"
    revision: int = 0
    settled: int = 0
    segments: int = 0
    final: int = 0
    language: LanguageState | None = None
    audio: AudioSeconds = _NO_AUDIO
    duration_s: float | None = None
    refusal: Refusal | None = None

    @property
    def all_settled(self) -> Settled:
        """The same as clients are told it."""
        return Settled(self.settled * 1000 // SAMPLE_RATE_HZ / 1000, self.segments)


@dataclass(frozen=True)
class StoredChunk:
    """A chunk as it was written down; one without `chunk` was never received and given up.

    `chunk` has no bytes where the session's audio has been deleted.
    """

    sequence: int
    chunk: Chunk | None
    fingerprint: bytes
    answer: Answer | None


@dataclass(frozen=True)
class StoredSession:
    """All that was written down of a session.

    Attributes:
        age_s: seconds since audio came last.
        kind: a live session, or an upload: its chunks are pieces of its files, and `final` is the
            last of each.
        skip: what of it an earlier session has made final.
        chunks: reads them from disk, in order of sequence, one at a time.
        tries: how often a process has ended while it brought this session back.
        hung: how often the model has hung on it, so that the process had to be replaced.
    """

    id: str
    watch_id: str
    options: DecodingOptions
    standing: Standing
    age_s: float
    segments: Sequence[Segment]
    chunks: Callable[[], Iterator[StoredChunk]]
    kind: Kind = "session"
    skip: Skip = NO_SKIP
    tries: int = 0
    hung: int = 0


@dataclass(frozen=True)
class StoredHead:
    """What finds a stored session."""

    id: str
    watch_id: str
    active: bool


def new_watch_id() -> str:
    """Return an id that nobody can guess."""
    return secrets.token_urlsafe(24)


class Ledger(Protocol):
    """Where one session is written down. Its methods return before that is done, but for two.

    Attributes:
        watch_id: the id by which the session can be read, and no more.
    """

    watch_id: str

    def chunk(self, chunk: Chunk) -> None:
        """Write a chunk down, and return when it is on disk.

        Raises:
            StorageError: it can't be; nothing was.
        """

    def refused(self, sequence: int) -> None:
        """A chunk turned out to be no audio: it is as if it had never come."""

    def lost(self, sequences: Sequence[int]) -> None:
        """Chunks were given up that never came."""

    def answered(self, sequence: int, answer: Answer) -> None:
        """A chunk has its reply, or the error it was refused with."""

    def stands(self, standing: Standing, new: Sequence[Segment]) -> None:
        """Segments have become final, or the session has ended."""

    def wait_written(self) -> None:
        """Wait until all of this is on disk.

        Raises:
            StorageError: that takes too long; it is tried further.
        """

    def close(self) -> None:
        """Write nothing more; what is there stays."""

    def delete(self) -> None:
        """Remove everything of the session; it may be closed already."""

    def forget(self) -> None:
        """The same for one that nobody may read any more, but not before it is archived."""


class NoLedger:
    """For sessions that live in memory only."""

    def __init__(self) -> None:
        self.watch_id = new_watch_id()

    def chunk(self, chunk: Chunk) -> None:
        """Write nothing."""

    def refused(self, sequence: int) -> None:
        """Write nothing."""

    def lost(self, sequences: Sequence[int]) -> None:
        """Write nothing."""

    def answered(self, sequence: int, answer: Answer) -> None:
        """Write nothing."""

    def stands(self, standing: Standing, new: Sequence[Segment]) -> None:
        """Write nothing."""

    def wait_written(self) -> None:
        """There is nothing to wait for."""

    def close(self) -> None:
        """Nothing is written anyway."""

    def delete(self) -> None:
        """There is nothing to remove."""

    def forget(self) -> None:
        """There is nothing to remove."""


class Journal(Protocol):
    """Where the sessions of a store are written down."""

    def ledger(
        self,
        session_id: str,
        options: DecodingOptions,
        watch_id: str | None = None,
        kind: Kind = "session",
    ) -> Ledger:
        """Return where a session is written down; with its `watch_id`, one that is there."""

    def stored(self) -> Sequence[StoredHead]:
        """Return which sessions an earlier process has left."""

    def forgotten(self) -> Sequence[str]:
        """Return the ids of those that nobody may read any more."""

    def load(self, session_id: str) -> StoredSession | None:
        """Return what was written down of a session; None if there is nothing.

        It is noted that this was tried, until `is_back` is called.
        """

    def is_back(self, session_id: str) -> None:
        """A session that was loaded goes on."""

    def has_hung(self, session_ids: Sequence[str]) -> None:
        """The model hangs on these sessions, and the process is about to be replaced."""

    def tidy(self) -> None:
        """Do what is due: delete old audio, look for room. Called twice a second."""


class NoJournal:
    """Keeps nothing: sessions end with the process."""

    def ledger(
        self,
        session_id: str,
        options: DecodingOptions,
        watch_id: str | None = None,
        kind: Kind = "session",
    ) -> Ledger:
        """Return one that writes nothing."""
        return NoLedger()

    def stored(self) -> Sequence[StoredHead]:
        """Nothing was left."""
        return ()

    def forgotten(self) -> Sequence[str]:
        """Nothing was left."""
        return ()

    def load(self, session_id: str) -> StoredSession | None:
        """Nothing was left."""
        return None

    def is_back(self, session_id: str) -> None:
        """None was loaded."""

    def has_hung(self, session_ids: Sequence[str]) -> None:
        """They are gone with the process."""

    def tidy(self) -> None:
        """There is nothing to delete."""
