"""Sound as it comes: from a microphone, a file or standard input; 16 kHz, mono, 16-bit bytes."""

from __future__ import annotations

import importlib
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import Any, BinaryIO

import numpy as np

from transcriber.audio.containers import ACCEPTED_TEXT, HEAD_BYTES, sniff
from transcriber.audio.decode import decoded_frames, open_container
from transcriber.audio.errors import NotAudio
from transcriber.audio.resample import SAMPLE_RATE_HZ, Resampler, Samples, pcm_frame
from transcriber.client import ClientError

BLOCK_S = 0.1
_BLOCK_BYTES = int(BLOCK_S * SAMPLE_RATE_HZ) * 2
_READ_BYTES = 4096


def microphone(device: str | None) -> Generator[bytes, None, None]:
    """Yield what a microphone records.

    Raises:
        ClientError: the package `sounddevice` is not there, or there is no such microphone.
    """
    try:
        sounddevice: Any = importlib.import_module("sounddevice")
    except (ImportError, OSError) as error:
        raise ClientError(
            f"No microphone can be opened ({error}). Install it with `pip install sounddevice`"
            " (on Debian and Ubuntu also `apt-get install libportaudio2`), or give a file, or - for"
            " standard input.",
            "no-microphone",
        ) from None
    blocks: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    try:
        stream = sounddevice.RawInputStream(
            samplerate=SAMPLE_RATE_HZ,
            blocksize=_BLOCK_BYTES // 2,
            device=int(device) if device and device.isdigit() else device,
            channels=1,
            dtype="int16",
            callback=lambda data, *_: blocks.put(bytes(data)),
        )
    except (ValueError, sounddevice.PortAudioError) as error:
        raise ClientError(f"The microphone can't be opened: {error}", "no-microphone") from None
    with stream:
        while True:
            yield blocks.get()


def played(source: BinaryIO, rate_hz: int | None) -> Generator[bytes, None, None]:
    """Yield what a file or pipe holds: one of the containers, or raw 16-bit mono samples.

    Args:
        source: opened to read bytes.
        rate_hz: of raw samples; None where they can't be meant.

    Raises:
        AudioError: it can't be decoded.
    """
    head = source.read(HEAD_BYTES)
    container = sniff(head)
    if container is None and rate_hz is None:
        raise NotAudio(f"That is no recording of an accepted kind: {ACCEPTED_TEXT}.")
    if source.seekable():
        source.seek(0)
        whole: BinaryIO | _Joined = source
    else:
        whole = _Joined(head, source)
    parts = _decoded(whole, container) if container else _raw(whole, rate_hz or SAMPLE_RATE_HZ)
    kept = b""
    for samples in parts:
        kept += (samples.clip(-1, 1) * 32767).round().astype("<i2").tobytes()
        while len(kept) >= _BLOCK_BYTES:
            yield kept[:_BLOCK_BYTES]
            kept = kept[_BLOCK_BYTES:]
    yield kept


def in_real_time(blocks: Iterator[bytes]) -> Generator[bytes, None, None]:
    """Yield blocks not before they would have been recorded."""
    start_s, played_s, pause = time.monotonic(), 0.0, threading.Event()
    for block in blocks:
        played_s += len(block) / 2 / SAMPLE_RATE_HZ
        pause.wait(max(0.0, start_s + played_s - time.monotonic()))
        yield block


def _raw(source: BinaryIO | _Joined, rate_hz: int) -> Iterator[Samples]:
    resampler, odd = Resampler(), b""
    while data := source.read(_READ_BYTES):
        data = odd + data
        even = len(data) - len(data) % 2
        odd = data[even:]
        samples = np.frombuffer(data[:even], dtype="<i2").astype(np.int16)
        yield resampler.push(pcm_frame(samples.reshape(-1, 1), rate_hz))
    yield resampler.flush()


def _decoded(source: BinaryIO | _Joined, container: Any) -> Iterator[Samples]:
    resampler = Resampler()
    with closing(open_container(source, container)) as opened:
        for frame in decoded_frames(opened):
            yield resampler.push(frame)
    yield resampler.flush()


class _Joined:
    """What was read already, and the rest: a pipe can't be wound back."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head = head
        self._rest = rest

    def read(self, size: int) -> bytes:
        """Return what is there, at most `size` bytes: nobody waits for more than comes."""
        if self._head:
            data, self._head = self._head[:size], self._head[size:]
            return data
        read: Callable[[int], bytes] = getattr(self._rest, "read1", self._rest.read)
        return read(size)
