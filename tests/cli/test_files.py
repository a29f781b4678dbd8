"""`file`: recordings in, text out, and a status that a script can rely on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pysubs2
import pytest

from tests.cli.conftest import COMMAND, Run
from tests.support.recordings import SPEECH, recording
from tests.support.scores import errors
from tests.support.server import ROOT, Server, free_port
from tests.support.terminal import Terminal

PHIL = SPEECH / "en/short-arctic-axb-a0004.flac"
TEXT = recording("en/short-arctic-axb-a0004.flac").text
# The model hears "sir" for "Phil".
SLIP = 1


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two recordings whose names differ by their endings, and one further down."""
    inside = tmp_path / "talks" / "old"
    inside.mkdir(parents=True)
    for name in ("talk.flac", "talk.wav", "old/other.flac", "notes.txt"):
        shutil.copy(PHIL, tmp_path / "talks" / name)
    return tmp_path / "talks"


def test_the_text_of_one_recording_is_all_that_is_printed(run: Run) -> None:
    done = run("file", PHIL)
    assert (done.returncode, done.stderr) == (0, "")
    assert errors(TEXT, done.stdout).count <= SLIP
    assert done.stdout.count("\n") == 1


def test_subtitles_can_be_read_by_others(run: Run) -> None:
    found = pysubs2.SSAFile.from_string(run("file", PHIL, "--format", "srt").stdout)
    assert errors(TEXT, " ".join(event.plaintext for event in found)).count <= SLIP


def test_json_tells_words_with_their_times(run: Run) -> None:
    body = json.loads(run("file", PHIL, "--format", "json").stdout)
    assert body["language"] == "en"
    assert body["duration"] == pytest.approx(2.8, abs=0.1)
    words = [word for segment in body["segments"] for word in segment["words"]]
    assert len(words) == len(body["text"].split())


def test_a_folder_becomes_a_folder_and_no_text_overwrites_another(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    done = run("file", folder, "--format", "vtt", "--output-dir", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    names = ["old/other.vtt", "talk.flac.vtt", "talk.wav.vtt"]
    assert done.stdout.split() == [str(tmp_path / "out" / name) for name in names]
    for name in names:
        assert (tmp_path / "out" / name).read_text("utf-8").startswith("WEBVTT\n")


def test_recordings_of_one_name_from_two_folders_are_both_kept(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    twice = [folder / "talk.flac", folder / "old" / "talk.flac"]
    shutil.copy(twice[0], twice[1])
    done = run("file", *twice, "--output-dir", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    names = ["talk.flac.txt", "talk.flac-2.txt"]
    assert done.stdout.split() == [str(tmp_path / "out" / name) for name in names]


def test_one_that_fails_does_not_stop_the_others(run: Run) -> None:
    done = run("file", ROOT / "README.md", PHIL)
    assert done.returncode == 1
    assert f"{ROOT / 'README.md'}: The upload is not audio" in done.stderr
    assert f"==> {PHIL} <==\n" in done.stdout
    assert len(done.stdout.splitlines()) == 2 + done.stdout.startswith("\n")


def test_what_is_not_there_is_told_and_the_rest_is_done(run: Run, tmp_path: Path) -> None:
    done = run("file", tmp_path / "nothing.wav", tmp_path, PHIL)
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert f"{tmp_path / 'nothing.wav'}: No such file or directory" in first
    assert f"{tmp_path}: no recording in it" in second
    assert done.stdout.strip()


def test_a_terminal_shows_how_far_it_is(server: Server) -> None:
    screen = Terminal([*COMMAND, "file", str(PHIL), "--server", server.url])
    shown = screen.read_all()
    assert screen.process.wait(60) == 0, shown
    assert f"{PHIL.name}: 100%" in shown
    assert "of 3 s" in shown
    assert errors(TEXT, shown.splitlines()[-1].rpartition("\r")[2]).count <= SLIP


def test_without_a_server_it_says_how_to_start_one(run: Run) -> None:
    done = run("file", PHIL, at=[f"http://127.0.0.1:{free_port()}"])
    assert (done.returncode, done.stdout) == (3, "")
    assert "Connection refused" in done.stderr
    assert "live-transcription serve" in done.stderr
