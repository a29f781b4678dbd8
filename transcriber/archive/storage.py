"""Where archived sessions go: a folder, or a bucket of S3 or of another server that speaks like it.

What such a server asks for is read from the usual AWS_* variables, by the library itself.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, S3Store

# Larger files go in pieces of that size, so many at once: that is what is in memory.
_PIECE_BYTES = 8 << 20
_PIECES_AT_ONCE = 2
# A piece over a line of half a megabit a second.
_REQUEST_S = 150
# The library's own attempts at one request, for what passes in a moment; the rest is ours.
_RETRIES, _RETRY_S = 2, 30
# Of what a server answers to what it does not like, so many characters are told.
_MOST_CHARACTERS = 600


class StorageProblem(Exception):
    """Something could not be stored; `kind` says in a word what was wrong."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


class Storage:
    """See the module.

    Args:
        address: `file:///folder` or `s3://bucket/prefix`.

    Raises:
        StorageProblem: the folder can't be made, or the AWS_* variables make no sense.
    """

    def __init__(self, address: str) -> None:
        try:
            self._store = _open(address)
        except (BaseError, OSError, ValueError) as error:
            raise _problem(error) from None

    def put(self, name: str, data: IO[bytes] | bytes) -> None:
        """Store something under a name, in place of what is there: all of it, or nothing.

        Raises:
            StorageProblem: it can't be stored now.
        """
        try:
            obstore.put(
                self._store,
                name,
                data,
                chunk_size=_PIECE_BYTES,
                max_concurrency=_PIECES_AT_ONCE,
            )
        except (BaseError, OSError, ValueError) as error:
            raise _problem(error) from None


def _problem(error: Exception) -> StorageProblem:
    """Return what went wrong, in one line, without what the library tells of its own inside."""
    words = str(error).partition("Debug source:")[0].split()
    return StorageProblem(type(error).__name__, " ".join(words)[:_MOST_CHARACTERS])


def _open(address: str) -> ObjectStore:
    parts = urlsplit(address)
    if parts.scheme == "file":
        folder = Path(unquote(parts.path))
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # one that is there keeps its mode
        return LocalStore(folder)
    return S3Store.from_url(
        address,
        # Whoever writes http:// in AWS_ENDPOINT_URL means it.
        client_options={"allow_http": True, "timeout": timedelta(seconds=_REQUEST_S)},
        retry_config={"max_retries": _RETRIES, "retry_timeout": timedelta(seconds=_RETRY_S)},
    )
