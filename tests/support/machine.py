"""A store of sessions on disk that can crash at any moment, and start again."""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path

from tests.support.engine import Clock, FakeModel, pool_of
from tests.support.rig import SETTINGS, TALK, Rig
from transcriber.audio.container_thread import Piece
from transcriber.audio.errors import NoDecoder
from transcriber.audio.pcm import PcmFormat
from transcriber.audio.stream import StreamDecoder
from transcriber.engine.pool import WorkerPool
from transcriber.engine.window import DecodingOptions
from transcriber.journal.database import NAME
from transcriber.journal.journal import SqlJournal
from transcriber.live.replies import ChunkReply
from transcriber.live.session import Session
from transcriber.live.store import SessionStore

SESSION_ID = "session-that-returns"


class FlakyStream(StreamDecoder):
    """A stream that nothing can decode at times."""

    broken = False

    def feed(self, data: bytes, pcm: PcmFormat | None = None) -> list[Piece]:
        if FlakyStream.broken:
            raise NoDecoder("No decoder can be started at the moment.")
        return super().feed(data, pcm)


class Machine:
    """A store on disk that can crash: what is on disk at that moment is all that is left."""

    def __init__(self, folder: Path, ends: ExitStack) -> None:
        self._folder = folder
        self._ends = ends
        self._lives = 0
        self.clock, self.model = Clock(), FakeModel(TALK)
        self.now_s = 1000.0
        self.keep_audio_s = 0.0
        self.replies: dict[int, ChunkReply] = {}
        self._start(folder / "0")

    def _start(self, folder: Path) -> None:
        self.folder = folder
        self.pool: WorkerPool = self._ends.enter_context(pool_of(self.model))
        self.journal = SqlJournal(folder, self.keep_audio_s, lambda: self.now_s)
        self._ends.callback(self.journal.stop)
        self.store = SessionStore(
            SETTINGS,
            self.pool.submit,
            lambda: 10,
            self.clock,
            journal=self.journal,
            new_stream=FlakyStream,
        )

    def crash(self) -> None:
        """End at once, and start again on what is on disk."""
        self._lives += 1
        copy = self._folder / str(self._lives)
        copy.mkdir()
        with (
            closing(sqlite3.connect(self.folder / NAME)) as now,
            closing(sqlite3.connect(copy / NAME)) as then,
        ):
            now.backup(then)  # what was committed
        # Whatever the dead process still does, nobody sees it.
        self.model = FakeModel(TALK)
        self._start(copy)

    def open(self, options: DecodingOptions | None = None) -> Rig:
        """Begin the session, or go on with it."""
        session, _ = self.store.open(SESSION_ID, options or DecodingOptions())
        return self.rig(session)

    def rig(self, session: Session | None = None) -> Rig:
        """Return a client that has kept its replies over the crash."""
        session = session or self.store.live(SESSION_ID)
        return Rig(session, self.model, self.pool, self.clock, self.replies)
