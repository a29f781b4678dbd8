"""A program's live session: every word once, whatever happens to servers and network on the way."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.support.faults import NONE, Fault, Proxy, hanging, losing, proxy
from tests.support.recordings import Recording, recording
from tests.support.scores import errors
from tests.support.server import Server, free_port, wait_for
from transcriber.client import ClientError, LiveClient, Partial, Segment

JFK, TALK = recording("en/short-jfk.flac"), recording("en/long-ls-367.flac")
# Three seconds, for what matters whatever is said.
BRIEF = recording("en/short-arctic-axb-a0004.flac")
# The model's own errors in JFK, and in that one, live.
SLIPS, SLIP = 3, 1
# The model hears a few words differently when it hears a sentence from another place on.
MISHEARD, ODD = 4, 2
WAIT_S = 60.0
BLOCK = 1600
KEY_WANTED = {"type": "urn:live-transcription:unauthorized", "detail": "A key is needed."}


class Told:
    """What the callbacks were told."""

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self.partials: list[Partial] = []
        self.problems: list[ClientError] = []

    def callbacks(self) -> dict[str, Any]:
        return {
            "on_final": self.segments.append,
            "on_partial": self.partials.append,
            "on_problem": self.problems.append,
        }


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def first(server: Server) -> Iterator[Proxy]:
    """A way to the server that can be made to fail."""
    with proxy(server.url) as started:
        yield started


def blocks(spoken: Recording, from_s: float = 0.0, to_s: float | None = None) -> Iterator[bytes]:
    """Yield a recording as a microphone's driver gives it."""
    samples = (spoken.samples() * 32767).astype("<i2")
    end = None if to_s is None else int(to_s * 16_000)
    for at in range(int(from_s * 16_000), len(samples[:end]), BLOCK):
        yield samples[at : at + BLOCK].tobytes()


def at_real_speed(client: LiveClient, sound: Iterator[bytes]) -> None:
    """Send blocks as fast as a microphone gives them, so that there are several chunks."""
    pause = threading.Event()
    for block in sound:
        client.send(block)
        pause.wait(BLOCK / 16_000)


def assert_same_words(said: str, text: str) -> None:
    """Assert that no words are lost or doubled; a few may be heard in another way."""
    found = errors(said, text)
    explained = f"{found}\n{said}\n{text}"
    assert max(found.deletions, found.insertions) <= ODD, explained
    assert found.count <= MISHEARD, explained


def test_what_is_said_comes_back_once_and_in_order(server: Server, told: Told) -> None:
    with LiveClient(server.url, **told.callbacks()) as live:
        at_real_speed(live, blocks(JFK, 0, 2.0))
        wait_for(lambda: live.partial.text, WAIT_S, "nothing is shown while one speaks")
        at_real_speed(live, blocks(JFK, 2.0))
        assert live.watch_url
        assert live.server == server.url
    assert errors(JFK.text, live.text).count <= SLIPS
    assert told.segments == live.segments
    assert [segment.id for segment in told.segments] == list(range(len(told.segments)))
    assert "".join(segment.text for segment in told.segments).strip() == live.text
    words = [word for segment in told.segments for word in segment.words]
    assert len(words) > 15
    assert all(0 <= word.start <= word.end <= JFK.duration_s for word in words)
    assert told.partials[0].text.strip()
    assert told.partials[-1] == Partial()
    assert live.language == "en"


def test_a_recording_that_is_there_at_once_goes_as_fast_as_it_is_heard(server: Server) -> None:
    with LiveClient(server.url) as live:
        live.send((BRIEF.samples() * 32767).astype("<i2").tobytes())
    assert errors(BRIEF.text, live.text).count <= SLIP


@pytest.mark.parametrize("kind", ["float32", "int16", "bytes"])
def test_arrays_are_the_same_sound_as_bytes(kind: str, first: Proxy) -> None:
    samples = np.array([0.0, 0.5, -1.0, 0.25], np.float32)
    whole = (samples * 32767).round().astype("<i2")
    given: dict[str, Any] = {"float32": samples, "int16": whole, "bytes": whole.tobytes()}
    with LiveClient(first.url, language="en") as live:
        live.send(given[kind])
    chunk = next(one.body for one in first.seen if one.method == "POST")
    assert whole.tobytes() in chunk


@pytest.mark.parametrize("audio", [np.zeros((2, 8), np.int16), np.zeros(8, np.int64)])
def test_what_is_no_sound_is_refused(first: Proxy, audio: Any) -> None:
    client = LiveClient(first.url)
    with contextlib.closing(client), pytest.raises(TypeError, match=r"audio is|samples are"):
        client.send(audio)


def test_lost_requests_and_lost_replies_lose_and_double_nothing(first: Proxy) -> None:
    first.fault = losing(3, after_forwarding=True, path="/transcribe")
    with LiveClient(first.url) as live:
        at_real_speed(live, blocks(JFK, 0, 6.0))
        first.fault = losing(3, after_forwarding=False)
        at_real_speed(live, blocks(JFK, 6.0))
    assert errors(JFK.text, live.text).count <= SLIPS


def test_a_server_that_fails_is_replaced_in_the_middle_of_a_sentence(
    first: Proxy, server: Server, told: Told
) -> None:
    with LiveClient([first.url, server.url], **told.callbacks()) as live:
        at_real_speed(live, blocks(TALK, 0, 8.0))
        wait_for(lambda: live.segments, WAIT_S)
        first.fault = hanging()
        at_real_speed(live, blocks(TALK, 8.0, 16.0))
        wait_for(lambda: live.server == server.url, WAIT_S, "it stays with the one that hangs")
    said = TALK.text[: TALK.text.index(" is not a lobster at all")]  # in 16 s
    assert_same_words(said, live.text)
    assert [segment.id for segment in told.segments] == list(range(len(told.segments)))
    starts = [segment.start for segment in told.segments]
    assert starts == sorted(starts)


def test_so_is_one_that_suddenly_answers_with_somebody_elses_json(
    first: Proxy, server: Server
) -> None:
    with LiveClient([first.url, server.url]) as live:
        first.fault = Fault("/transcribe", status=200, body=b"{}")
        live.send((BRIEF.samples() * 32767).astype("<i2").tobytes())
    assert errors(BRIEF.text, live.text).count <= SLIP


def test_it_returns_to_a_better_server_at_a_pause(
    first: Proxy, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transcriber.client.servers.PROBE_EVERY_S", 0.3)
    first.fault = hanging()
    with LiveClient([first.url, server.url]) as live:
        for block in blocks(BRIEF):
            live.send(block)
        wait_for(lambda: live.server == server.url, WAIT_S)
        live.send(bytes(2 * 16_000 * 3))
        wait_for(lambda: live.text and not live.partial.text, WAIT_S)
        first.fault = NONE
        wait_for(lambda: live.server != server.url, WAIT_S, "it does not come back")
        live.send(bytes(2 * 16_000))
        wait_for(lambda: live.server == first.url, WAIT_S)
    assert errors(BRIEF.text, live.text).count <= SLIP


def test_words_wait_for_a_server_that_comes_later(server: Server) -> None:
    port = free_port()
    live = LiveClient(f"http://127.0.0.1:{port}")
    with contextlib.closing(live):
        for block in blocks(BRIEF):
            live.send(block)
        with pytest.raises(ClientError, match="3 s of audio were not transcribed") as caught:
            live.finish(timeout_s=0.5)
        assert caught.value.code == "timeout"
        wait_for(lambda: "Connection refused" in live.waiting, WAIT_S)
        with proxy(server.url, port):
            assert errors(BRIEF.text, live.finish(WAIT_S)).count <= SLIP
        assert live.waiting == ""


def test_what_every_server_refuses_is_told_instead_of_waiting(first: Proxy) -> None:
    client = LiveClient([first.url, first.url + "/"], language="xx")
    client.send(bytes(64_000))
    with pytest.raises(ClientError, match="language is a code") as caught:
        client.finish(WAIT_S)
    assert caught.value.code == "bad-field"
    assert caught.value.server == first.url
    with pytest.raises(ClientError, match="was ended"):
        client.send(b"")


def test_without_its_key_a_server_is_passed_over_and_told_of_once(
    first: Proxy, server: Server, told: Told
) -> None:
    body = json.dumps({**KEY_WANTED, "code": "unauthorized"}).encode()
    first.fault = Fault("/transcribe", status=401, body=body)
    with LiveClient([first.url, server.url], key="wrong", **told.callbacks()) as live:
        live.send((BRIEF.samples() * 32767).astype("<i2").tobytes())
    assert errors(BRIEF.text, live.text).count <= SLIP
    assert [(one.code, one.server) for one in told.problems] == [("unauthorized", first.url)]


def test_a_callback_that_fails_costs_no_word(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(segment: Segment) -> None:
        raise ValueError(segment.id)

    with LiveClient(server.url, on_final=fail) as live:
        live.send((BRIEF.samples() * 32767).astype("<i2").tobytes())
    assert errors(BRIEF.text, live.text).count <= SLIP
    assert "A callback or the client itself failed" in caplog.text


def test_who_waits_for_the_last_words_is_let_go_by_closing() -> None:
    live = LiveClient(f"http://127.0.0.1:{free_port()}")
    live.send(bytes(32_000))
    threading.Timer(0.2, live.close).start()
    with pytest.raises(ClientError, match="closed before every word") as caught:
        live.finish(WAIT_S)
    assert caught.value.code == "closed"


def test_a_callback_can_not_wait_for_itself(server: Server) -> None:
    refused: list[str] = []

    def finish(segment: Segment) -> None:
        try:
            live.finish()
        except ClientError as error:
            refused.append(error.code)

    live = LiveClient(server.url, on_final=finish)
    with live:
        live.send((BRIEF.samples() * 32767).astype("<i2").tobytes())
    assert set(refused) == {"in-callback"}


def test_what_is_no_number_is_silence(first: Proxy) -> None:
    with LiveClient(first.url, language="en") as live:
        live.send(np.array([np.nan, 0.5], np.float32))
    chunk = next(one.body for one in first.seen if one.method == "POST")
    assert np.array([0, 16384], "<i2").tobytes() in chunk


def test_an_error_inside_the_block_waits_for_nobody() -> None:
    def speak() -> None:
        with LiveClient(f"http://127.0.0.1:{free_port()}") as live:
            live.send(bytes(32_000))
            raise KeyError

    with pytest.raises(KeyError):
        speak()
