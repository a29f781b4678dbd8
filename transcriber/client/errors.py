"""What can go wrong for a client."""

from __future__ import annotations

from typing import Literal

# A server that asks to be left alone for longer is as good as one that refuses.
LONGEST_WAIT_S = 60.0

Kind = Literal["network", "timeout", "http", "not-json"]


class ClientError(Exception):
    """What ends a recording, or the use of a client that is over.

    Attributes:
        code: for programs, such as `unauthorized`, `bad-field` or `no-server`.
        server: the address of the server that it is about, if of one.
    """

    def __init__(self, message: str, code: str = "", server: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.server = server


class RequestError(ClientError):
    """A request that failed: no answer, one too late, an error of the service, or no JSON at all.

    Attributes:
        kind: which of these.
        status: the HTTP status, 0 without an answer.
        field: of the request, where one is at fault.
        retry_after_s: what the server asks for.
    """

    def __init__(
        self,
        kind: Kind,
        message: str,
        status: int = 0,
        code: str = "",
        field: str = "",
        retry_after_s: float | None = None,
        server: str = "",
    ) -> None:
        super().__init__(message, code, server)
        self.kind = kind
        self.status = status
        self.field = field
        self.retry_after_s = retry_after_s

    @property
    def wants_key(self) -> bool:
        """Whether the server wants another key than it was shown, or one at all."""
        return self.kind == "http" and self.status == 401

    @property
    def retryable(self) -> bool:
        """Whether it may pass: the network, 408, 429, 5xx, and a page where JSON should be."""
        if (self.retry_after_s or 0) > LONGEST_WAIT_S:
            return False
        if self.kind != "http":
            return True
        passing = self.status in (408, 429) or self.status >= 500
        return passing or self.code == "body-incomplete"
