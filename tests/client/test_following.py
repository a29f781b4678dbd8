"""Reading along by a link."""

from __future__ import annotations

import threading

import pytest

from tests.support.faults import Fault, proxy
from tests.support.live import LiveSession
from tests.support.recordings import recording, wav_chunks
from tests.support.server import Server
from transcriber.client import ClientError, Reply, watch

JFK = recording("en/short-jfk.flac")


def test_all_words_of_a_session_are_told_until_it_ends(server: Server) -> None:
    session = LiveSession(server.url)
    chunks = wav_chunks(JFK.samples(), 4.0)
    session.post(0, chunks[0])
    seen: list[Reply] = []
    link = f"{server.url}/?watch={session.replies[0]['watch_id']}"
    reader = threading.Thread(target=lambda: seen.extend(watch(link)))
    reader.start()
    for sequence, chunk in enumerate(chunks[1:], start=1):
        session.post(sequence, chunk, final=sequence == len(chunks) - 1)
    reader.join(60)
    segments = [segment for reply in seen for segment in reply.segments]
    assert [one.id for one in segments] == list(range(len(segments)))
    assert [one.text for one in segments] == [one["text"] for one in session.state()["segments"]]
    assert seen[-1].final


def test_a_session_is_read_by_its_own_address_too(server: Server) -> None:
    session = LiveSession(server.url)
    session.post(0, b"", final=True)
    session.post(0, wav_chunks(JFK.samples(), 1.0)[0], final=True)
    session.wait_ended()
    assert list(watch(f"{server.url}/sessions/{session.session_id}"))[-1].state == "ended"


@pytest.mark.parametrize("link", ["http://localhost/", "http://localhost/?watch=../../x", "talk"])
def test_what_is_no_link_is_refused(link: str) -> None:
    with pytest.raises(ClientError) as caught:
        next(watch(link))
    assert caught.value.code == "bad-address"


def test_json_of_somebody_else_is_told_as_that(server: Server) -> None:
    with proxy(server.url) as other:
        other.fault = Fault(status=200, body=b'{"status": "ok"}')
        with pytest.raises(ClientError, match="not this service's"):
            next(watch(f"{other.url}/watch/abcdefghijklmnopqrstuvwx"))


def test_a_link_that_nobody_knows_ends_at_once(server: Server) -> None:
    with pytest.raises(ClientError) as caught:
        next(watch(f"{server.url}/watch/abcdefghijklmnopqrstuvwx"))
    assert caught.value.code == "unknown-session"
