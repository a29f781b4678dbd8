"""A session's sound is moved in a process of its own, whatever becomes of that."""

from __future__ import annotations

import contextlib
import random
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from typing import IO, Any

import psutil
import pytest

from tests.audio.processes.test_mutated import mutated
from tests.support.heard import heard
from tests.support.recordings import blobs
from transcriber.audio.errors import NoDecoder
from transcriber.audio.processes import wire
from transcriber.audio.processes.children import ChildNotStarted, Children, DecoderProcess
from transcriber.audio.processes.remote_remux import remux_apart
from transcriber.audio.remux import Stream

WEBM = b"".join(blobs("webm-opus")[:20])


class TakenOver:
    """A process that says what a stranger wants it to."""

    def __init__(self, head: dict[str, Any]) -> None:
        self.connection, self._there = socket.socketpair()
        wire.send(self._there, head, b"x")

    def end(self) -> int:
        """Be ended."""
        self.connection.close()
        self._there.close()
        return 0


@pytest.fixture
def apart() -> Iterator[Children]:
    """Children that start a process when one is asked for."""
    children = Children(1)
    yield children
    children.stop()


def moved(children: Children, data: bytes, times: int = 1) -> tuple[dict[str, bytes], list[int]]:
    """Return what files there are, by their endings, and which streams are to be kept."""
    with contextlib.ExitStack() as files:

        def new_file() -> IO[bytes]:
            return files.enter_context(tempfile.TemporaryFile())

        file = new_file()
        file.write(data * times)
        file.flush()
        result = remux_apart(children, file, [Stream(len(data), "webm")] * times, new_file)
        for _, one in result.files:
            one.seek(0)
        return {ending: one.read() for ending, one in result.files}, result.kept


def test_what_comes_back_is_the_same_sound(apart: Children) -> None:
    files, kept = moved(apart, WEBM, times=2)
    assert (list(files), kept, apart.ended) == (["webm"], [], 0)
    assert heard(files["webm"]).samples == pytest.approx(2 * heard(WEBM).samples, abs=960)


def test_what_ends_every_process_is_kept_as_it_came(
    apart: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = apart.new_process

    def doomed(kind: str) -> DecoderProcess:
        process = start(kind)
        psutil.Process(process.pid).send_signal(signal.SIGKILL)
        return process

    monkeypatch.setattr(apart, "new_process", doomed)
    assert moved(apart, WEBM, times=2) == ({}, [0, 1])
    assert apart.ended == 2


def test_one_that_somebody_else_has_ended_is_replaced(
    apart: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, started = apart.new_process, threading.Event()

    def first_doomed(kind: str) -> DecoderProcess:
        process = start(kind)
        if not started.is_set():
            started.set()
            psutil.Process(process.pid).send_signal(signal.SIGKILL)
        return process

    monkeypatch.setattr(apart, "new_process", first_doomed)
    assert list(moved(apart, WEBM)[0]) == ["webm"]
    assert apart.ended == 1


@pytest.mark.parametrize(
    "head",
    [
        {"begin": "exe"},
        {"begin": ["webm"]},
        {"keep": 7},
        {"keep": "0"},
        {"at": 0},
        {"keep": -1},
        {"at": -1},
        {"nothing": "of the kind"},
    ],
)
def test_what_makes_no_sense_is_not_done(
    apart: Children, monkeypatch: pytest.MonkeyPatch, head: dict[str, Any]
) -> None:
    monkeypatch.setattr(apart, "new_process", lambda kind: TakenOver(head))
    assert moved(apart, b"bytes") == ({}, [0])
    assert apart.ended == 2


def test_without_a_process_it_is_to_be_tried_later(
    apart: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(kind: str) -> DecoderProcess:
        raise ChildNotStarted

    monkeypatch.setattr(apart, "new_process", none)
    with pytest.raises(NoDecoder):
        moved(apart, WEBM)


def test_of_damaged_recordings_nothing_is_lost(apart: Children) -> None:
    dice = random.Random(5)
    for _ in range(3):
        data = mutated(WEBM, dice)
        files, kept = moved(apart, data)
        assert kept or heard(files["webm"]).samples > heard(WEBM).samples / 2
