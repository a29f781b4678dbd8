"""What was acknowledged survives: the server is killed, its disk fills up, and nothing is lost."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from tests.support.crash import Killer, PersistentClient
from tests.support.live import TIMEOUT_S, LiveSession, upload
from tests.support.recordings import blobs, grouped, recording, wav_chunks
from tests.support.scores import errors
from tests.support.server import COMMAND, ROOT, Server, free_port, running, wait_for
from transcriber.journal.session_ledger import RESERVE_BYTES

FETCH_S, WAIT_S = 600.0, 20.0
BLOBS = grouped(blobs("webm-opus"), 5)
JFK = recording("en/short-jfk.flac")
# What a kill may cost: it moves the borders between passes.
MOVED_WORDS = 2
# The model's own errors in that recording, live; a chunk that was lost would be more.
SLIPS = 3


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where that server writes its sessions down."""
    return tmp_path_factory.mktemp("sessions")


@pytest.fixture(scope="module")
def mortal(disk: Path) -> Iterator[Server]:
    """A server that tests may kill."""
    with running({"MODEL": "tiny.en", "DATA_DIR": disk}) as server:
        server.wait_until_ready(FETCH_S)
        yield server


def revive(server: Server) -> None:
    server.kill()
    server.restart()
    server.wait_until_ready()


def get(server: Server, path: str, **query: Any) -> requests.Response:
    return requests.get(server.url + path, params=query, timeout=TIMEOUT_S)


def on_disk(folder: Path) -> bytes:
    """Return every byte that is kept for sessions."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


# -- kill -9 --------------------------------------------------------------------------------------


def insist_while_killed(server: Server, chunks: list[list[bytes]], times: int, seed: int) -> str:
    """Post a session while the server is killed again and again; return its text."""
    client = PersistentClient(LiveSession(server.url))
    with Killer(server, times, 1.2, seed) as killer:
        client.post_all(chunks)
    assert killer.kills == times, "the session was over too soon to be harmed"
    assert not client.changed, "final text is final"
    text: str = client.session.state()["text"]
    assert client.session.text().strip() == text.strip()
    return text


def clean_text(server: Server, chunks: list[list[bytes]]) -> str:
    return LiveSession(server.url).post_all(chunks)


def test_killed_while_words_come_in_it_loses_and_doubles_none(
    mortal: Server, server: Server
) -> None:
    chunks = grouped(blobs("webm-opus")[:24], 2)
    clean = clean_text(server, chunks)
    text = insist_while_killed(mortal, chunks, times=1, seed=1)
    assert errors(clean, text).count <= MOVED_WORDS


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing ends a worker")
def test_killed_alone_gunicorn_leaves_no_worker_behind_that_holds_its_port(mortal: Server) -> None:
    session = LiveSession(mortal.url)
    session.post(0, BLOBS[0])
    left = psutil.Process(mortal.process.pid).children(recursive=True)
    with requests.Session() as kept:  # a client that stays
        assert kept.get(mortal.url + "/health", timeout=TIMEOUT_S).ok
        mortal.process.kill()
        mortal.process.wait()
        assert psutil.wait_procs(left, WAIT_S)[1] == []
    mortal.restart()
    mortal.wait_until_ready()
    assert session.post(1, BLOBS[1]).json()["next_sequence"] == 2


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["webm-opus", "mp4-opus", "wav"])
def test_killed_twenty_times_it_loses_and_doubles_no_word(
    kind: str, mortal: Server, server: Server
) -> None:
    speech = recording("en/long-ls-367.flac").samples()
    wavs = [[chunk] for chunk in wav_chunks(speech, 0.4)]
    chunks = wavs if kind == "wav" else grouped(blobs(kind), 1)
    clean = clean_text(server, chunks)
    text = insist_while_killed(mortal, chunks, times=20, seed=len(kind))
    assert errors(clean, text).count <= 5 * MOVED_WORDS


@dataclass
class Crashed:
    """What was under way, and what clients knew of it, when the server was killed.

    Attributes:
        running, over, left: a session that goes on, one that had ended, and one whose last chunk
            was answered but not decoded, and whose client is gone.
        before: their states, by session id; `text` what was downloaded of the running one.
        upload: the state of an upload that was answered 202.
    """

    server: Server
    running: LiveSession
    over: LiveSession
    left: LiveSession
    before: dict[str, dict[str, Any]]
    text: str
    upload: dict[str, Any]


@pytest.fixture(scope="module")
def crashed(mortal: Server) -> Crashed:
    """A server that was killed with all of that under way, and runs again."""
    running, over, left = (LiveSession(mortal.url) for _ in range(3))
    for sequence in range(12):
        running.post(sequence, BLOBS[sequence]).raise_for_status()
    over.post_all(BLOBS[:4])
    before = {one.session_id: one.state() for one in (running, over)}
    text = get(mortal, f"/sessions/{running.session_id}/transcript").text
    at_once = {"Prefer": "respond-async"}
    accepted = requests.post(
        f"{mortal.url}/transcribe",
        files={"audio": ("talk.flac", JFK.data)},
        headers=at_once,
        timeout=TIMEOUT_S,
    )
    assert accepted.status_code == 202
    for sequence, chunk in enumerate([*wav_chunks(JFK.samples(), 2.0), b""]):
        left.post(sequence, chunk, final=not chunk, headers=at_once).raise_for_status()
    revive(mortal)
    return Crashed(mortal, running, over, left, before, text, accepted.json())


def test_a_session_goes_on_as_if_nothing_had_happened(crashed: Crashed) -> None:
    server, session = crashed.server, crashed.running
    before, replies = crashed.before[session.session_id], dict(session.replies)
    after = session.state()
    assert after["segments"][: len(before["segments"])] == before["segments"]
    assert after["next_sequence"] == 12
    assert after["revision"] > before["revision"]
    watch_id = replies[0]["watch_id"]
    assert get(server, f"/watch/{watch_id}").json()["watch_id"] == watch_id
    now = get(server, f"/sessions/{session.session_id}/transcript").text
    assert now.startswith(crashed.text.strip())
    repeated = session.post(11, BLOBS[11])
    assert repeated.headers["Idempotent-Replay"] == "true"
    same = ("text", "segments", "partial", "audio_seconds", "revision")
    assert [repeated.json()[key] for key in same] == [replies[11][key] for key in same]
    assert session.post(12, BLOBS[12]).status_code == 200


def test_a_session_that_had_ended_can_still_be_read(crashed: Crashed) -> None:
    before, after = crashed.before[crashed.over.session_id], crashed.over.state()
    assert after.pop("instance_id") != before["instance_id"]
    assert after == {key: value for key, value in before.items() if key != "instance_id"}
    assert crashed.over.post(4, BLOBS[4]).json()["code"] == "session-ended"


def test_what_was_said_becomes_final_though_the_client_is_gone(crashed: Crashed) -> None:
    assert errors(JFK.text, crashed.left.wait_ended()["text"]).count <= SLIPS


def test_an_upload_in_the_background_is_begun_anew(crashed: Crashed, server: Server) -> None:
    clean = upload(server.url, JFK.data).json()["text"]
    session = LiveSession(crashed.server.url, session_id=crashed.upload["session_id"])
    ended = session.wait_ended()
    assert (ended["state"], ended["text"]) == ("ended", clean)
    assert ended["watch_id"] == crashed.upload["watch_id"]


# -- what is kept, and for how long ---------------------------------------------------------------


def test_the_audio_goes_when_the_session_ends(mortal: Server, disk: Path) -> None:
    session = LiveSession(mortal.url)
    chunks = wav_chunks(JFK.samples(), 2.0)
    session.post(0, chunks[0]).raise_for_status()
    sample = chunks[0][10_000:10_200]
    assert sample in on_disk(disk)
    session.post(1, chunks[1], final=True).raise_for_status()
    session.wait_ended()
    wait_for(lambda: sample not in on_disk(disk), WAIT_S, "the audio is still there")


def test_delete_removes_everything_from_disk(mortal: Server, disk: Path) -> None:
    session = LiveSession(mortal.url, {"prompt": "Unmistakable prompt"})
    session.post_all(wav_chunks(recording("en/short-austen-0880.flac").samples(), 2.0))
    said = session.state()["segments"][0]["text"]
    traces = [session.session_id, session.replies[0]["watch_id"], "Unmistakable prompt", said]
    kept = on_disk(disk)
    assert all(trace.encode() in kept for trace in traces)
    url = f"{mortal.url}/sessions/{session.session_id}"
    assert requests.delete(url, timeout=TIMEOUT_S).status_code == 204
    wait_for(
        lambda: not any(trace.encode() in on_disk(disk) for trace in traces),
        WAIT_S,
        "something is still there",
    )
    assert requests.get(url, timeout=TIMEOUT_S).status_code == 404


def test_an_empty_setting_keeps_sessions_in_memory_only(tmp_path: Path) -> None:
    settings = {"MODEL": "tiny.en", "DATA_DIR": "", "XDG_CACHE_HOME": tmp_path}
    models = {"MODELS_DIR": Path("~/.cache/live-transcription/models").expanduser()}
    with running(settings | models) as server:
        server.wait_until_ready(FETCH_S)
        session = LiveSession(server.url)
        session.post(0, BLOBS[0]).raise_for_status()
        session.post(1, BLOBS[1], final=True).raise_for_status()
        assert session.wait_ended()["text"]
        cache = tmp_path / "live-transcription"
        assert {one.name for one in cache.iterdir()} <= {"measured.json"}  # of the processor


def test_a_folder_that_cannot_be_used_stops_the_start_with_a_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    environment = os.environ | {"DATA_DIR": str(tmp_path / "file"), "PORT": str(free_port())}
    environment["HOST"] = "127.0.0.1"
    done = subprocess.run(COMMAND, cwd=ROOT, env=environment, capture_output=True, timeout=60)
    said = done.stderr.decode()
    assert done.returncode != 0
    assert "DATA_DIR" in said
    assert "Traceback" not in said


# -- a full or broken disk ------------------------------------------------------------------------


@dataclass
class SmallDisk:
    """A server whose sessions are on a disk of its own; `folder` is that disk from outside."""

    server: Server
    folder: Path

    def leave(self, free_bytes: int) -> None:
        """Fill it up to so many bytes."""
        info = os.statvfs(self.folder)
        size = max(0, info.f_bavail * info.f_frsize - free_bytes)
        with (self.folder / "filler").open("ab") as filler:
            filler.write(bytes(size))

    def make_room(self) -> None:
        (self.folder / "filler").unlink()


@contextmanager
def small_disk(mount_point: Path) -> Iterator[SmallDisk]:
    """Run a server in a mount namespace of its own, on 40 MB."""
    mount_point.mkdir()
    enter = ["unshare", "--mount", "--map-root-user"]
    mount = f"mount -t tmpfs -o size=40m tmpfs {mount_point}"
    if subprocess.run([*enter, "sh", "-c", mount], capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    with running(
        {"MODEL": "tiny.en", "DATA_DIR": mount_point},
        [*enter, "sh", "-c", f'{mount} && exec "$@"', "sh", *COMMAND],
    ) as server:
        server.wait_until_ready(FETCH_S)
        root = Path(f"/proc/{server.process.pid}/root")
        yield SmallDisk(server, root / mount_point.relative_to("/"))


def test_a_full_disk_refuses_new_audio_and_loses_nothing(tmp_path: Path) -> None:
    chunks = wav_chunks(JFK.samples(), 2.0)
    with small_disk(tmp_path / "small") as disk:
        session = LiveSession(disk.server.url)
        for sequence in range(3):
            session.post(sequence, chunks[sequence]).raise_for_status()
        for free_bytes in (RESERVE_BYTES // 2, 0):
            disk.leave(free_bytes)
            refused = session.post(3, chunks[3])
            assert (refused.status_code, refused.json()["code"]) == (507, "storage-full")
            assert refused.json()["retryable"]
            assert int(refused.headers["Retry-After"]) > 0
        new = LiveSession(disk.server.url)
        assert new.post(0, chunks[0]).json()["code"] == "storage-full"
        assert get(disk.server, f"/sessions/{new.session_id}").status_code == 404
        wait_for(lambda: not disk.server.health()["accepting"], WAIT_S, "health does not tell")
        assert disk.server.health()["status"] == "degraded"
        assert session.state()["next_sequence"] == 3
        disk.make_room()
        wait_for(lambda: disk.server.health()["accepting"], WAIT_S, "it did not recover")
        session.post(3, chunks[3]).raise_for_status()
        for sequence in range(4, len(chunks)):
            session.post(sequence, chunks[sequence], final=sequence == len(chunks) - 1)
        text = session.wait_ended()["text"]
        assert errors(JFK.text, text).count <= SLIPS
        assert session.text().strip() == text.strip()


def test_a_disk_that_takes_nothing_is_told_and_got_over(mortal: Server) -> None:
    chunks = wav_chunks(JFK.samples(), 2.0)
    session = LiveSession(mortal.url)
    session.post(0, chunks[0]).raise_for_status()
    worker = psutil.Process(mortal.process.pid).children()[0]
    unlimited = worker.rlimit(resource.RLIMIT_FSIZE)
    worker.rlimit(resource.RLIMIT_FSIZE, (4096, unlimited[1]))
    refused = session.post(1, chunks[1])
    assert (refused.status_code, refused.json()["code"]) == (503, "storage-failed")
    assert "Retry-After" in refused.headers
    worker.rlimit(resource.RLIMIT_FSIZE, unlimited)
    session.post(1, chunks[1]).raise_for_status()
    for sequence in range(2, len(chunks)):
        session.post(sequence, chunks[sequence], final=sequence == len(chunks) - 1)
    assert errors(JFK.text, session.wait_ended()["text"]).count <= SLIPS
    assert "Sessions are being written down again" in mortal.log()
