"""CORS: any page may use the API by default, never with credentials; or only the pages listed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tests.support.live import TIMEOUT_S
from tests.support.server import Server, running

PAGE = "https://talk.example"


@pytest.fixture(scope="module")
def listed_server() -> Iterator[Server]:
    """A server for two pages only; its model does not matter, so it has none."""
    origins = f"{PAGE}, https://other.example"
    with running({"MODEL": "/nowhere/at-all", "CORS_ORIGINS": origins}) as started:
        yield started


def preflight(url: str, method: str, headers: str = "", origin: str = PAGE) -> requests.Response:
    """Ask as a browser does before a request that is not simple."""
    return requests.options(
        url,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": headers,
        },
        timeout=TIMEOUT_S,
    )


@pytest.mark.parametrize(
    "path, method, headers",
    [
        ("/transcribe", "POST", "prefer"),
        ("/transcribe", "POST", "content-type, prefer, x-request-id"),
        ("/sessions/0123456789abcdef", "GET", "if-none-match"),
        ("/sessions/0123456789abcdef", "DELETE", ""),
    ],
)
def test_any_page_may_call_the_api(server: Server, path: str, method: str, headers: str) -> None:
    response = preflight(server.url + path, method, headers)
    assert response.ok
    assert response.headers["Access-Control-Allow-Origin"] in ("*", PAGE)
    assert method in response.headers["Access-Control-Allow-Methods"]
    allowed = response.headers.get("Access-Control-Allow-Headers", "").lower().split(", ")
    assert set(allowed) >= {header for header in headers.split(", ") if header}
    assert int(response.headers["Access-Control-Max-Age"]) > 0


@pytest.mark.parametrize("path", ["/health", "/sessions/0123456789abcdef", "/nowhere"])
def test_pages_can_read_replies_and_errors_alike(server: Server, path: str) -> None:
    response = requests.get(server.url + path, headers={"Origin": PAGE}, timeout=TIMEOUT_S)
    assert response.headers["Access-Control-Allow-Origin"] in ("*", PAGE)
    exposed = set(response.headers["Access-Control-Expose-Headers"].split(", "))
    assert exposed >= {"X-Request-Id", "Retry-After", "ETag", "Idempotent-Replay"}


def test_no_page_may_use_credentials(server: Server) -> None:
    for response in (
        requests.get(f"{server.url}/health", headers={"Origin": PAGE}, timeout=TIMEOUT_S),
        preflight(f"{server.url}/transcribe", "POST"),
    ):
        assert "Access-Control-Allow-Credentials" not in response.headers


def test_a_listed_page_is_named_and_others_get_nothing(listed_server: Server) -> None:
    url = f"{listed_server.url}/transcribe"
    for origin in (PAGE, "https://other.example"):
        assert preflight(url, "POST", origin=origin).headers["Access-Control-Allow-Origin"] == (
            origin
        )
    stranger = preflight(url, "POST", origin="https://evil.example")
    assert "Access-Control-Allow-Origin" not in stranger.headers


def test_caches_are_told_that_the_reply_depends_on_the_page(listed_server: Server) -> None:
    response = requests.get(
        f"{listed_server.url}/health", headers={"Origin": PAGE}, timeout=TIMEOUT_S
    )
    assert response.headers["Access-Control-Allow-Origin"] == PAGE
    assert "Origin" in response.headers["Vary"]


def test_pages_can_read_where_an_upload_is_and_what_was_agreed(server: Server) -> None:
    response = requests.get(f"{server.url}/health", headers={"Origin": PAGE}, timeout=TIMEOUT_S)
    exposed = set(response.headers["Access-Control-Expose-Headers"].split(", "))
    assert exposed >= {"Location", "Preference-Applied"}


def test_a_page_from_the_internet_may_reach_a_server_on_its_readers_own_network(
    server: Server, listed_server: Server
) -> None:
    headers = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Private-Network": "true",
    }
    for url in (server.url, listed_server.url):
        response = requests.options(f"{url}/transcribe", headers=headers, timeout=TIMEOUT_S)
        assert response.headers["Access-Control-Allow-Private-Network"] == "true"
    headers["Origin"] = "https://evil.example"
    stranger = requests.options(
        f"{listed_server.url}/transcribe", headers=headers, timeout=TIMEOUT_S
    )
    assert "Access-Control-Allow-Private-Network" not in stranger.headers
