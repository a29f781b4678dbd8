"""Posting live sessions the way a client does."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import requests

TIMEOUT_S = 120.0
# However busy the machine is: who does not ask for it gets 202 after ten seconds.
PATIENTLY = {"Prefer": "wait=60"}


def new_session_id() -> str:
    """Return an id as clients make them."""
    return secrets.token_urlsafe(18)


@dataclass
class LiveSession:
    """One session at a server: `post` sends a chunk, `text` joins what the replies told."""

    url: str
    options: dict[str, str] = field(default_factory=dict)
    session_id: str = field(default_factory=new_session_id)
    replies: dict[int, dict[str, Any]] = field(default_factory=dict)

    def post(
        self,
        sequence: int,
        parts: bytes | Sequence[bytes],
        *,
        final: bool = False,
        content_type: str = "application/octet-stream",
        headers: dict[str, str] | None = None,
    ) -> requests.Response:
        """Post one chunk of one or more blobs, and wait for its words unless `headers` say else."""
        blobs = [parts] if isinstance(parts, bytes) else list(parts)
        files = [("audio", (f"blob-{n}", blob, content_type)) for n, blob in enumerate(blobs)]
        fields = {
            **self.options,
            "session_id": self.session_id,
            "sequence": str(sequence),
            "final": "true" if final else "false",
        }
        response = requests.post(
            f"{self.url}/transcribe",
            data=fields,
            files=files or {"audio": ("empty", b"", content_type)},
            headers=PATIENTLY if headers is None else headers,
            timeout=TIMEOUT_S,
        )
        if response.ok:
            self.replies[sequence] = response.json()
        return response

    def post_all(self, chunks: Sequence[bytes | Sequence[bytes]], **kwargs: Any) -> str:
        """Post all chunks one after the other, the last one as final, and return the text."""
        for sequence, chunk in enumerate(chunks):
            final = sequence == len(chunks) - 1
            response = self.post(sequence, chunk, final=final, **kwargs)
            assert response.status_code in (200, 202), response.text
        self.wait_ended()
        return self.text()

    def text(self) -> str:
        """Return every reply's text, appended in order of sequence."""
        return "".join(self.replies[sequence]["text"] for sequence in sorted(self.replies))

    def state(self, **query: Any) -> dict[str, Any]:
        """Return the session as `GET /sessions/{id}` shows it."""
        response = requests.get(
            f"{self.url}/sessions/{self.session_id}", params=query, timeout=TIMEOUT_S
        )
        assert response.ok, response.text
        body: dict[str, Any] = response.json()
        return body

    def wait_ended(self) -> dict[str, Any]:
        """Poll until the session has ended, and return its state."""
        state = self.state()
        while state["state"] == "active":
            response = requests.get(
                f"{self.url}/sessions/{self.session_id}",
                params={"wait": 20},
                headers={"If-None-Match": f'"{state["revision"]}"'},
                timeout=TIMEOUT_S,
            )
            if response.status_code == 200:
                state = response.json()
        return state


def upload(url: str, data: bytes, **fields: str) -> requests.Response:
    """Post a whole recording."""
    return requests.post(
        f"{url}/transcribe",
        data=fields,
        files={"audio": ("upload", data)},
        timeout=TIMEOUT_S,
    )
