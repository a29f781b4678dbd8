"""The running service: engine and sessions together, and whether new work is welcome."""

from __future__ import annotations

import functools
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager

from sqlalchemy.exc import OperationalError

from config.servers import read_servers
from config.settings import SettingError, Settings
from transcriber.access.addresses import Proxies
from transcriber.access.keys import KeyRing
from transcriber.access.quotas import Quotas
from transcriber.archive.archiver import ArchiveState
from transcriber.archive.chosen import chosen_archiver
from transcriber.archive.transcript import Describe
from transcriber.audio.decode import Part
from transcriber.audio.errors import AudioError
from transcriber.audio.opened import Opened
from transcriber.audio.processes.children import Children
from transcriber.audio.processes.remote_recording import open_recording
from transcriber.audio.processes.remote_stream import RemoteStream
from transcriber.engine.engine import Engine
from transcriber.engine.times import Times
from transcriber.engine.window import DecodingOptions
from transcriber.gpu import GpuMemories
from transcriber.journal.database import FolderInUse
from transcriber.journal.journal import SqlJournal
from transcriber.live.errors import StorageError
from transcriber.live.ledger import Journal, NoJournal, Standing, StoredSession
from transcriber.live.line import Line
from transcriber.live.owners import Owner
from transcriber.live.store import SessionStore
from transcriber.live.upload import Upload, new_upload_id
from transcriber.memory import trimmer
from transcriber.metrics import Metrics
from transcriber.watchdog import Watchdog

log = logging.getLogger(__name__)

CPU_SESSIONS, CUDA_SESSIONS = 10, 100
# Recordings that may wait besides what all sessions together can ask for.
_MOST_RECORDINGS = 12
# Each session waits for one pass that shows words, and one that makes some final.
_PASSES_A_SESSION = 2
# Threads that never wait for a pass or a poll, so that `/health` always finds one.
_FREE_THREADS = 16


class Service:
    """What the HTTP layer calls.

    Args:
        settings: the settings.
        on_ready: called when the model is ready.

    Attributes:
        decoders: the processes that decode bytes.
        bodies: how many more request bodies may be read.
        origins, keys, proxies, quotas: who may use it, and how much.
        chunk_times: server time of complete replies to chunks.
        metrics: what is told to Prometheus.
        describe: says what the HTTP layer tells of a session; set by it.

    Raises:
        SettingError: one of the settings that are lists can't be used, or the folder for sessions.
    """

    def __init__(self, settings: Settings, on_ready: Callable[[], None] | None = None) -> None:
        self.settings = settings
        self.servers = read_servers(settings.servers)
        self.origins = settings.origins()
        self.keys = KeyRing.parse(settings.api_keys)
        self.proxies = Proxies.parse(settings.trusted_proxies)
        self.quotas = Quotas(settings)
        self.instance_id = secrets.token_hex(4)
        self._on_ready = on_ready
        self.engine = Engine(settings, self._begin)
        self._journal = _journal(settings)
        self.describe: Describe = lambda stored, snapshot: {}
        self._written_in: Journal = self._journal or NoJournal()
        self.decoders = Children(settings.decoders, settings.decode_timeout_s)
        self.store = SessionStore(
            settings,
            self.engine.submit,
            self._session_limit,
            journal=self._journal,
            ready=self.engine.model,
            new_stream=functools.partial(RemoteStream, self.decoders),
        )
        self.store.restore_upload = self._restore_upload
        self.store.owners.charge = self.quotas.note_audio
        self._archiver = chosen_archiver(
            settings,
            self._journal,
            self.decoders,
            lambda stored, snapshot: self.describe(stored, snapshot),
        )
        self.metrics = Metrics(
            self.engine.pool.state,
            lambda: self.queue_depth,
            self.store.state,
            self.store.totals,
            lambda: self.decoders.ended,
            GpuMemories().read,
            lambda: self.archive or ArchiveState(),
        )
        self.engine.pool.on_pass = self.metrics.note_pass
        self.engine.pool.on_job = self.metrics.note_job
        self._line = Line(at_once=max(2, settings.workers))
        self._trimmer = trimmer()
        self._watchdog = Watchdog(self.engine.pool, self._written_in)
        self.draining = False
        self._gate = threading.Semaphore(max(1, settings.threads - _FREE_THREADS))
        self.bodies = threading.Semaphore(settings.most_bodies)
        self.chunk_times = Times()
        self._in_flight = 0
        self._changed = threading.Condition()

    def start(self) -> None:
        """Load the model in the background and begin the upkeep of sessions."""
        self.decoders.start()
        self.engine.start()
        self.store.start()
        self._trimmer.start()
        self._watchdog.start()
        if self._archiver is not None:
            self._archiver.start()

    def replace_by(self, end: Callable[[], None]) -> None:
        """Call `end` when the model hangs: it ends the process, in whose place another comes."""
        self._watchdog.end = end

    def stop(self) -> None:
        """Stop all threads."""
        self.store.release_readers()
        self.store.stop()
        self._trimmer.stop()
        self._watchdog.stop()
        self.engine.stop()
        if self._archiver is not None:
            self._archiver.stop()
        self.decoders.stop()
        if self._journal is not None:
            self._journal.stop()

    def _begin(self) -> None:
        """The model is ready: what a crash broke off can go on."""
        if self._on_ready is not None:
            self._on_ready()
        threading.Thread(target=self.store.bring_back, name="bring-back", daemon=True).start()

    @property
    def storage_problem(self) -> StorageError | None:
        """Why sessions can't be written down at the moment, None if they can."""
        return self._journal.problem if self._journal is not None else None

    @property
    def archive(self) -> ArchiveState | None:
        """How the archive is; None if there is none."""
        return self._archiver.state if self._archiver is not None else None

    def _session_limit(self) -> int:
        if self.settings.max_sessions:
            return self.settings.max_sessions
        return CUDA_SESSIONS if self.engine.state.device == "cuda" else CPU_SESSIONS

    @property
    def queue_limit(self) -> int:
        """How many model jobs may wait."""
        own = self.settings.queue_limit
        return own or _PASSES_A_SESSION * self._session_limit() + _MOST_RECORDINGS

    @property
    def queue_depth(self) -> int:
        """How many model jobs wait; a recording is one, even before its first."""
        return self.engine.pool_state.depth + self._line.waiting

    @property
    def queue_full(self) -> bool:
        """Whether as many model jobs wait as are allowed to."""
        return self.queue_depth >= self.queue_limit

    def recording_turn(self) -> AbstractContextManager[None]:
        """Wait until a whole recording may be taken, and take it within.

        However many come, they leave room in the queue for what the sessions ask for.

        Raises:
            QueueFull: as many wait as may.
        """
        left = self.queue_limit - _PASSES_A_SESSION * self._session_limit()
        return self._line.turn(max(self._line.at_once, left))

    @contextmanager
    def waiting(self, wait_s: float) -> Iterator[float]:
        """Give how long this request may wait: nothing, if too many threads wait already."""
        free = self._gate.acquire(blocking=False)
        try:
            yield wait_s if free else 0.0
        finally:
            if free:
                self._gate.release()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Count work on audio that was taken, so that draining waits for it."""
        with self._changed:
            self._in_flight += 1
        try:
            yield
        finally:
            with self._changed:
                self._in_flight -= 1
                self._changed.notify_all()

    def open_recording(self, parts: Sequence[Part], max_s: float) -> Opened:
        """Open a whole recording; see `OpenRecording`."""
        return open_recording(self.decoders, parts, max_s)

    def upload(
        self, parts: Sequence[Part], options: DecodingOptions, owners: Sequence[Owner] = ()
    ) -> Upload:
        """Take a whole recording, and transcribe it in the background.

        Raises:
            TooManySessions, TooManyOfOwner: all places are taken, or all of an owner's.
            AudioError: it is no audio.
            StorageError: it can't be written down.
        """
        upload = self._new_upload(new_upload_id(), options)
        self.store.add(upload, owners)
        try:
            upload.take(parts, self.settings.max_audio_s)
            self._start(upload)
        except BaseException as error:  # whatever it is, nothing stays behind
            no_audio = isinstance(error, AudioError)
            self.store.delete(upload.id, outcome="refused" if no_audio else "failed")
            raise
        return upload

    def _new_upload(
        self, upload_id: str, options: DecodingOptions, watch_id: str | None = None
    ) -> Upload:
        ledger = self._written_in.ledger(upload_id, options, watch_id, "upload")
        return Upload(
            options,
            self.engine.submit,
            open_recording=self.open_recording,
            upload_id=upload_id,
            ledger=ledger,
        )

    def _start(self, upload: Upload) -> None:
        work = ExitStack()
        try:
            work.enter_context(self.working())
            upload.start(when_done=work.close)
        except BaseException:
            work.close()
            raise

    def _restore_upload(self, stored: StoredSession) -> None:
        """Take up an upload again; one that was never accepted is forgotten."""
        upload = self._new_upload(stored.id, stored.options, stored.watch_id)
        if stored.standing == Standing():
            upload.ledger.delete()
            return
        upload.restore(stored, self.settings.max_audio_s)
        self.store.keep(upload)
        if upload.state == "active":
            self._start(upload)

    def drain(self, timeout_s: float) -> bool:
        """Refuse new audio and wait until all that was accepted is done; late uploads fail.

        Returns:
            Whether everything was done in time.
        """
        self.draining = True
        deadline_s = time.monotonic() + timeout_s
        with self._changed:
            done = self._changed.wait_for(lambda: self._in_flight == 0, timeout_s)
        left_s = max(0.0, deadline_s - time.monotonic())
        idle = self.engine.pool.wait_idle(left_s)
        self.store.release_readers()  # by now they have been told the last words
        return idle and done


def _journal(settings: Settings) -> SqlJournal | None:
    folder = settings.data_path()
    if folder is None:
        return None
    try:
        return SqlJournal(folder, settings.keep_audio_s, archives=settings.archive() is not None)
    except (OSError, OperationalError, FolderInUse) as error:
        reason = getattr(error, "orig", None) or error
        raise SettingError(
            f"Sessions can't be written down in {folder}: {reason}. Give DATA_DIR a folder of its"
            " own that can be written to, or leave it empty (DATA_DIR=) to keep them in memory only"
        ) from None
