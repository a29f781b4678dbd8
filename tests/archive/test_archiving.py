"""A running server and a running S3: what ends is archived, whatever happens in between."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.api.test_metrics import scrape
from tests.support.heard import heard
from tests.support.live import TIMEOUT_S, LiveSession
from tests.support.recordings import RATE_HZ, blobs, encode, grouped, recording
from tests.support.s3 import S3, an_s3
from tests.support.server import COMMAND, ROOT, Server, free_port, running, wait_for
from transcriber.live.readable import log_name

PREFIX = "talks/2026"
FETCH_S, WAIT_S = 600.0, 60.0
# Two packets of Opus: what a container's clock may round away.
PACKETS_S = 0.04
BLOBS = blobs("webm-opus")[:16]
SHORT = encode(recording("en/short-austen-0880.flac").samples()[: 2 * RATE_HZ])
TRANSCRIPT = ["transcript.json", "transcript.srt", "transcript.vtt"]


@pytest.fixture(scope="module")
def s3() -> S3:
    """Where S3 is to be; it does not run before `Outage` is over."""
    return an_s3()


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sessions")


def session_url(server: Server, session_id: str) -> str:
    return f"{server.url}/sessions/{session_id}"


def transcript(server: Server, session_id: str, kind: str) -> requests.Response:
    url = f"{session_url(server, session_id)}/transcript"
    return requests.get(url, params={"format": kind}, timeout=TIMEOUT_S)


def in_background(server: Server, data: bytes) -> str:
    """Upload a recording, which is answered 202, and return its id."""
    accepted = requests.post(
        f"{server.url}/transcribe",
        files={"audio": data},
        headers={"Prefer": "respond-async"},
        timeout=TIMEOUT_S,
    )
    assert accepted.status_code == 202
    session_id: str = accepted.json()["session_id"]
    return session_id


@dataclass(frozen=True)
class Outage:
    """What came about while S3 could not be reached, and the server was killed and came again.

    Attributes:
        server: the one that runs now, which soon gives up and forgets sessions.
        live, deleted, left, upload: ids of a session that ended, one that was deleted after its
            end, one that nobody ended, and an upload.
        told: what readers were told of the live one, by kind.
        health, failures, log: what the server that was killed told of it.
        on_disk: all bytes of `DATA_DIR` at the end of it.
    """

    server: Server
    live: str
    deleted: str
    left: str
    upload: str
    told: dict[str, requests.Response]
    health: dict[str, Any]
    failures: float
    log: str
    on_disk: bytes


@pytest.fixture(scope="module")
def outage(disk: Path, s3: S3) -> Iterator[Outage]:
    settings = {"MODEL": "tiny.en", "DATA_DIR": disk, **s3.environment(PREFIX)}
    with running(settings) as killed:
        killed.wait_until_ready(FETCH_S)
        live, deleted, left = (LiveSession(killed.url) for _ in range(3))
        left.post(0, SHORT).raise_for_status()
        deleted.post_all([SHORT])
        gone = requests.delete(session_url(killed, deleted.session_id), timeout=TIMEOUT_S)
        assert gone.status_code == 204
        live.post_all(grouped(BLOBS, 8))
        upload = in_background(killed, SHORT)
        told = {kind: transcript(killed, live.session_id, kind) for kind in ("json", "srt", "vtt")}
        failed = "transcriber_archive_failures_total"
        wait_for(lambda: scrape(killed)[failed] > 0, WAIT_S, killed.log)
        failures, health = scrape(killed)[failed], killed.health()
        killed.kill()
        log = killed.log()
    with running(settings | {"SESSION_TTL_S": 0.5, "KEEP_TRANSCRIPTS_S": 0}) as server:
        server.wait_until_ready()
        ids = (live.session_id, deleted.session_id, left.session_id, upload)
        for one in (live.session_id, left.session_id):
            url = session_url(server, one)
            wait_for(lambda url=url: requests.get(url, timeout=5).status_code == 410, WAIT_S)
        on_disk = b"".join(path.read_bytes() for path in disk.iterdir())
        with s3.running():
            yield Outage(server, *ids, told, dict(health), failures, log, on_disk)


def archived(s3: S3, session_id: str) -> dict[str, bytes]:
    """Wait until a session is archived, and return its files."""

    def names() -> list[str]:
        return [name for name in s3.names(PREFIX) if f"/{session_id}/" in name]

    wait_for(lambda: any(name.endswith("transcript.json") for name in names()), WAIT_S)
    return {name.rpartition("/")[2]: s3.get(name) for name in names()}


def test_a_session_that_ended_before_a_kill_is_archived_once_s3_is_back(
    outage: Outage, s3: S3
) -> None:
    files = archived(s3, outage.live)
    assert sorted(files) == ["audio.webm", *TRANSCRIPT]
    for kind in ("srt", "vtt"):
        assert files[f"transcript.{kind}"].decode() == outage.told[kind].text
    same = {"instance_id": None}
    assert json.loads(files["transcript.json"]) | same == outage.told["json"].json() | same
    today = datetime.now(timezone.utc).date().isoformat()
    assert f"{PREFIX}/{today}/{outage.live}/transcript.json" in s3.names(PREFIX)


def test_its_audio_is_the_recorders_own_with_a_length(outage: Outage, s3: S3) -> None:
    before = heard(b"".join(BLOBS))
    after = heard(archived(s3, outage.live)["audio.webm"])
    assert (after.codec, after.rate_hz, after.samples) == (
        before.codec,
        before.rate_hz,
        before.samples,
    )
    assert before.duration_s is None
    assert after.duration_s == pytest.approx(before.seconds, abs=PACKETS_S)


def test_one_that_nobody_ended_is_archived_though_nobody_may_read_it_any_more(
    outage: Outage, s3: S3
) -> None:
    files = archived(s3, outage.left)
    assert json.loads(files["transcript.json"])["state"] == "expired"
    assert heard(files["audio.wav"]).samples == 2 * RATE_HZ


def test_an_upload_that_was_answered_202_is_archived(outage: Outage, s3: S3) -> None:
    files = archived(s3, outage.upload)
    assert sorted(files) == ["audio.wav", *TRANSCRIPT]
    assert json.loads(files["transcript.json"])["state"] == "ended"


def test_one_that_was_deleted_before_is_not(outage: Outage, s3: S3) -> None:
    wait_for(lambda: not outage.server.health()["archive"]["waiting"], WAIT_S)  # type: ignore[index]
    assert not [name for name in s3.names() if outage.deleted in name]
    assert outage.deleted.encode() not in outage.on_disk
    assert all(one.encode() in outage.on_disk for one in (outage.live, outage.left, outage.upload))


def test_meanwhile_health_and_figures_tell_that_and_no_line_tells_an_id(outage: Outage) -> None:
    assert outage.health["status"] == "ok"
    assert outage.health["archive"]["waiting"] >= 1
    assert outage.health["archive"]["problem"] == "GenericError"
    assert outage.failures >= 1
    assert "A session is not archived yet" in outage.log
    assert f"session={log_name(outage.live)}" in outage.log
    for session_id in (outage.live, outage.left, outage.upload):
        assert session_id not in outage.log


def test_what_is_archived_goes_from_disk_and_is_counted(outage: Outage, s3: S3, disk: Path) -> None:
    server = outage.server
    archived(s3, outage.live)
    wait_for(lambda: server.health()["archive"] == {"waiting": 0, "problem": None}, WAIT_S)
    assert scrape(server)["transcriber_archived_total"] >= 3

    def on_disk() -> bytes:
        return b"".join(path.read_bytes() for path in disk.iterdir())

    wait_for(lambda: BLOBS[3][100:200] not in on_disk(), WAIT_S, "the audio is still there")
    wait_for(lambda: outage.left.encode() not in on_disk(), WAIT_S, "all of it should be gone")


def test_an_upload_that_was_answered_with_its_transcript_is_not_archived(
    outage: Outage, s3: S3
) -> None:
    server = outage.server
    done = requests.post(
        f"{server.url}/transcribe",
        files={"audio": SHORT},
        headers={"Prefer": "wait=60"},
        timeout=TIMEOUT_S,
    )
    assert done.status_code == 200
    before = set(s3.names())
    session = LiveSession(server.url)
    session.post(0, SHORT, final=True).raise_for_status()
    archived(s3, session.session_id)
    new = {name for name in s3.names() if name not in before}
    assert {name.split("/")[-2] for name in new} == {session.session_id}


def test_an_address_that_is_none_ends_the_start_with_a_line() -> None:
    environment = os.environ | {"ARCHIVE_URL": "ftp://a.example/talks", "PORT": str(free_port())}
    done = subprocess.run(COMMAND, cwd=ROOT, env=environment, capture_output=True, timeout=60)
    said = done.stderr.decode()
    assert done.returncode != 0
    assert said.startswith("A setting can't be used: ARCHIVE_URL")
    assert "Listening" not in said
