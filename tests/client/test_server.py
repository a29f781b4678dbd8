"""When a server is used, left, shunned and returned to."""

from __future__ import annotations

import pytest

from tests.support.engine import Clock
from transcriber.client.errors import ClientError, RequestError
from transcriber.client.loop import Loop
from transcriber.client.server import Server
from transcriber.client.servers import Servers, chosen

LOST = RequestError("network", "connection refused")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("transcriber.client.server.time.monotonic", clock)
    return clock


@pytest.fixture
def server(clock: Clock) -> Server:
    server = Server("http://localhost:7860/")
    server.well_probed(0.01, accepting=True)
    return server


def test_one_that_is_well_is_used(server: Server) -> None:
    assert server.is_usable
    assert not server.is_down


def test_a_failed_request_that_a_probe_confirms_ends_its_use(server: Server) -> None:
    server.badly_probed("no answer")
    assert not server.is_down
    server.post_failed(LOST)
    assert server.is_down


def test_three_failed_probes_end_it_too(server: Server) -> None:
    for _ in range(3):
        assert not server.is_down
        server.badly_probed("no answer")
    assert server.is_down


def test_one_that_seems_well_but_takes_no_audio_is_shunned_longer_each_time(
    server: Server, clock: Clock
) -> None:
    for seconds in (15.0, 30.0):
        for _ in range(3):
            assert not server.is_shunned
            server.well_probed(0.01, accepting=True)
            clock.advance(1.0)
            server.post_failed(LOST)
        clock.advance(seconds - 0.1)
        assert server.is_shunned
        clock.advance(0.2)


def test_requests_that_fail_together_fail_once(server: Server) -> None:
    for _ in range(3):
        server.post_failed(LOST)
    assert server.failed_posts == 1


def test_a_full_server_takes_no_new_session(server: Server) -> None:
    server.well_probed(0.01, accepting=False)
    assert not server.is_usable
    assert not server.is_down


def test_a_refusal_is_told_once_and_forgotten_after_a_minute(server: Server, clock: Clock) -> None:
    refusal = RequestError("http", "no", 401, "unauthorized")
    assert server.refuse(refusal)
    assert not server.is_usable
    clock.advance(61.0)
    assert server.is_usable
    assert not server.refuse(refusal)


def test_the_first_that_is_usable_is_best_and_a_steady_one_before_is_better(clock: Clock) -> None:
    first, second = chosen(["http://one.example", "http://two.example"], "")
    servers = Servers([first, second], Loop(lambda: None), lambda: None)
    second.well_probed(0.01, accepting=True)
    assert servers.best() is None, "the first has not been asked yet"
    first.badly_probed("no answer")
    assert servers.best() is second
    first.well_probed(0.01, accepting=True)
    assert servers.best() is first
    assert servers.better(second) is None
    first.well_probed(0.01, accepting=True)
    first.well_probed(0.01, accepting=True)
    assert servers.better(second) is first
    assert servers.better(first) is None


def test_an_address_is_given_once() -> None:
    assert len(chosen(["http://one.example", "http://one.example/"], "")) == 1


@pytest.mark.parametrize("url", ["localhost:7860", "ftp://one.example", "", "http://"])
def test_what_is_no_address_is_refused_with_one_that_is(url: str) -> None:
    with pytest.raises(ClientError, match="write it like http://localhost:7860") as caught:
        chosen([url], "")
    assert caught.value.code == "bad-address"
