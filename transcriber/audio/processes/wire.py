"""What a decoder process and its owner say to each other: a JSON head and bytes, length first.

The process works on hostile bytes, so its owner must be able to read what comes back from one that
has been taken over: no pickle, and nothing longer than was agreed.
"""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

import numpy as np

from transcriber.audio.resample import Samples

_LENGTHS = struct.Struct("!II")
_MOST_HEAD_BYTES = 1 << 20
# Float32 of the longest chunk that a setting may allow, and a block of a recording.
MOST_BODY_BYTES = 1 << 30


class Broken(ConnectionError):
    """The other side has ended, or says what makes no sense."""


def send(connection: socket.socket, head: dict[str, Any], body: bytes | memoryview = b"") -> None:
    """Send one message.

    Raises:
        OSError: the other side has ended.
    """
    text = json.dumps(head).encode()
    connection.sendall(_LENGTHS.pack(len(text), len(body)) + text)
    if len(body):
        connection.sendall(body)


def receive(connection: socket.socket) -> tuple[dict[str, Any], bytearray]:
    """Wait for one message, as long as the connection's timeout lets it.

    Raises:
        Broken: the other side has ended, or says what makes no sense.
        TimeoutError: it says nothing.
    """
    head_length, body_length = _LENGTHS.unpack(_exactly(connection, _LENGTHS.size))
    if head_length > _MOST_HEAD_BYTES or body_length > MOST_BODY_BYTES:
        raise Broken("a message is too long")
    try:
        head = json.loads(_exactly(connection, head_length))
    except ValueError as error:
        raise Broken(f"a message is no JSON: {error}") from None
    if not isinstance(head, dict):
        raise Broken("a message is no object")
    return head, _exactly(connection, body_length)


def samples_of(body: bytearray) -> Samples:
    """Return the audio in a message.

    Raises:
        ValueError: that is none.
    """
    samples: Samples = np.frombuffer(body, "<f4")
    if not np.isfinite(samples).all():
        raise ValueError("no such audio")
    return samples


def _exactly(connection: socket.socket, length: int) -> bytearray:
    data = bytearray(length)
    view, got = memoryview(data), 0
    while got < length:
        try:
            count = connection.recv_into(view[got:])
        except ConnectionError as error:
            raise Broken(str(error)) from None
        if not count:
            raise Broken("the other side has ended")
        got += count
    return data
