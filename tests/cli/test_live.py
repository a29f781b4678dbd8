"""`live`: lines as they become final, from a file or a pipe."""

from __future__ import annotations

import json
import signal
import wave
from pathlib import Path

import pytest
import webvtt

from tests.cli.conftest import COMMAND, Run
from tests.support.recordings import SPEECH, recording
from tests.support.scores import errors
from tests.support.server import ROOT, Server, free_port
from tests.support.terminal import Terminal

JFK, BRIEF = recording("en/short-jfk.flac"), recording("en/short-arctic-axb-a0004.flac")
LONGER, PATH = SPEECH / "en/short-jfk.flac", SPEECH / "en/short-arctic-axb-a0004.flac"
# The model's own errors in these recordings, live.
SLIPS, SLIP = 3, 1
WAIT_S = 60.0


def test_a_file_is_played_and_its_lines_are_printed(run: Run, tmp_path: Path) -> None:
    done = run("live", PATH, "--fast", "--save", tmp_path / "kept.wav")
    assert (done.returncode, done.stderr) == (0, "")
    assert errors(BRIEF.text, done.stdout).count <= SLIP
    with wave.open(str(tmp_path / "kept.wav")) as kept:
        assert kept.getnframes() == len(BRIEF.samples())


def test_a_pipe_may_bring_a_container(run: Run) -> None:
    done = run("live", "-", "--fast", "--format", "jsonl", stdin=BRIEF.data)
    assert done.returncode == 0, done.stderr
    segments = [json.loads(line) for line in done.stdout.splitlines()]
    assert errors(BRIEF.text, " ".join(one["text"] for one in segments)).count <= SLIP
    assert segments[0]["words"]


@pytest.mark.parametrize("rate_hz, words", [(16_000, ()), (8_000, ("--rate", "8000"))])
def test_or_raw_samples(run: Run, rate_hz: int, words: tuple[str, ...]) -> None:
    samples = BRIEF.samples()[:: 16_000 // rate_hz]
    raw = (samples * 32767).astype("<i2").tobytes()
    done = run("live", "-", "--fast", *words, stdin=raw)
    assert done.returncode == 0, done.stderr
    assert errors(BRIEF.text, done.stdout).count <= 3 * SLIP


def test_subtitles_come_at_the_end(run: Run) -> None:
    done = run("live", PATH, "--fast", "--format", "vtt")
    found = webvtt.from_string(done.stdout)
    assert errors(BRIEF.text, " ".join(one.text for one in found.captions)).count <= SLIP


def test_what_is_no_recording_is_an_error(run: Run) -> None:
    done = run("live", ROOT / "README.md")
    assert done.returncode == 1
    assert "no recording of an accepted kind" in done.stderr


@pytest.mark.parametrize("rate", ["0", "5000000", "fast"])
def test_a_rate_that_no_sound_has_is_a_wrong_command_line(run: Run, rate: str) -> None:
    assert run("live", "-", "--rate", rate).returncode == 2


def test_a_file_that_can_not_be_kept_is_an_error(run: Run, tmp_path: Path) -> None:
    done = run("live", PATH, "--save", tmp_path / "nowhere" / "kept.wav")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1


def test_nobody_speaks_in_vain(run: Run) -> None:
    done = run("live", PATH, at=[f"http://127.0.0.1:{free_port()}"])
    assert done.returncode == 3
    assert "There is no server" in done.stderr


def test_one_server_in_the_list_is_enough(run: Run, server: Server) -> None:
    done = run("live", PATH, "--fast", at=[f"http://127.0.0.1:{free_port()}", server.url])
    assert done.returncode == 0, done.stderr
    assert errors(BRIEF.text, done.stdout).count <= SLIP


def test_on_a_terminal_partial_words_stand_below_until_they_are_final(server: Server) -> None:
    screen = Terminal([*COMMAND, "live", str(LONGER), "--server", server.url])
    shown = screen.read_all()
    assert screen.process.wait(WAIT_S) == 0
    lines = [line for line in shown.replace("\r\n", "\n").split("\n") if line.strip()]
    finals = [line.rpartition("\x1b[2K")[2] for line in lines]
    assert errors(JFK.text, " ".join(finals)).count <= SLIPS, shown
    assert "\r\x1b[2K" in shown
    # What has become final does not stand below its line a second time.
    behind = [line.partition("\r\x1b[2K")[0] for line in lines[1:]]
    assert all(text not in final for text, final in zip(behind, finals, strict=False) if text)


def test_ctrl_c_ends_the_recording_and_waits_for_its_words(server: Server) -> None:
    screen = Terminal([*COMMAND, "live", str(LONGER), "--server", server.url])
    screen.read_until("\x1b[2K")
    screen.process.send_signal(signal.SIGINT)
    assert screen.process.wait(WAIT_S) == 0
    assert "so" in screen.read_all()
