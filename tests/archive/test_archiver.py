"""One after the other, again and again where it fails, and in nobody's way."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest

from tests.support.recordings import RATE_HZ, encode, recording
from tests.support.server import wait_for
from transcriber.archive import archiver as archiver_module
from transcriber.archive.archiver import Archiver
from transcriber.archive.storage import StorageProblem
from transcriber.audio.processes.remote_remux import Moved
from transcriber.engine.window import DecodingOptions
from transcriber.journal.journal import SqlJournal
from transcriber.live.chunk import Chunk
from transcriber.live.intake import ChunkPart
from transcriber.live.ledger import Standing

WAIT_S, PAUSE_S = 20.0, 0.01
# 2001-09-09, a quarter to two at night in Greenwich.
THEN_S, DAY = 1_000_000_000.0, "2001-09-09"
WAV = encode(recording("en/short-austen-0880.flac").samples()[:RATE_HZ])
NAMES = ["original.wav", "transcript.srt", "transcript.vtt", "transcript.json"]


class Storage:
    """Keeps what is put in memory, in order; fails, or is slow, as a test wants it."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.puts: list[str] = []
        self.refuse: Callable[[str], bool] = lambda name: False
        self.let_go = threading.Event()
        self.let_go.set()

    def put(self, name: str, data: IO[bytes] | bytes) -> None:
        """Keep something."""
        self.puts.append(name)
        assert self.let_go.wait(WAIT_S)
        if self.refuse(name):
            raise StorageProblem("GenericError", f"PUT /bucket/{name} failed")
        self.kept[name] = data if isinstance(data, bytes) else data.read()

    def names(self, session_id: str) -> list[str]:
        """Return what is kept of a session, in the order in which it came."""
        return [name.rpartition("/")[2] for name in self.kept if f"/{session_id}/" in name]


class Place:
    """A journal, an archive, and what goes from one to the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now_s = THEN_S
        self.storage = Storage()
        self.journal = SqlJournal(folder, 0.0, lambda: self.now_s, archives=True)
        self.archiver = Archiver(
            self.journal,
            self.storage,
            lambda file, streams, new_file: Moved(kept=list(range(len(streams)))),
            lambda stored, snapshot: {"state": snapshot.state},
            folder,
            PAUSE_S,
        )

    def end(self, session_id: str) -> None:
        """Have a session that ends now, and wait until it may be archived."""
        ledger = self.journal.ledger(session_id, DecodingOptions())
        ledger.chunk(Chunk(0, [ChunkPart(WAV)]))
        ledger.stands(Standing("ended"), ())
        ledger.wait_written()
        self.now_s += 10

    def wait_archived(self, session_id: str) -> None:
        """Wait until a session waits no longer."""
        wait_for(lambda: not self.journal.unarchived.waits(session_id), WAIT_S)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setattr(archiver_module, "_LOOK_S", 0.01)
    place = Place(tmp_path)
    place.archiver.start()
    yield place
    place.storage.let_go.set()
    place.archiver.stop()
    place.journal.stop()


def test_the_transcript_comes_last_under_the_day_and_the_id(place: Place) -> None:
    place.end("one-session")
    place.wait_archived("one-session")
    assert list(place.storage.kept) == [f"{DAY}/one-session/{name}" for name in NAMES]
    assert place.storage.kept[f"{DAY}/one-session/original.wav"] == WAV


def test_what_fails_is_counted_told_and_done_again_until_it_is_there(place: Place) -> None:
    place.storage.refuse = lambda name: name.endswith("vtt")
    place.end("one-session")
    wait_for(lambda: place.archiver.state.failures >= 3, WAIT_S)
    state = place.archiver.state
    assert (state.waiting, state.problem, state.archived) == (1, "GenericError", 0)
    place.storage.refuse = lambda name: False
    place.wait_archived("one-session")
    wait_for(lambda: place.archiver.state.archived == 1, WAIT_S)
    assert place.archiver.state.problem is None
    assert sorted(place.storage.names("one-session")) == sorted(NAMES)


def test_one_that_always_fails_keeps_no_other_waiting(place: Place) -> None:
    place.storage.refuse = lambda name: "/bad-session/" in name
    place.end("bad-session")
    for number in range(3):
        place.end(f"good-session-{number}")
    for number in range(3):
        place.wait_archived(f"good-session-{number}")
    assert place.journal.unarchived.waits("bad-session")


def test_pauses_grow_with_every_failure_that_follows(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.storage.refuse = lambda name: True
    place.end("one-session")
    wait_for(lambda: place.archiver.state.failures >= 4, WAIT_S)
    assert place.archiver._pause_s >= PAUSE_S * 2**4
    monkeypatch.setattr(archiver_module, "_LONGEST_PAUSE_S", PAUSE_S)
    wait_for(lambda: place.archiver._pause_s == PAUSE_S, WAIT_S)


def test_neither_a_line_nor_the_state_tells_the_key_to_the_session(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    place.storage.refuse = lambda name: name.endswith("wav")
    place.end("secret-session-id")
    wait_for(lambda: place.archiver.state.failures, WAIT_S)
    place.storage.refuse = lambda name: False
    place.wait_archived("secret-session-id")
    wait_for(lambda: "Archived" in caplog.text, WAIT_S)
    assert "failed" in caplog.text
    assert "secret-session-id" not in caplog.text


def test_while_an_upload_hangs_sessions_begin_and_end_and_the_state_is_told(place: Place) -> None:
    place.storage.let_go.clear()
    place.end("first-session")
    wait_for(lambda: place.storage.puts, WAIT_S)
    place.end("second-session")
    assert place.archiver.state.waiting == 2
    place.storage.let_go.set()
    place.wait_archived("second-session")


def test_one_that_is_deleted_meanwhile_gets_no_transcript_and_is_no_failure(place: Place) -> None:
    place.storage.let_go.clear()
    place.end("one-session")
    wait_for(lambda: place.storage.puts, WAIT_S)
    stored = place.journal.read("one-session")
    assert stored is not None
    ledger = place.journal.ledger("one-session", stored.options, stored.watch_id)
    ledger.delete()
    ledger.wait_written()
    place.storage.let_go.set()
    place.end("next-session")
    place.wait_archived("next-session")
    assert place.storage.names("one-session") == ["original.wav"]
    assert place.archiver.state.failures == 0


def test_without_room_for_temporary_files_it_waits(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archiver_module, "no_room", lambda folder, size: OSError("no room is left"))
    place.end("one-session")
    wait_for(lambda: place.archiver.state.failures, WAIT_S)
    assert not place.storage.puts
    monkeypatch.undo()
    place.wait_archived("one-session")


def test_nothing_is_left_in_the_folder(place: Place) -> None:
    before = {path.name for path in place.folder.iterdir()}
    place.end("one-session")
    place.wait_archived("one-session")
    assert {path.name for path in place.folder.iterdir()} == before


def test_what_is_not_done_when_the_process_ends_is_done_by_the_next(place: Place) -> None:
    place.storage.refuse = lambda name: True
    place.end("one-session")
    wait_for(lambda: place.archiver.state.failures, WAIT_S)
    place.archiver.stop()
    place.journal.stop()
    again = Place(place.folder)
    again.now_s += 10
    assert again.archiver.state.waiting == 1
    again.archiver.start()
    again.wait_archived("one-session")
    again.archiver.stop()
    again.journal.stop()


def test_a_session_without_audio_has_a_transcript_only(place: Place) -> None:
    ledger = place.journal.ledger("no-audio", DecodingOptions())
    ledger.chunk(Chunk(0, [ChunkPart(b"")], final=True))
    ledger.stands(Standing("ended"), ())
    ledger.wait_written()
    place.now_s += 10
    place.wait_archived("no-audio")
    assert place.storage.names("no-audio") == NAMES[1:]
    assert place.storage.kept[f"{DAY}/no-audio/transcript.vtt"] == b"WEBVTT\n"
