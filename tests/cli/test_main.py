"""The other commands, and what all of them answer to a shell."""

from __future__ import annotations

import json
import subprocess
import sys
import threading

import pytest

from tests.cli.conftest import COMMAND, TIMEOUT_S, Run
from tests.support.live import LiveSession
from tests.support.recordings import recording, wav_chunks
from tests.support.server import ROOT, Server, free_port
from transcriber import __version__
from transcriber.cli.main import main


def test_health_tells_of_each_server_and_whether_one_would_do(run: Run, server: Server) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    done = run("health", at=[nobody, server.url])
    first, second = done.stdout.splitlines()
    assert first == f"{nobody}  no answer: Connection refused"
    assert second.startswith(f"{server.url}  ok  tiny.en on cpu (int8)")
    assert done.returncode == 0
    assert run("health", at=[nobody]).returncode == 3


def test_health_is_there_for_programs_too(run: Run, server: Server) -> None:
    found = json.loads(run("health", "--json").stdout)
    assert found[server.url]["status"] == "ok"
    assert found[server.url]["round_trip_ms"] >= 0


def test_watch_prints_a_session_until_it_ends(server: Server) -> None:
    session = LiveSession(server.url)
    chunks = wav_chunks(recording("en/short-jfk.flac").samples(), 4.0)
    session.post(0, chunks[0])
    link = f"{server.url}/?watch={session.replies[0]['watch_id']}"
    lines: list[str] = []

    def read() -> None:
        done = subprocess.run(
            [*COMMAND, "watch", link], cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S
        )
        lines.extend([f"status {done.returncode}", *done.stdout.splitlines()])

    reader = threading.Thread(target=read)
    reader.start()
    for sequence, chunk in enumerate(chunks[1:], start=1):
        session.post(sequence, chunk, final=sequence == len(chunks) - 1)
    reader.join(TIMEOUT_S)
    assert lines == ["status 0", *(one["text"] for one in session.wait_ended()["segments"])]


def test_models_download_says_where_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "download", "tiny.en"]) == 0
    assert "tiny.en is in " in capsys.readouterr().out


def test_a_wrong_command_line_is_2_and_says_what_is_right(
    capsys: pytest.CaptureFixture[str],
) -> None:
    port = ["serve", "--port", "99999"]
    for words in ([], ["transcribe"], ["file"], ["live", "a", "b"], ["live", "--rate", "1"], port):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 2
        assert "usage: live-transcription" in capsys.readouterr().err


def test_it_tells_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"live-transcription {__version__}\n"


@pytest.mark.parametrize(
    "words, complaint",
    [
        (["watch", "http://localhost/talk"], "is no watch link"),
        (["health", "--server", "localhost:7860"], "write it like http://localhost:7860"),
        (["health", "--key", "ключ"], "no header can carry"),
    ],
)
def test_so_is_what_only_looks_like_one(
    words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert complaint in capsys.readouterr().err


def test_watch_ends_where_nobody_answers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", f"http://127.0.0.1:{free_port()}/?watch=abcdefghijklmnop"]) == 3
    assert "Connection refused" in capsys.readouterr().err


def test_the_client_needs_nothing_but_requests() -> None:
    heavy = "{'numpy', 'av', 'flask', 'faster_whisper', 'ctranslate2', 'pydantic', 'sqlalchemy'}"
    code = f"import sys, transcriber.client; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
