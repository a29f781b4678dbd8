"""The chunks that tests of the contract post, and what must be said of them."""

from __future__ import annotations

import numpy as np
import requests

from tests.support.contract import problem
from tests.support.live import TIMEOUT_S, LiveSession
from tests.support.recordings import RATE_HZ, encode, recording, wav_chunks
from tests.support.scores import errors, normalised

JFK = recording("en/short-jfk.flac")
SHORT = recording("en/short-austen-0880.flac")
CHUNKS = wav_chunks(JFK.samples(), 2)
LAST = len(CHUNKS) - 1
ASYNC = {"Prefer": "respond-async"}


def silence(seconds: float) -> bytes:
    """Return a wav file in which nothing is said."""
    return encode(np.zeros(int(seconds * RATE_HZ), np.float32))


def assert_says(text: str, reference: str, errors_allowed: int = 2) -> None:
    """Assert that the text is the reference but for a few words."""
    assert errors(reference, text).count <= errors_allowed, text


def assert_same_words(text: str, expected: str) -> None:
    """Assert that the same words are told, each once and in order.

    Whether a sentence ends at a pause may depend on which passes heard it, so on when chunks come.
    """
    assert normalised(text) == normalised(expected)


def assert_no_such_session(session: LiveSession) -> None:
    """Assert that nothing at all was stored of the session."""
    url = f"{session.url}/sessions/{session.session_id}"
    problem(requests.get(url, timeout=TIMEOUT_S), 404, "unknown-session", "session_id")


def rest_of(session: LiveSession) -> str:
    """Return what no reply has told yet: it is there to be polled."""
    told = [segment["id"] for reply in session.replies.values() for segment in reply["segments"]]
    text: str = session.state(after=max(told, default=-1))["text"]
    return text
