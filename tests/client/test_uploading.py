"""Whole recordings go to the first server that can, and are followed to their end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.faults import Proxy, hanging, proxy
from tests.support.live import upload
from tests.support.recordings import SPEECH, recording
from tests.support.server import ROOT, Server, free_port
from transcriber.client import ClientError, Progress, transcribe

JFK = recording("en/short-jfk.flac")
PATH = SPEECH / "en" / "short-jfk.flac"


@pytest.fixture
def first(server: Server) -> Iterator[Proxy]:
    """A way to the server that can be made to fail."""
    with proxy(server.url) as started:
        yield started


def test_the_text_is_that_of_an_upload_with_its_progress(server: Server) -> None:
    steps: list[Progress] = []
    found = transcribe(PATH, server.url, on_progress=steps.append)
    assert found.text == upload(server.url, JFK.data, word_timestamps="true").json()["text"]
    assert found.duration_s == pytest.approx(JFK.duration_s, abs=0.1)
    assert found.language == "en"
    assert found.segments[-1].words[-1].end <= JFK.duration_s
    assert steps[-1].done_s == pytest.approx(JFK.duration_s, abs=0.1)


def test_the_next_server_takes_what_the_first_one_does_not_answer(
    first: Proxy, server: Server
) -> None:
    first.fault = hanging()
    found = transcribe(PATH, [first.url, server.url])
    assert "country" in found.text


def test_what_is_no_recording_is_told_at_once(server: Server) -> None:
    with pytest.raises(ClientError, match="not audio of an accepted kind") as caught:
        transcribe(ROOT / "README.md", server.url)
    assert caught.value.code == "unsupported-media-type"


def test_who_stops_waiting_leaves_no_work_behind(first: Proxy) -> None:
    def interrupt(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        transcribe(PATH, first.url, on_progress=interrupt)
    assert [one.method for one in first.seen if one.target.startswith("/sessions/")][-1] == "DELETE"


def test_why_it_goes_on_elsewhere_is_told(server: Server) -> None:
    told: list[ClientError] = []
    nobody = f"http://127.0.0.1:{free_port()}"
    transcribe(PATH, [nobody, server.url], on_problem=told.append)
    assert [one.server for one in told] == [nobody]


def test_a_field_that_the_server_does_not_take_is_told(server: Server) -> None:
    with pytest.raises(ClientError, match="language"):
        transcribe(PATH, server.url, language="xx")


def test_without_a_server_it_says_why() -> None:
    told: list[ClientError] = []
    with pytest.raises(ClientError, match="Connection refused"):
        transcribe(PATH, f"http://127.0.0.1:{free_port()}", on_problem=told.append, patience_s=0.0)
    assert told == [], "once is enough"
