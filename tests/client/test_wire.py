"""What a request that failed is called, and whether another try is worth it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support.faults import Fault, Proxy, asleep, hanging, proxy, unavailable
from tests.support.server import free_port
from transcriber.client.errors import ClientError, RequestError
from transcriber.client.wire import Wire

OURS = json.dumps({"type": "urn:live-transcription:bad-field", "detail": "no", "code": "bad-field"})
THEIRS = json.dumps({"detail": "no route"})


@pytest.fixture
def router() -> Iterator[Proxy]:
    """Something that answers instead of the service."""
    with proxy(f"http://127.0.0.1:{free_port()}") as started:
        yield started


def failed(url: str, timeout_s: float = 10.0) -> RequestError:
    wire = Wire(url)
    try:
        with pytest.raises(RequestError) as caught:
            wire.json("GET", "/health", timeout_s)
    finally:
        wire.close()
    assert caught.value.server == wire.url
    return caught.value


def test_nobody_listens() -> None:
    error = failed(f"http://127.0.0.1:{free_port()}")
    assert (error.kind, error.retryable, str(error)) == ("network", True, "Connection refused")


def test_no_answer_comes_in_time(router: Proxy) -> None:
    router.fault = hanging()
    error = failed(router.url, 0.2)
    assert (error.kind, error.retryable) == ("timeout", True)


def test_a_page_of_a_router_may_pass(router: Proxy) -> None:
    router.fault = asleep()
    error = failed(router.url)
    assert (error.kind, error.retryable) == ("not-json", True)


def test_the_services_own_errors_are_believed(router: Proxy) -> None:
    router.fault = Fault(status=400, body=OURS.encode())
    error = failed(router.url)
    assert (error.kind, error.status, error.code, error.retryable) == (
        "http",
        400,
        "bad-field",
        False,
    )


def test_a_routers_json_is_not(router: Proxy) -> None:
    router.fault = Fault(status=404, body=THEIRS.encode())
    error = failed(router.url)
    assert (error.kind, error.retryable) == ("not-json", True)


@pytest.mark.parametrize("retry_after_s, retryable", [(5, True), (3600, False)])
def test_who_asks_to_be_left_alone_for_long_refuses(
    router: Proxy, retry_after_s: int, retryable: bool
) -> None:
    router.fault = unavailable(retry_after_s)
    error = failed(router.url)
    assert (error.retry_after_s, error.retryable) == (retry_after_s, retryable)


def test_a_redirect_is_told_with_where_it_leads(router: Proxy) -> None:
    router.fault = Fault(status=301, headers={"Location": "https://talk.example/"})
    error = failed(router.url)
    assert (error.kind, str(error)) == ("not-json", "it redirects to https://talk.example/")


@pytest.mark.parametrize("key", ["two\nlines", "ключ", " "])
def test_a_key_that_no_header_can_carry_is_refused(key: str) -> None:
    with pytest.raises(ClientError, match="characters that no header can carry"):
        Wire("http://localhost", key)


def test_what_speaks_no_tls_is_told_in_a_line(router: Proxy) -> None:
    error = failed(router.url.replace("http:", "https:"))
    assert (error.kind, error.retryable) == ("network", True)
    assert "SSL" in str(error)
