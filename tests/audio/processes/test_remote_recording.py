"""A whole recording in a process of its own."""

from __future__ import annotations

import io
import os
import signal
import socket
from contextlib import closing
from typing import Any

import numpy as np
import pytest

from tests.support.recordings import RATE_HZ, Samples, blobs, encode, recording
from tests.support.server import wait_for
from transcriber.audio.decode import Part
from transcriber.audio.errors import NotAudio, TooLong, Undecodable
from transcriber.audio.opened import Opened, open_here
from transcriber.audio.pcm import PcmFormat
from transcriber.audio.processes import wire
from transcriber.audio.processes.children import Children
from transcriber.audio.processes.remote_recording import open_recording

SPEECH = recording("en/short-jfk.flac").samples()
RAW = (SPEECH * 32767).astype("<i2").tobytes()


def parts(kind: str) -> list[Part]:
    if kind == "blobs":
        return [Part(io.BytesIO(blob)) for blob in blobs("webm-opus")[:20]]
    if kind == "several":
        halves = encode(SPEECH[:RATE_HZ]), encode(SPEECH[RATE_HZ:], "FLAC")
        return [Part(io.BytesIO(half)) for half in halves]
    if kind == "pcm":
        return [Part(io.BytesIO(RAW), PcmFormat(RATE_HZ, order="little"))]
    return [Part(io.BytesIO(encode(SPEECH, kind)))]


def audio(opened: Opened) -> Samples:
    with closing(opened):
        return np.concatenate(list(opened.blocks))


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3", "blobs", "several", "pcm"])
def test_the_audio_and_its_length_are_the_same_as_when_it_is_opened_here(
    kind: str, children: Children
) -> None:
    there, here = open_recording(children, parts(kind), 60.0), open_here(parts(kind), 60.0)
    assert there.duration_s == here.duration_s
    assert np.array_equal(audio(there), audio(here))


@pytest.mark.parametrize(
    "data, error", [(b"no audio at all", NotAudio), (b"fLaC" + bytes(60), Undecodable)]
)
def test_what_is_no_audio_is_refused_when_it_is_opened(
    data: bytes, error: type[Exception], children: Children
) -> None:
    with pytest.raises(error) as there:
        open_recording(children, [Part(io.BytesIO(data))], 60.0)
    with pytest.raises(error) as here:
        open_here([Part(io.BytesIO(data))], 60.0)
    assert str(there.value) == str(here.value)


def test_what_begins_like_no_audio_costs_no_process(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "for_recording", lambda: pytest.fail("a process was taken"))
    with pytest.raises(NotAudio):
        open_recording(children, [Part(io.BytesIO(b"no audio at all"))], 60.0)


def test_a_recording_that_is_too_long_is_told_after_what_is_allowed(children: Children) -> None:
    opened = open_recording(children, parts("WAV"), 2.0)
    with pytest.raises(TooLong), closing(opened):
        list(opened.blocks)


def spare(children: Children) -> int:
    """Return the process that waits for the next recording."""
    audio(open_recording(children, parts("WAV"), 60.0))
    wait_for(lambda: children.spare_pid is not None, 20)
    assert children.spare_pid is not None
    return children.spare_pid


# More than is on its way at once.
LONG = np.tile(SPEECH, 20)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["ends", "hangs"])
def test_a_recording_whose_process_ends_or_hangs_goes_on_in_another_one(
    how: signal.Signals, children: Children
) -> None:
    pid, before = spare(children), children.ended
    opened = open_recording(children, [Part(io.BytesIO(encode(LONG)))], 600.0)
    first = next(opened.blocks)
    os.kill(pid, how)
    with closing(opened):
        audio_s = np.concatenate([first, *opened.blocks])
    whole = audio(open_here([Part(io.BytesIO(encode(LONG)))], 600.0))
    assert np.array_equal(audio_s, whole)
    assert children.ended == before + 1


def test_a_recording_that_ends_two_is_refused(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid, before = spare(children), children.ended
    opened = open_recording(children, [Part(io.BytesIO(encode(LONG)))], 600.0)
    receive = wire.receive

    def receive_and_end(connection: socket.socket) -> tuple[dict[str, Any], bytearray]:
        message = receive(connection)
        if message[1]:  # it has begun to send audio
            connection.close()
        return message

    os.kill(pid, signal.SIGKILL)
    monkeypatch.setattr(wire, "receive", receive_and_end)
    with pytest.raises(Undecodable), closing(opened):
        list(opened.blocks)
    assert children.ended == before + 2
    monkeypatch.undo()
    assert len(audio(open_recording(children, parts("WAV"), 60.0))) == len(SPEECH)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["ended", "hangs"])
def test_a_process_that_ended_while_it_waited_costs_no_recording(
    how: signal.Signals, children: Children
) -> None:
    os.kill(spare(children), how)
    assert len(audio(open_recording(children, parts("WAV"), 60.0))) == len(SPEECH)


def takes_over(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    """From now on a process that decodes a recording sends this, again and again."""
    receive = wire.receive

    def receive_from_it(connection: socket.socket) -> tuple[dict[str, Any], bytearray]:
        try:
            head, _ = receive(connection)
        except wire.Broken:
            head = {}
        own = {"ready", "begun", "pid", "status"} & head.keys()  # what others say
        return (head if own else {}), bytearray(b"" if own else body)

    monkeypatch.setattr(wire, "receive", receive_from_it)


@pytest.mark.parametrize("body", [b"\0" * 3, b"\xff" * 8], ids=["no floats", "no numbers"])
def test_a_process_that_sends_what_is_no_audio_is_ended(
    body: bytes, children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = children.ended
    opened = open_recording(children, parts("WAV"), 60.0)
    takes_over(monkeypatch, body)
    with pytest.raises(Undecodable), closing(opened):
        list(opened.blocks)
    assert children.ended == before + 2


def test_a_process_that_never_comes_to_an_end_is_cut_off(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = open_recording(children, parts("WAV"), 20.0)
    takes_over(monkeypatch, body=bytes(4 * RATE_HZ))
    got: list[int] = []
    with pytest.raises(TooLong), closing(opened):
        got.extend(len(block) for block in opened.blocks)
    assert sum(got) == 20 * RATE_HZ


def test_a_recording_that_is_given_up_takes_its_process_with_it(children: Children) -> None:
    pid = spare(children)
    opened = open_recording(children, parts("WAV"), 60.0)
    opened.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
