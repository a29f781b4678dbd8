"""The fault proxy itself: what tests of failover rest on must do what it says."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from tests.support import faults
from tests.support.faults import Proxy, proxy
from tests.support.server import wait_for

SOON_S = 0.5
LATE_S = 10.0


class _Echo(BaseHTTPRequestHandler):
    """Answers with what it was asked, and counts."""

    asked: list[str]

    def do_POST(self) -> None:
        self._echo()

    def do_GET(self) -> None:
        self._echo()

    def _echo(self) -> None:
        self.asked.append(f"{self.command} {self.path}")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(HTTPStatus.ACCEPTED)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("X-Was-Sent", self.headers.get("X-Sent", ""))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@pytest.fixture
def asked() -> list[str]:
    """What has reached the server behind the proxy."""
    return []


@pytest.fixture
def between(asked: list[str]) -> Iterator[Proxy]:
    handler = type("Echo", (_Echo,), {"asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as upstream:
        thread = threading.Thread(target=upstream.serve_forever, args=(0.02,), name="echo")
        thread.start()
        try:
            with proxy(f"http://127.0.0.1:{upstream.server_address[1]}") as started:
                yield started
        finally:
            upstream.shutdown()
            thread.join()


def post(to: Proxy, timeout_s: float = LATE_S, path: str = "/transcribe?a=1") -> requests.Response:
    return requests.post(
        to.url + path, data=b"\x00audio", headers={"X-Sent": "yes"}, timeout=timeout_s
    )


def test_hands_on_body_query_and_headers_both_ways(between: Proxy, asked: list[str]) -> None:
    reply = post(between)
    assert (reply.status_code, reply.content) == (HTTPStatus.ACCEPTED, b"\x00audio")
    assert reply.headers["X-Was-Sent"] == "yes"
    assert reply.headers["Access-Control-Allow-Origin"] == "*"
    assert asked == ["POST /transcribe?a=1"]
    assert between.seen == [faults.Seen("POST", "/transcribe?a=1", b"\x00audio")]


def test_hangs_and_answers_again_when_switched(between: Proxy, asked: list[str]) -> None:
    between.fault = faults.hanging()
    with pytest.raises(requests.ReadTimeout):
        post(between, SOON_S)
    between.fault = faults.NONE
    assert post(between).ok
    assert len(asked) == 1


def test_answers_503_with_and_without_retry_after(between: Proxy, asked: list[str]) -> None:
    between.fault = faults.unavailable(retry_after_s=3, cors=True)
    reply = post(between)
    assert (reply.status_code, reply.headers["Retry-After"]) == (503, "3")
    assert reply.headers["Access-Control-Allow-Origin"] == "*"
    between.fault = faults.unavailable()
    reply = post(between)
    assert reply.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert not {"Retry-After", "Access-Control-Allow-Origin"} & reply.headers.keys()
    assert not asked


def test_answers_as_a_sleeping_space(between: Proxy, asked: list[str]) -> None:
    between.fault = faults.asleep()
    reply = post(between)
    assert (reply.status_code, reply.content) == (200, faults.ASLEEP_PAGE)
    assert reply.headers["Content-Type"].startswith("text/html")
    assert not asked


@pytest.mark.parametrize("after_forwarding, reached", [(False, 2), (True, 4)])
def test_loses_every_other_request_or_reply(
    between: Proxy, asked: list[str], after_forwarding: bool, reached: int
) -> None:
    between.fault = faults.losing(every=2, after_forwarding=after_forwarding)
    for is_lost in (False, True, False, True):
        if is_lost:
            with pytest.raises(requests.ConnectionError):
                post(between)
        else:
            assert post(between).ok
    assert len(asked) == reached


def test_hits_only_the_path_it_is_told(between: Proxy) -> None:
    between.fault = faults.unavailable(path="/transcribe")
    assert not post(between).ok
    assert post(between, path="/health").ok


def test_delays(between: Proxy, asked: list[str]) -> None:
    between.fault = faults.slow(LATE_S)
    with pytest.raises(requests.ReadTimeout):
        post(between, SOON_S)
    assert len(between.seen) == 1
    assert not asked


def test_answers_502_when_the_server_is_gone() -> None:
    with proxy("http://127.0.0.1:9") as alone:
        assert post(alone).status_code == HTTPStatus.BAD_GATEWAY


def test_stops_while_requests_hang(between: Proxy) -> None:
    with proxy(between.url) as outer:
        between.fault = faults.hanging()
        with pytest.raises(requests.ReadTimeout):
            post(outer, SOON_S)
        wait_for(lambda: between.seen, LATE_S)
    assert f"proxy-{outer.port}" not in "".join(thread.name for thread in threading.enumerate())
