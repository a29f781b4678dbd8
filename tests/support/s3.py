"""A server that speaks S3, on a loopback port, in a process of its own."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

import requests

from tests.support.server import ROOT, free_port, wait_for

TIMEOUT_S, START_S = 10.0, 60.0
BUCKET = "recordings"
_NAMES = "{http://s3.amazonaws.com/doc/2006-03-01/}"


@dataclass(frozen=True)
class S3:
    """Where such a server is, or will be: a port that nobody else listens on."""

    port: int

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def environment(self, prefix: str = "") -> dict[str, str]:
        """Return what has a transcriber archive in it."""
        return {
            "ARCHIVE_URL": f"s3://{BUCKET}/{prefix}",
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "an-id",
            "AWS_SECRET_ACCESS_KEY": "a-secret",
            "AWS_REGION": "eu-central-1",
        }

    def names(self, prefix: str = "") -> list[str]:
        """Return the names of all objects that begin like this."""
        response = requests.get(
            f"{self.url}/{BUCKET}", params={"list-type": "2", "prefix": prefix}, timeout=TIMEOUT_S
        )
        found = ElementTree.fromstring(response.content).iter(f"{_NAMES}Key")  # noqa: S314
        return sorted(key.text or "" for key in found)

    def get(self, name: str) -> bytes:
        """Return an object."""
        whoever = {"Authorization": "AWS an-id:a-signature"}  # it checks none
        url = f"{self.url}/{BUCKET}/{name}"
        response = requests.get(url, headers=whoever, timeout=TIMEOUT_S)
        response.raise_for_status()
        return response.content

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Run it, with an empty bucket."""
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        with subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            try:
                wait_for(self._has_bucket, START_S, "the S3 server did not start")
                yield
            finally:
                process.kill()

    def _has_bucket(self) -> bool:
        with contextlib.suppress(requests.ConnectionError):
            return requests.put(f"{self.url}/{BUCKET}", timeout=TIMEOUT_S).ok
        return False


def an_s3() -> S3:
    """Return one that does not run yet."""
    return S3(free_port())
