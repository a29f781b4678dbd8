"""One request to a server, with a time limit, and what went wrong told in one shape."""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests

from transcriber.client.errors import ClientError, Kind, RequestError

# How the service's errors begin their `type`.
_ERROR_TYPES = "urn:live-transcription:"
_CONNECT_S = 5.0
# What a header can carry.
_KEY = re.compile(r"[!-~]+")


class Wire:
    """The connections to one server, kept open between requests, from any number of threads.

    Args:
        url: the server's address, http or https; a path in front of the service's own is kept.
        key: one of its `API_KEYS`, empty for none.

    Raises:
        ClientError: that is no address, or no key.
    """

    def __init__(self, url: str, key: str = "") -> None:
        if key and not _KEY.fullmatch(key):
            raise ClientError("The key has characters that no header can carry.", "bad-key")
        self.url = normalised(url)
        self.key = key
        # A `requests.Session` is one thread's at a time.
        self._idle: deque[requests.Session] = deque()
        self._lock = threading.Lock()
        self._closed = False

    def json(
        self,
        method: str,
        path: str,
        timeout_s: float,
        headers: Mapping[str, str] | None = None,
        accept: tuple[int, ...] = (),
        **more: Any,
    ) -> tuple[requests.Response, dict[str, Any] | None]:
        """Return the response and its body, None where there is none (204, 304).

        Args:
            method: of HTTP.
            path: within the service, with its query.
            timeout_s: between two pieces of the answer at most.
            headers: besides the key's.
            accept: statuses besides 2xx and 304 whose body is wanted.
            more: what `requests` understands: `data`, `files` …

        Raises:
            RequestError: no answer, or none of this service that is wanted.
        """
        session = self._borrow()
        try:
            response = session.request(
                method,
                self.url + path,
                timeout=(_CONNECT_S, timeout_s),
                headers={**self._authorization(), **(headers or {})},
                allow_redirects=False,
                **more,
            )
        except requests.Timeout:
            raise self._error("timeout", f"no answer in {timeout_s:.0f} s") from None
        except requests.RequestException as error:
            raise self._error("network", _reason(error)) from None
        finally:
            self._give_back(session)
        if response.status_code in (204, 304):
            return response, None
        if response.is_redirect:
            told = f"it redirects to {response.headers['Location']}"
            raise self._error("not-json", told, status=response.status_code)
        body = self._body(response)
        if not response.ok and response.status_code not in accept:
            raise self._refusal(response, body)
        return response, body

    def close(self) -> None:
        """Close the connections: those in use once their request is over."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, deque()
        for session in idle:
            session.close()

    def _borrow(self) -> requests.Session:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        session = requests.Session()
        session.headers["User-Agent"] = "live-transcription-client"
        # Else `requests` takes a password from ~/.netrc instead of the key.
        session.auth = _no_other_auth
        return session

    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}

    def _give_back(self, session: requests.Session) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(session)
                return
        session.close()

    def _body(self, response: requests.Response) -> dict[str, Any]:
        try:
            body = response.json()
        except ValueError:
            body = None
        if isinstance(body, dict):
            return body
        what = response.headers.get("Content-Type", "nothing")
        raise self._error(
            "not-json",
            f"the answer is {what}, not this service's (status {response.status_code})",
            status=response.status_code,
            retry_after_s=_retry_after_s(response),
        )

    def _refusal(self, response: requests.Response, body: Mapping[str, Any]) -> RequestError:
        """Only this service's own errors can say no for good; a router's JSON is like its HTML."""
        ours = str(body.get("type", "")).startswith(_ERROR_TYPES)
        status = response.status_code
        return self._error(
            "http" if ours else "not-json",
            str(body.get("detail") or body.get("title") or f"status {status}"),
            status=status,
            code=str(body.get("code") or ""),
            field=str(body.get("field") or ""),
            retry_after_s=_retry_after_s(response),
        )

    def _error(self, kind: Kind, message: str, **more: Any) -> RequestError:
        return RequestError(kind, message, server=self.url, **more)


def normalised(url: str) -> str:
    """Return a server's address without query, fragment and slash at its end.

    Raises:
        ClientError: it is none.
    """
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ClientError(
            f"{url!r} is no address of a server; write it like http://localhost:7860", "bad-address"
        )
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


def _no_other_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _reason(error: requests.RequestException) -> str:
    """Return the innermost reason: urllib3 wraps it in sentences that tell objects' addresses."""
    cause: BaseException = error
    while True:
        causes = (getattr(cause, "reason", None), cause.__cause__, cause.__context__)
        inner = next((one for one in causes if isinstance(one, BaseException)), None)
        if inner is None:
            return str(getattr(cause, "strerror", None) or cause) or type(error).__name__
        cause = inner


def _retry_after_s(response: requests.Response) -> float | None:
    try:
        return float(response.headers.get("Retry-After", ""))
    except ValueError:
        return None
