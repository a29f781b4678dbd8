"""Uploads in the background are written down too: another process takes them up."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.engine import talk
from tests.support.recordings import RATE_HZ, encode
from transcriber.audio.decode import Part
from transcriber.audio.errors import TooLong, Undecodable
from transcriber.audio.opened import Opened, open_here
from transcriber.engine.window import DecodingOptions
from transcriber.journal.journal import SqlJournal
from transcriber.live.upload import Upload

OPTIONS, TALK = DecodingOptions(), talk()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqlJournal]:
    journal = SqlJournal(tmp_path, 0.0)
    yield journal
    journal.stop()


def written(journal: SqlJournal, *parts: Part) -> Upload:
    """Hand in files, which are written down and not transcribed."""
    ledger = journal.ledger("an-upload-of-a-test", OPTIONS, kind="upload")
    one = Upload(OPTIONS, lambda lane, source: None, upload_id="an-upload-of-a-test", ledger=ledger)
    one.take(parts, 60.0)
    return one


def brought_back(journal: SqlJournal) -> tuple[Upload, list[bytes]]:
    """Return the upload as another process finds it, and the files that it opens."""
    opened: list[bytes] = []

    def open_recording(parts: Sequence[Part], max_s: float) -> Opened:
        for part in parts:
            opened.append(part.data.read())
            part.data.seek(0)
        return open_here(parts, max_s)

    stored = journal.load("an-upload-of-a-test")
    assert stored is not None
    one = Upload(
        stored.options,
        lambda lane, source: None,
        open_recording=open_recording,
        upload_id=stored.id,
        ledger=journal.ledger(stored.id, stored.options, stored.watch_id, "upload"),
    )
    one.restore(stored, 60.0)
    return one, opened


def test_the_files_of_an_upload_are_there_again_byte_for_byte(
    journal: SqlJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transcriber.live.upload._PIECE_BYTES", 10_000)
    files = [encode(TALK), encode(TALK[:RATE_HZ], "FLAC")]
    before = written(journal, *(Part(io.BytesIO(data)) for data in files))
    after, opened = brought_back(journal)
    assert opened == files
    assert (after.state, after.watch_id) == ("active", before.watch_id)
    assert after.snapshot().revision > before.snapshot().revision
    for one in (before, after):
        one.release_readers()


def test_why_an_upload_failed_is_told_after_a_restart(journal: SqlJournal) -> None:
    before = written(journal, Part(io.BytesIO(encode(TALK))))
    before._end("failed", TooLong(60.0))
    before.expire()
    before.ledger.wait_written()
    after, opened = brought_back(journal)
    assert not opened
    assert after.snapshot().state == "failed"
    assert isinstance(after.error, TooLong)
    assert str(after.error) == str(TooLong(60.0))


def test_an_upload_that_the_service_had_to_stop_is_taken_up_by_the_next(
    journal: SqlJournal,
) -> None:
    before = written(journal, Part(io.BytesIO(encode(TALK))))
    before.release_readers()
    assert before.snapshot().state == "failed"
    after, opened = brought_back(journal)
    assert opened
    assert after.snapshot().state == "active"
    after.release_readers()


def test_an_upload_that_cannot_be_opened_again_has_failed(journal: SqlJournal) -> None:
    before = written(journal, Part(io.BytesIO(encode(TALK))))
    before.release_readers()

    def refuse(parts: Sequence[Part], max_s: float) -> Opened:
        raise Undecodable("The recording ends whatever decodes it.")

    stored = journal.load("an-upload-of-a-test")
    assert stored is not None
    ledger = journal.ledger(stored.id, stored.options, stored.watch_id, "upload")
    after = Upload(
        OPTIONS,
        lambda lane, source: None,
        open_recording=refuse,
        upload_id=stored.id,
        ledger=ledger,
    )
    after.restore(stored, 60.0)
    assert after.snapshot().state == "failed"
    assert isinstance(after.snapshot().error, Undecodable)
