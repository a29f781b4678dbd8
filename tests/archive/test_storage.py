"""Where it goes: a folder, and S3."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.s3 import BUCKET, S3, an_s3
from transcriber.archive import storage as storage_module
from transcriber.archive.storage import Storage, StorageProblem

DATA = bytes(range(256)) * 4096  # 1 MiB


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    s3 = an_s3()
    with s3.running():
        yield s3


@pytest.fixture
def environment(s3: S3, monkeypatch: pytest.MonkeyPatch) -> S3:
    """The variables that the library reads."""
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    return s3


def test_a_folder_is_made_for_its_own_user_and_things_in_it_are_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "a folder" / "archive"
    storage = Storage(f"file://{tmp_path}/a%20folder/archive")
    assert folder.stat().st_mode & 0o777 == 0o700
    for data in (b"before", b"after"):
        storage.put("2026-11-28/id/transcript.json", data)
    storage.put("2026-11-28/id/audio.wav", io.BytesIO(DATA))
    assert (folder / "2026-11-28/id/transcript.json").read_bytes() == b"after"
    assert (folder / "2026-11-28/id/audio.wav").read_bytes() == DATA


def test_a_folder_that_cannot_be_made_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StorageProblem, match="file"):
        Storage(f"file://{tmp_path}/file/archive")


def test_a_folder_that_went_away_is_told_when_something_is_put(tmp_path: Path) -> None:
    storage = Storage(f"file://{tmp_path}/archive")
    (tmp_path / "archive").rmdir()
    (tmp_path / "archive").write_text("no folder")
    with pytest.raises(StorageProblem):
        storage.put("2026-11-28/id/audio.wav", DATA)


@pytest.mark.parametrize("prefix", ["", "/talks/2026"])
def test_a_bucket_takes_things_below_a_prefix_and_replaces_them(
    environment: S3, prefix: str
) -> None:
    storage = Storage(f"s3://{BUCKET}{prefix}")
    for data in (b"before", b"after"):
        storage.put("2026-11-28/id/transcript.json", data)
    assert environment.get(f"{prefix}/2026-11-28/id/transcript.json".lstrip("/")) == b"after"


def test_what_is_large_goes_in_pieces(environment: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_module, "_PIECE_BYTES", 5 << 20)  # S3 takes no smaller ones
    Storage(f"s3://{BUCKET}").put("large/audio.wav", io.BytesIO(11 * DATA))
    assert environment.get("large/audio.wav") == 11 * DATA


def test_a_bucket_that_is_not_there_is_told(environment: S3) -> None:
    with pytest.raises(StorageProblem) as told:
        Storage("s3://another-bucket").put("2026-11-28/id/audio.wav", DATA)
    assert told.value.kind
    assert "NoSuchBucket" in str(told.value)


def test_that_nobody_answers_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in an_s3().environment().items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StorageProblem) as told:
        Storage(f"s3://{BUCKET}").put("2026-11-28/id/audio.wav", DATA)
    assert told.value.kind == "GenericError"
    assert "a-secret" not in str(told.value)
