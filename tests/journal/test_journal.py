"""What the journal keeps, and for how long."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journal.conftest import Clock
from tests.support.server import wait_for
from transcriber.engine.window import DecodingOptions
from transcriber.journal import journal as journal_module
from transcriber.journal.journal import SqlJournal
from transcriber.live.chunk import Chunk
from transcriber.live.intake import ChunkPart
from transcriber.live.ledger import Standing

SESSION_ID, BYTES = "session-of-a-journal", b"bytes that nobody else has"
KEEP_AUDIO_S, WAIT_S = 60.0, 10.0


@pytest.fixture
def journal(tmp_path: Path, clock: Clock) -> Iterator[SqlJournal]:
    journal = SqlJournal(tmp_path, KEEP_AUDIO_S, clock)
    yield journal
    journal.stop()


def kept_bytes(journal: SqlJournal) -> bytes:
    stored = journal.load(SESSION_ID)
    assert stored is not None
    parts = [part for one in stored.chunks() if one.chunk for part in one.chunk.parts]
    return b"".join(part.data for part in parts)


def test_audio_is_kept_for_as_long_as_is_wanted_after_the_end(
    journal: SqlJournal, clock: Clock, tmp_path: Path
) -> None:
    ledger = journal.ledger(SESSION_ID, DecodingOptions())
    ledger.chunk(Chunk(0, [ChunkPart(BYTES)]))
    clock.now_s += 10 * KEEP_AUDIO_S
    journal.tidy()
    ledger.stands(Standing("ended"), ())
    ledger.wait_written()
    clock.now_s += KEEP_AUDIO_S - 1
    journal.tidy()
    assert kept_bytes(journal) == BYTES
    clock.now_s += 10
    journal.tidy()
    wait_for(lambda: not kept_bytes(journal), WAIT_S, "the audio is still there")

    def on_disk() -> bool:
        return any(BYTES in path.read_bytes() for path in tmp_path.iterdir())

    wait_for(lambda: not on_disk(), WAIT_S, "it can still be found in the file")


def test_sessions_that_go_on_are_found_first(journal: SqlJournal) -> None:
    for number, state in enumerate(("ended", "active", "ended")):
        ledger = journal.ledger(f"{SESSION_ID}-{number}", DecodingOptions())
        ledger.chunk(Chunk(0, [ChunkPart(BYTES)]))
        ledger.stands(Standing(state), ())  # type: ignore[arg-type]
        ledger.wait_written()
    assert [head.active for head in journal.stored()] == [True, False, False]


def test_nothing_is_written_of_a_session_any_more_once_its_ledger_is_closed(
    journal: SqlJournal,
) -> None:
    ledger = journal.ledger(SESSION_ID, DecodingOptions())
    ledger.chunk(Chunk(0, [ChunkPart(BYTES)]))
    ledger.close()
    ledger.stands(Standing("expired"), ())
    ledger.wait_written()
    stored = journal.load(SESSION_ID)
    assert stored is not None
    assert stored.standing.state == "active"


def test_there_is_nothing_to_load_of_a_session_that_never_was(journal: SqlJournal) -> None:
    assert journal.load("no-such-session") is None


def test_what_was_deleted_just_before_a_crash_is_gone_when_the_next_process_has_begun(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    crashed, left = tmp_path / "crashed", tmp_path / "left"
    with monkeypatch.context() as never_scrubbed:
        never_scrubbed.setattr(journal_module, "_scrub", lambda connection: True)
        journal = SqlJournal(crashed, KEEP_AUDIO_S, clock)
        ledger = journal.ledger(SESSION_ID, DecodingOptions())
        ledger.chunk(Chunk(0, [ChunkPart(BYTES)]))
        ledger.delete()
        ledger.wait_written()
        shutil.copytree(crashed, left)
        journal.stop()
    assert any(BYTES in path.read_bytes() for path in left.iterdir())
    journal = SqlJournal(left, KEEP_AUDIO_S, clock)
    found = [path.name for path in left.iterdir() if BYTES in path.read_bytes()]
    journal.stop()
    assert not found
