"""What peers tell, and how many of their sessions are held: no peer is installed for it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks import peers
from benchmarks.beside.install import PACKAGES, Package, PeerFailed, installed, reason
from benchmarks.beside.session import Program, shown
from benchmarks.beside.stage import Stage, held, line, run_stage, until_not_held
from benchmarks.beside.systems import Session
from benchmarks.quality.alignment import Delay
from benchmarks.quality.run import Run, Shown
from benchmarks.quality.summary import Summary
from tests.support.recordings import RATE_HZ, Recording, recording
from tests.support.scores import Errors

SHORT = "en/short-arctic-axb-a0004.flac"


def stage(sessions: int, shown_s: Sequence[float | None], after_end_s: float = 1.0) -> Stage:
    """Return a stage whose words were first shown so many seconds after their ends."""
    summary = Summary("peer", errors=Errors(1, 1, 1, 20), cpu_s=5.0, audio_s=10.0)
    summary.delays = [Delay(1.0, one, None) for one in shown_s]
    return Stage("peer", sessions, summary, [], after_end_s)


# -- what a peer tells ---------------------------------------------------------------------------


def test_lines_of_whisperlivekit_are_final_and_its_buffer_is_not() -> None:
    lines = [
        {"speaker": 1, "text": " One dog.", "start": "0:00:00.00"},
        {"speaker": -2, "text": None},
        {"speaker": 1, "text": " It ran"},
    ]
    told = {"status": "active_transcription", "lines": lines, "buffer_transcription": "off "}
    assert shown(told, 2.5) == Shown(2.5, "One dog. It ran", " off")
    assert shown(told | {"buffer_transcription": ""}, 3.0) == Shown(3.0, "One dog. It ran", "")


def test_what_is_not_about_text_shows_nothing() -> None:
    assert shown({"type": "config", "useAudioWorklet": True}, 1.0) is None
    assert shown({"final": " One dog"}, 1.0) == Shown(1.0, " One dog", "")


PROGRAM = """
import json, sys, threading
print(json.dumps({"ready": True}), flush=True)
told = {"final": f"{len(sys.stdin.buffer.read())} bytes"}
for message in (told, told, {"end": True}):
    print(json.dumps(message), flush=True)
threading.Event().wait()
"""


def test_a_session_is_played_in_real_time_and_each_text_noted_once(tmp_path: Path) -> None:
    one = recording(SHORT)
    session = Program("peer", [sys.executable, "-c", PROGRAM], {}, tmp_path / "errors")
    run = session.play(one)
    assert [now.final for now in run.log] == [run.text] == [f"{2 * len(one.samples())} bytes"]
    assert run.timed
    assert run.log[0].at_s >= len(one.samples()) / RATE_HZ
    assert session.used_s >= 0


def test_a_session_that_ends_by_itself_fails_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(PeerFailed, match="did not get ready: ValueError: no model"):
        Program(
            "peer",
            [sys.executable, "-c", "raise ValueError('no model')"],
            {},
            tmp_path / "errors",
        )


def test_a_session_that_ends_before_its_last_text_fails(tmp_path: Path) -> None:
    program = "print('{\"ready\": true}', flush=True); raise KeyError('text')"
    session = Program("peer", [sys.executable, "-c", program], {}, tmp_path / "errors")
    with pytest.raises(PeerFailed, match="ended by itself: KeyError: 'text'"):
        session.play(recording(SHORT))


def test_the_reason_is_the_last_error_or_the_last_line() -> None:
    assert reason("ImportError: one\nKeyError: two\nExiting.\n") == "KeyError: two"
    assert reason("nothing found\n\n") == "nothing found"
    assert reason("") == "it does not say why"


# -- what is held --------------------------------------------------------------------------------


def test_sessions_are_held_while_words_come_within_two_seconds_more_than_alone() -> None:
    alone = stage(1, [1.0, 1.0])
    assert stage(2, [3.0, 3.0]).holds(alone)
    assert not stage(2, [3.1, 3.1]).holds(alone)
    # Where no word came, nothing is known to have come in time.
    assert not stage(2, [None]).holds(alone)
    assert not stage(2, [1.0]).holds(stage(1, []))


def test_sessions_are_held_while_the_last_text_comes_within_ten_seconds() -> None:
    alone = stage(1, [1.0])
    assert stage(2, [1.0], after_end_s=10.0).holds(alone)
    assert not stage(2, [1.0], after_end_s=10.1).holds(alone)
    late = stage(1, [1.0], after_end_s=11.0)
    assert held([late]) == 0


def test_numbers_grow_until_one_is_not_held() -> None:
    asked: list[int] = []

    def measure(sessions: int) -> Stage:
        asked.append(sessions)
        return stage(sessions, [float(sessions)])

    stages = until_not_held(measure, [1, 2, 3, 4, 8])
    assert asked == [1, 2, 3, 4]
    assert held(stages) == 3


def test_a_line_tells_a_stage_and_marks_what_is_not_held() -> None:
    alone = stage(1, [1.0, None])
    figures = "peer 1 90.0 15.0 1.00 1.00 - - 1.00 0.500"
    assert line(alone, alone).split() == figures.split()
    assert line(stage(2, [4.0]), alone) == line(stage(2, [4.0])) + "  not held"
    assert alone.as_json()["right_percent"] == 90


class Heard:
    """A system that shows all words at the end of each recording, for a CPU second a session."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def open(self) -> Session:
        """Return a session."""
        return self._play

    def cpu_s(self) -> float:
        """Return a second for each session."""
        return float(len(self.names))

    def _play(self, one: Recording) -> Run:
        self.names.append(one.path.name)
        log = [Shown(one.duration_s + 0.5, one.text, "")]
        return Run("heard", one, one.text, log=log, timed=True)


@pytest.mark.parametrize("sessions, runs", [(1, 2), (3, 3)])
def test_one_session_plays_everything_and_several_play_at_once(sessions: int, runs: int) -> None:
    system, two = Heard(), [recording(SHORT), recording("en/short-austen-0880.flac")]
    found = run_stage("heard", system, two, sessions)
    assert len(system.names) == found.summary.recordings == found.summary.cpu_s == runs
    assert found.right == 100
    assert sorted(name for name, _ in found.texts) == sorted(system.names)
    assert found.after_end_s == pytest.approx(0.5)


# -- the command ---------------------------------------------------------------------------------


def test_a_peer_that_is_installed_is_not_installed_again(tmp_path: Path) -> None:
    package = Package("peer==1.0", ("needed==2.0",))
    (tmp_path / "installed.txt").write_text("peer==1.0\nneeded==2.0", encoding="utf-8")
    assert installed(tmp_path, package, 0.0) == tmp_path / "bin" / "python"


def test_a_peer_that_can_not_be_installed_is_told_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(folder: Path, package: Package, timeout_s: float) -> Path:
        raise PeerFailed(f"not installed: {package.name}")

    monkeypatch.setattr(peers, "installed", refused)
    monkeypatch.setattr(peers, "resolve", lambda *_, **__: type("Weights", (), {"path": tmp_path}))
    result = tmp_path / "peers.json"
    status = peers.main(
        ["--systems", "whisperlivekit,whisper-streaming", "--json", str(result)],
    )
    assert status == 1
    printed = capsys.readouterr().out
    for name, package in PACKAGES.items():
        assert f"{name} is left out: not installed: {package.name}" in printed
    assert '"left_out"' in result.read_text(encoding="utf-8")
