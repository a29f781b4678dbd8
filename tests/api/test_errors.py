"""Bad input: every request gets the contract's error at once, and the service goes on."""

from __future__ import annotations

import contextlib
import http.client
import socket
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.support.contract import assert_marked, problem, quick
from tests.support.encoders import wav_that_claims
from tests.support.live import TIMEOUT_S, LiveSession, upload
from tests.support.recordings import RATE_HZ, blobs, encode, recording
from tests.support.server import Server

TWO_SECONDS = encode(recording("en/short-jfk.flac").samples()[: 2 * RATE_HZ])

SHORT = recording("en/short-austen-0880.flac")
MIB = 1 << 20
HUGE_MIB = 300

NOT_AUDIO = {
    "text": b"Dear sir or madam, this is a letter.\n" * 20,
    "html": b"<!doctype html>\n<html><body><h1>Sign in to the network</h1></body></html>",
    "ffconcat": b"ffconcat version 1.0\nfile /etc/passwd\nfile /dev/zero\n",
    "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\n",
    "playlist": b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n",
    "picture": b"\x89PNG\r\n\x1a\n" + bytes(200),
    "one byte": b"\x1a",
    "zeros": bytes(4096),
}
DAMAGED = {
    "header of a webm only": blobs("webm-opus")[0][:100],
    "header of an mp4 only": blobs("mp4-opus")[0][:40],
    "header of a flac only": SHORT.data[:60],
    "wav at 1 Hz": wav_that_claims(rate_hz=1),
    "wav at 4 GHz": wav_that_claims(rate_hz=2**31 - 1),
    "wav with 65535 channels": wav_that_claims(channels=0xFFFF),
    "wav with no data": wav_that_claims(data_bytes=0)[:44],
    "webm of nothing": b"\x1a\x45\xdf\xa3" + bytes(500),
}


def chunk(server: Server, data: bytes) -> requests.Response:
    """Post data as the first chunk of a new session."""
    return LiveSession(server.url).post(0, data)


# -- bodies ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NOT_AUDIO)
@pytest.mark.parametrize("post", [lambda server, data: upload(server.url, data), chunk])
def test_what_is_no_audio(
    server: Server, post: Callable[[Server, bytes], requests.Response], name: str
) -> None:
    response = quick(lambda: post(server, NOT_AUDIO[name]))
    accepted = problem(response, 415, "unsupported-media-type", "audio")["accepted"]
    assert "webm" in accepted


@pytest.mark.parametrize("name", DAMAGED)
def test_audio_that_can_not_be_decoded(server: Server, name: str) -> None:
    response = quick(lambda: upload(server.url, DAMAGED[name]))
    problem(response, 422, "undecodable-audio", "audio")


@pytest.mark.parametrize("name", ["wav at 1 Hz", "wav at 4 GHz", "wav with 65535 channels"])
def test_a_first_chunk_that_can_not_be_decoded(server: Server, name: str) -> None:
    response = quick(lambda: chunk(server, DAMAGED[name]))
    problem(response, 422, "undecodable-audio", "audio")


@pytest.mark.parametrize("post", [lambda server, data: upload(server.url, data), chunk])
def test_an_empty_file(server: Server, post: Callable[[Server, bytes], requests.Response]) -> None:
    problem(quick(lambda: post(server, b"")), 400, "missing-audio", "audio")


def test_no_body_at_all(server: Server) -> None:
    response = quick(lambda: requests.post(f"{server.url}/transcribe", timeout=TIMEOUT_S))
    assert "curl" in problem(response, 400, "missing-audio", "audio")["detail"]


def test_audio_under_a_name_that_is_not_known(server: Server) -> None:
    files = {"sound": ("talk.flac", SHORT.data)}
    response = requests.post(f"{server.url}/transcribe", files=files, timeout=TIMEOUT_S)
    problem(response, 400, "missing-audio", "audio")


def test_audio_as_a_text_field(server: Server) -> None:
    fields = {"file": (None, "talk.flac")}
    response = requests.post(f"{server.url}/transcribe", files=fields, timeout=TIMEOUT_S)
    assert "curl -F file=@" in problem(response, 400, "bad-field", "file")["detail"]


def test_a_form_without_its_boundary(server: Server) -> None:
    headers = {"Content-Type": "multipart/form-data"}
    response = requests.post(
        f"{server.url}/transcribe", data=SHORT.data, headers=headers, timeout=TIMEOUT_S
    )
    problem(response, 400, "bad-request")


def test_a_form_that_is_no_form(server: Server) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=xyz"}
    response = requests.post(
        f"{server.url}/transcribe", data=SHORT.data, headers=headers, timeout=TIMEOUT_S
    )
    assert "boundary" in problem(response, 400, "bad-request")["detail"]


def test_a_file_name_that_is_no_utf8_is_told_as_what_it_is(server: Server) -> None:
    body = (
        b'--xyz\r\nContent-Disposition: form-data; name="audio"; filename="caf\xe9"\r\n\r\n'
        + SHORT.data
        + b"\r\n--xyz--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=xyz"}
    url = f"{server.url}/transcribe"
    response = requests.post(url, body, headers=headers, timeout=TIMEOUT_S)
    assert "UTF-8" in problem(response, 400, "bad-request")["detail"]


def test_a_huge_body_of_known_length(server: Server) -> None:
    with tempfile.TemporaryFile() as sparse:
        sparse.truncate(HUGE_MIB * MIB)
        response = requests.post(f"{server.url}/transcribe", data=sparse, timeout=TIMEOUT_S)
    assert problem(response, 413, "body-too-large", "audio")["limit_bytes"] == 256 * MIB


def test_a_huge_body_is_refused_though_it_never_comes(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    with contextlib.closing(connection):
        connection.putrequest("POST", "/transcribe")
        connection.putheader("Content-Length", str(HUGE_MIB * MIB))
        connection.endheaders(b"RIFF")
        assert connection.getresponse().status == 413


def test_a_huge_body_of_unknown_length(server: Server) -> None:
    def blocks() -> Iterator[bytes]:
        for _ in range(HUGE_MIB):
            yield bytes(MIB)

    response = requests.post(f"{server.url}/transcribe", data=blocks(), timeout=TIMEOUT_S)
    assert problem(response, 413, "body-too-large", "audio")["limit_bytes"] == 256 * MIB


def test_the_service_goes_on(server: Server) -> None:
    bad = [*NOT_AUDIO.values(), *DAMAGED.values()]
    with ThreadPoolExecutor(8) as pool:
        uploads = list(pool.map(lambda data: upload(server.url, data), bad))
        chunks = list(pool.map(lambda data: chunk(server, data), bad))
    assert all(response.status_code in (415, 422) for response in uploads)
    assert all(response.status_code < 500 for response in chunks)
    assert server.health()["status"] == "ok"
    assert "young man" in upload(server.url, SHORT.data).json()["text"]
    assert "Traceback" not in server.log()


# -- addresses and methods ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["/nowhere", "/transcribe/", "/sessions", "/sessions/", "/sessions/a/b", "/sessions/a%2Fb"],
)
def test_an_address_where_nothing_is(server: Server, path: str) -> None:
    problem(requests.get(server.url + path, timeout=TIMEOUT_S), 404, "not-found")


@pytest.mark.parametrize(
    "method, path, allowed",
    [
        ("GET", "/transcribe", {"POST", "OPTIONS"}),
        ("PUT", "/transcribe", {"POST", "OPTIONS"}),
        ("POST", "/health", {"GET", "HEAD", "OPTIONS"}),
        ("POST", "/sessions/0123456789abcdef", {"GET", "HEAD", "OPTIONS", "DELETE"}),
    ],
)
def test_a_method_that_is_not_taken(
    server: Server, method: str, path: str, allowed: set[str]
) -> None:
    response = requests.request(method, server.url + path, timeout=TIMEOUT_S)
    problem(response, 405, "method-not-allowed")
    assert set(response.headers["Allow"].split(", ")) == allowed


# -- what every reply carries ------------------------------------------------------------------


@pytest.mark.parametrize(
    "method, path, status",
    [
        ("GET", "/health", 200),
        ("HEAD", "/health", 200),
        ("GET", "/health/live", 200),
        ("POST", "/transcribe", 400),
        ("GET", "/sessions/0123456789abcdef", 404),
        ("GET", "/nowhere", 404),
        ("GET", "/transcribe", 405),
        ("OPTIONS", "/transcribe", 200),
    ],
)
def test_every_reply_has_a_request_id_and_is_not_cached(
    server: Server, method: str, path: str, status: int
) -> None:
    first, second = (
        requests.request(method, server.url + path, timeout=TIMEOUT_S) for _ in range(2)
    )
    assert first.status_code == status
    assert_marked(first)
    assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]


def test_a_sane_request_id_is_echoed(server: Server) -> None:
    headers = {"X-Request-Id": "page-42.retry_1"}
    for path in ("/health", "/nowhere"):
        response = requests.get(server.url + path, headers=headers, timeout=TIMEOUT_S)
        assert response.headers["X-Request-Id"] == "page-42.retry_1"
    assert "request=page-42.retry_1" in server.log()


@pytest.mark.parametrize("sent", ["", "with space", "x" * 65, "<script>", "{}"])
def test_any_other_request_id_is_replaced(server: Server, sent: str) -> None:
    headers = {"X-Request-Id": sent}
    response = requests.get(f"{server.url}/health", headers=headers, timeout=TIMEOUT_S)
    assert response.headers["X-Request-Id"] != sent
    assert_marked(response)


def test_static_files_may_be_cached(server: Server) -> None:
    response = requests.get(f"{server.url}/", timeout=TIMEOUT_S)
    assert response.ok
    assert "no-store" not in response.headers["Cache-Control"]


def test_a_raw_body_that_breaks_off_is_not_stored_and_may_be_sent_again(server: Server) -> None:
    session = LiveSession(server.url)
    session.post(0, TWO_SECONDS)
    query = f"session_id={session.session_id}&sequence=1"
    head = f"POST /transcribe?{query} HTTP/1.1\r\nHost: here\r\nContent-Type: audio/wav\r\n"
    with socket.create_connection(("127.0.0.1", server.port), 10) as cut:
        half = TWO_SECONDS[: len(TWO_SECONDS) // 2]
        cut.sendall(f"{head}Content-Length: {len(TWO_SECONDS)}\r\n\r\n".encode() + half)
        cut.shutdown(socket.SHUT_WR)
        reply = cut.makefile("rb").read().decode()
    assert reply.startswith("HTTP/1.1 400")
    assert '"code": "body-incomplete"' in reply
    again = requests.post(f"{server.url}/transcribe?{query}", data=TWO_SECONDS, timeout=60)
    assert again.status_code == 200


def test_a_body_that_is_not_valid_http_is_the_senders_fault(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), 10) as sender:
        head = b"POST /transcribe HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"
        sender.sendall(head + b"ZZ\r\nfoo\r\n")
        sender.shutdown(socket.SHUT_WR)
        assert sender.makefile("rb").readline().startswith(b"HTTP/1.1 400")


def test_a_chunk_without_its_session_id_is_not_taken_for_a_recording(server: Server) -> None:
    response = upload(server.url, TWO_SECONDS, sequence="1")
    problem(response, 400, "bad-field", "session_id")


def test_the_log_never_shows_a_session_id(server: Server) -> None:
    session = LiveSession(server.url)
    session.post(0, TWO_SECONDS, final=True)
    assert session.session_id not in server.log()
