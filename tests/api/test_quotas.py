"""How much each key and each address may use, and what is said when that was used."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.support.chunks import CHUNKS, LAST, assert_no_such_session
from tests.support.contract import problem
from tests.support.live import TIMEOUT_S, LiveSession, new_session_id
from tests.support.server import Server, running, wait_for

ALICE, BOB = "correct-horse-battery-staple", "another-long-secret-key"
MOST_REQUESTS, MOST_SESSIONS = 8, 1
# A chunk has two seconds.
MOST_AUDIO_S = 7


@pytest.fixture(scope="module")
def rationed() -> Iterator[Server]:
    """A server behind a proxy, where each address may have little."""
    settings = {
        "MODEL": "tiny.en",
        "TRUSTED_PROXIES": "127.0.0.1",
        "ADDRESS_SESSIONS": MOST_SESSIONS,
        "ADDRESS_AUDIO_S_PER_DAY": MOST_AUDIO_S,
    }
    with running(settings) as started:
        started.wait_until_ready()
        yield started


class Elsewhere:
    """A client behind the proxy, at an address of its own."""

    _taken = 0

    def __init__(self, server: Server) -> None:
        Elsewhere._taken += 1
        self.headers = {"X-Forwarded-For": f"203.0.113.{Elsewhere._taken}"}
        self._server = server

    def session(self) -> LiveSession:
        return LiveSession(self._server.url)

    def post(self, session: LiveSession, sequence: int, final: bool = False) -> requests.Response:
        return session.post(sequence, CHUNKS[sequence], final=final, headers=self.headers)

    def upload(self, prefer: str = "wait=0") -> requests.Response:
        return requests.post(
            f"{self._server.url}/transcribe",
            CHUNKS[0],
            headers={**self.headers, "Prefer": prefer},
            timeout=TIMEOUT_S,
        )


@pytest.fixture
def client(rationed: Server) -> Elsewhere:
    return Elsewhere(rationed)


def over(response: requests.Response, quota: str, limit: float, per: str) -> int:
    """Assert that a quota is used up, and return when to try again, in seconds."""
    body = problem(response, 429, "over-quota")
    assert (body["quota"], body["limit"], body["per"]) == (quota, limit, per)
    assert str(limit) in body["detail"]
    return int(response.headers["Retry-After"])


def test_one_too_many_sessions_is_refused_and_nothing_of_it_is_stored(client: Elsewhere) -> None:
    first, second = client.session(), client.session()
    client.post(first, 0).raise_for_status()
    over(client.post(second, 0), "sessions", MOST_SESSIONS, "address")
    assert_no_such_session(second)
    over(client.upload(), "sessions", MOST_SESSIONS, "address")
    client.post(first, 1, final=True).raise_for_status()
    client.post(second, 0).raise_for_status()


def test_another_address_has_its_own_quota(client: Elsewhere, rationed: Server) -> None:
    other = Elsewhere(rationed)
    client.post(client.session(), 0).raise_for_status()
    other.post(other.session(), 0).raise_for_status()


def test_audio_is_refused_once_the_days_is_used_up_and_the_session_can_still_be_ended(
    client: Elsewhere,
) -> None:
    session = client.session()
    for sequence in range(4):
        client.post(session, sequence).raise_for_status()
    wait_s = over(client.post(session, 4), "audio", MOST_AUDIO_S, "address")
    assert 86_000 < wait_s <= 25 * 3600
    assert session.post(4, [], final=True, headers=client.headers).ok
    assert session.wait_ended()["audio_seconds"]["received"] == 8.0
    over(client.upload(), "audio", MOST_AUDIO_S, "address")


def test_many_at_once_do_not_pass_as_one(client: Elsewhere) -> None:
    session = client.session()
    client.post(session, 0).raise_for_status()
    with ThreadPoolExecutor(8) as senders:
        posted = [senders.submit(client.post, session, number) for number in range(1, LAST)]
    statuses = {one.result().status_code for one in posted}
    assert 429 in statuses
    assert session.state()["audio_seconds"]["received"] <= MOST_AUDIO_S + 2


def test_whoever_sends_to_a_session_of_others_uses_up_his_own_quota(
    client: Elsewhere, rationed: Server
) -> None:
    other, session = Elsewhere(rationed), client.session()
    client.post(session, 0).raise_for_status()
    for sequence in range(1, 5):
        other.post(session, sequence).raise_for_status()
    over(other.post(session, 5), "audio", MOST_AUDIO_S, "address")
    over(client.post(session, 5), "audio", MOST_AUDIO_S, "address")


@pytest.mark.parametrize("prefer", ["wait=20", "respond-async"])
def test_uploads_count_as_well(client: Elsewhere, prefer: str) -> None:
    for _ in range(4):
        wait_for(lambda: client.upload(prefer).ok, 20)

    def used_up() -> bool:
        response = client.upload(prefer)
        return response.status_code == 429 and response.json()["quota"] == "audio"

    wait_for(used_up, 20)


def test_requests_are_counted_by_key_and_those_without_a_key_by_address() -> None:
    settings = {
        "MODEL": "/nowhere/at-all",
        "API_KEYS": f"alice:{ALICE}, bob:{BOB}",
        "KEY_REQUESTS_PER_MINUTE": MOST_REQUESTS,
        "ADDRESS_REQUESTS_PER_MINUTE": 4 * MOST_REQUESTS,
    }
    with running(settings) as server:
        url = f"{server.url}/config.json"

        def ask(key: str) -> requests.Response:
            headers = {"Authorization": f"Bearer {key}"}
            return requests.get(url, headers=headers, timeout=TIMEOUT_S)

        assert all(ask(ALICE).ok for _ in range(MOST_REQUESTS))
        assert over(ask(ALICE), "requests", MOST_REQUESTS, "key") <= 63
        assert ask(BOB).ok
        guesses = [ask("a-guess-that-is-wrong").status_code for _ in range(4 * MOST_REQUESTS)]
        assert set(guesses) == {401, 429}
        over(ask(BOB), "requests", 4 * MOST_REQUESTS, "address")
        assert all(server.health() for _ in range(4 * MOST_REQUESTS)), "probes are free"


def test_what_a_client_says_of_its_address_counts_only_where_its_proxy_is_trusted() -> None:
    settings = {"MODEL": "/nowhere/at-all", "ADDRESS_REQUESTS_PER_MINUTE": 3}
    with running(settings) as server:
        answers = [
            requests.get(
                f"{server.url}/config.json",
                headers={"X-Forwarded-For": f"203.0.113.{number}"},
                timeout=TIMEOUT_S,
            ).status_code
            for number in range(4)
        ]
    assert answers == [200, 200, 200, 429]


def test_by_default_nothing_is_rationed(server: Server) -> None:
    answers = {
        requests.get(f"{server.url}/sessions/{new_session_id()}", timeout=TIMEOUT_S).status_code
        for _ in range(100)
    }
    assert answers == {404}
