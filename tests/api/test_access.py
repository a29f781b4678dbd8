"""Who is let in: holders of keys, and pages of allowed origins."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tests.support.contract import problem
from tests.support.live import TIMEOUT_S
from tests.support.server import Server, running

ALICE, BOB = "correct-horse-battery-staple", "another-long-secret-key"
PAGE, EVIL = "https://talk.example", "https://evil.example"
SESSION = "/sessions/0123456789abcdef"
LOCKED = [
    ("GET", "/config.json"),
    ("GET", "/metrics"),
    ("GET", SESSION),
    ("GET", f"{SESSION}/transcript"),
    ("DELETE", SESSION),
    ("GET", "/watch/0123456789abcdef"),
    ("POST", "/transcribe"),
    ("GET", "/nowhere"),
]
OPEN = [
    "/health",
    "/health/live",
    "/",
    "/docs",
    "/static/styles/theme.css",
    "/static/live-transcriber.js",
]


@pytest.fixture(scope="module")
def locked() -> Iterator[Server]:
    """A server with two keys and for one page; its model does not matter, so it has none."""
    keys = f"alice:{ALICE}, bob:{BOB}"
    settings = {"MODEL": "/nowhere/at-all", "API_KEYS": keys, "CORS_ORIGINS": PAGE}
    with running(settings) as started:
        yield started


def ask(server: Server, method: str, path: str, **headers: str) -> requests.Response:
    """Send a request with these headers; a name's underscores stand for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.request(method, server.url + path, headers=named, timeout=TIMEOUT_S)


def bearer(key: str) -> str:
    return f"Bearer {key}"


# -- keys -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method, path", LOCKED)
def test_without_a_key_nothing_is_told(locked: Server, method: str, path: str) -> None:
    response = ask(locked, method, path)
    problem(response, 401, "unauthorized")
    assert response.headers["WWW-Authenticate"].startswith("Bearer ")


@pytest.mark.parametrize("method, path", LOCKED)
@pytest.mark.parametrize("key", [ALICE, BOB])
def test_with_a_key_it_is_as_if_there_were_none(
    locked: Server, method: str, path: str, key: str
) -> None:
    assert ask(locked, method, path, Authorization=bearer(key)).status_code not in (401, 403)


@pytest.mark.parametrize(
    "authorization",
    [bearer("wrong-wrong-wrong-wrong"), "Bearer", "Bearer ", ALICE, f"Basic {ALICE}", bearer("é")],
)
def test_another_key_opens_nothing(locked: Server, authorization: str) -> None:
    response = requests.get(
        f"{locked.url}/config.json",
        headers={"Authorization": authorization.encode("latin-1")},
        timeout=TIMEOUT_S,
    )
    problem(response, 401, "unauthorized")


def test_the_scheme_may_be_written_in_any_case(locked: Server) -> None:
    assert ask(locked, "GET", "/config.json", Authorization=f"bEaReR {ALICE}").ok


@pytest.mark.parametrize("path", OPEN)
def test_health_and_the_page_need_no_key(locked: Server, path: str) -> None:
    assert ask(locked, "GET", path).status_code in (200, 503)  # 503: it has no model


def test_pages_may_send_a_key_and_read_that_one_is_asked_for(locked: Server) -> None:
    preflight = ask(
        locked,
        "OPTIONS",
        "/transcribe",
        Origin=PAGE,
        Access_Control_Request_Method="POST",
        Access_Control_Request_Headers="authorization",
    )
    assert preflight.ok
    assert preflight.headers["Access-Control-Allow-Headers"].lower() == "authorization"
    refused = ask(locked, "GET", "/config.json", Origin=PAGE)
    assert refused.headers["Access-Control-Allow-Origin"] == PAGE


def test_the_log_tells_no_key(locked: Server) -> None:
    ask(locked, "GET", "/config.json", Authorization=bearer(ALICE))
    ask(locked, "GET", "/config.json", Authorization=bearer("a-mistyped-secret"))
    told = locked.log()
    assert "/config.json 401" in told
    for secret in (ALICE, BOB, "a-mistyped-secret"):
        assert secret not in told


def test_keys_that_can_not_be_used_stop_the_start() -> None:
    with (
        pytest.raises(AssertionError, match="API_KEYS: the key of alice is too short"),
        running({"MODEL": "/nowhere/at-all", "API_KEYS": "alice:short"}),
    ):
        pytest.fail("it started")


def test_without_keys_everybody_may_come_in(server: Server) -> None:
    assert ask(server, "GET", "/config.json").ok
    assert ask(server, "GET", "/config.json", Authorization=bearer("whatever")).ok


# -- origins --------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", [EVIL, "null", f"{PAGE}.evil.example", "http://["])
def test_a_form_on_a_page_that_is_not_listed_is_turned_away(locked: Server, origin: str) -> None:
    response = ask(locked, "POST", "/transcribe", Origin=origin, Authorization=bearer(ALICE))
    problem(response, 403, "origin-not-allowed")


def test_listed_pages_its_own_page_and_programs_may_post(locked: Server) -> None:
    own = {"Origin": locked.url}
    proxied = {"Origin": "https://public.example", "Sec_Fetch_Site": "same-origin"}
    for headers in ({"Origin": PAGE}, own, proxied, {}):
        response = ask(locked, "POST", "/transcribe", Authorization=bearer(ALICE), **headers)
        assert response.status_code not in (401, 403), headers


def test_what_only_reads_is_left_to_the_browser(locked: Server) -> None:
    response = ask(locked, "GET", "/config.json", Origin=EVIL, Authorization=bearer(ALICE))
    assert response.ok
    assert "Access-Control-Allow-Origin" not in response.headers


def test_where_any_page_is_welcome_any_page_may_post(server: Server) -> None:
    problem(ask(server, "POST", "/transcribe", Origin=EVIL), 400, "missing-audio", "audio")
