"""What is to be archived stays until it is, and goes then."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journal.conftest import Clock
from tests.support.server import wait_for
from transcriber.engine.window import DecodingOptions
from transcriber.journal.journal import SqlJournal
from transcriber.journal.session_ledger import SessionLedger
from transcriber.live.chunk import Chunk
from transcriber.live.intake import ChunkPart
from transcriber.live.ledger import Standing

SESSION_ID, BYTES = "session-to-be-archived", b"bytes that nobody else has"
KEEP_AUDIO_S, WAIT_S = 60.0, 10.0


def opened(folder: Path, clock: Clock, archives: bool = True) -> SqlJournal:
    return SqlJournal(folder, KEEP_AUDIO_S, clock, archives=archives)


@pytest.fixture
def journal(tmp_path: Path, clock: Clock) -> Iterator[SqlJournal]:
    journal = opened(tmp_path, clock)
    yield journal
    journal.stop()


def begun(journal: SqlJournal) -> SessionLedger:
    ledger = journal.ledger(SESSION_ID, DecodingOptions())
    ledger.chunk(Chunk(0, [ChunkPart(BYTES)]))
    return ledger


def ended(journal: SqlJournal) -> SessionLedger:
    ledger = begun(journal)
    ledger.stands(Standing("ended"), ())
    ledger.wait_written()
    return ledger


def long_after(journal: SqlJournal, clock: Clock) -> None:
    clock.now_s += 10 * KEEP_AUDIO_S
    journal.tidy()


def size(journal: SqlJournal) -> int:
    return journal.unarchived.size(SESSION_ID)


def test_a_session_waits_from_its_end_on(journal: SqlJournal, clock: Clock) -> None:
    ledger = begun(journal)
    assert not journal.unarchived.waits(SESSION_ID)
    ledger.stands(Standing("ended"), ())
    ledger.wait_written()
    (waiting,) = journal.unarchived.waiting()
    assert (waiting.session_id, waiting.ended_at) == (SESSION_ID, clock.now_s)
    assert not journal.unarchived.waiting(ended_s=1.0)
    assert journal.unarchived.count() == 1


def test_its_audio_stays_until_it_is_archived_and_goes_then(
    journal: SqlJournal, clock: Clock
) -> None:
    ended(journal)
    long_after(journal, clock)
    assert size(journal) == len(BYTES)
    journal.unarchived.done(SESSION_ID)
    long_after(journal, clock)
    wait_for(lambda: not size(journal), WAIT_S, "the audio is still there")
    assert journal.read(SESSION_ID) is not None, "its text can still be read"


def test_one_that_is_forgotten_stays_too_and_all_of_it_goes_then(
    journal: SqlJournal, clock: Clock
) -> None:
    ledger = ended(journal)
    ledger.close()
    ledger.forget()
    ledger.wait_written()
    assert (journal.stored(), journal.forgotten()) == ([], [SESSION_ID])
    assert size(journal) == len(BYTES)
    journal.unarchived.done(SESSION_ID)
    assert (journal.read(SESSION_ID), journal.forgotten()) == (None, [])


def test_one_that_was_archived_before_it_is_forgotten_goes_at_once(journal: SqlJournal) -> None:
    ledger = ended(journal)
    journal.unarchived.done(SESSION_ID)
    ledger.forget()
    ledger.wait_written()
    assert journal.read(SESSION_ID) is None


def test_one_that_never_ended_is_archived_when_it_is_forgotten(journal: SqlJournal) -> None:
    ledger = begun(journal)
    ledger.forget()
    ledger.wait_written()
    assert [one.session_id for one in journal.unarchived.waiting()] == [SESSION_ID]
    assert journal.stored() == []


def test_one_that_is_deleted_does_not_wait_any_more(journal: SqlJournal) -> None:
    ledger = ended(journal)
    ledger.close()
    ledger.delete()
    ledger.wait_written()
    assert not journal.unarchived.count()
    assert journal.read(SESSION_ID) is None


def test_nothing_is_written_to_one_that_waits_under_its_id(journal: SqlJournal) -> None:
    ended(journal)
    with pytest.raises(Exception, match="could not be written down"):
        begun(journal)
    assert size(journal) == len(BYTES)


def test_a_restart_changes_nothing_nor_does_one_without_an_archive(
    tmp_path: Path, clock: Clock
) -> None:
    for archives in (True, False, True):
        journal = opened(tmp_path, clock, archives)
        if not journal.unarchived.count():
            ended(journal)
        long_after(journal, clock)
        assert journal.unarchived.waits(SESSION_ID)
        assert size(journal) == len(BYTES)
        journal.stop()


def test_without_an_archive_nothing_waits(tmp_path: Path, clock: Clock) -> None:
    journal = opened(tmp_path, clock, archives=False)
    ledger = ended(journal)
    assert not journal.unarchived.count()
    ledger.forget()
    ledger.wait_written()
    assert journal.read(SESSION_ID) is None
    journal.stop()


def test_a_file_of_before_there_was_an_archive_is_gone_on_with(
    tmp_path: Path, clock: Clock
) -> None:
    journal = opened(tmp_path, clock, archives=False)
    ended(journal)
    with journal._engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE unarchived")
    journal.stop()
    journal = opened(tmp_path, clock)
    assert [head.id for head in journal.stored()] == [SESSION_ID]
    assert not journal.unarchived.count()
    journal.stop()
