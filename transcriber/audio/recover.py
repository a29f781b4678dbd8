"""Picking a WebM or fragmented MP4 stream up again after bytes were lost.

The init segment (everything before the first cluster or fragment) plus any later whole cluster
is a decodable stream again, and the clusters' own clock tells how much is missing.
"""

from __future__ import annotations

from transcriber.audio.containers import MP4, WEBM, Container

_CLUSTER_ID = b"\x1f\x43\xb6\x75"  # WebM (Matroska) Cluster element
_MAX_INIT_BYTES = 1 << 16


class InitSegment:
    """Collects the bytes before the first cluster (WebM) or `moof` box (MP4)."""

    def __init__(self, container: Container | None = None) -> None:
        self._container = container
        self.data = b""
        self.complete = False

    def feed(self, data: bytes) -> None:
        """Take the stream's next bytes; ignored once the segment is complete."""
        if self.complete or self._container not in (WEBM, MP4):
            return
        self.data += data
        at = resume_point(self._container, self.data)
        if at is not None:
            self.data, self.complete = self.data[:at], True
        elif len(self.data) > _MAX_INIT_BYTES:  # no such stream: never resumed
            self.data, self._container = b"", None


def resume_point(container: Container, data: bytes) -> int | None:
    """Return where the first whole cluster of `data` begins, or None."""
    at = data.find(_CLUSTER_ID) if container is WEBM else data.find(b"moof") - 4
    return at if at >= 0 else None


def from_next_cluster(container: Container, data: bytes) -> bytes | None:
    """Return `data` from its first whole cluster on, or None while there is none.

    Chrome writes the first byte of a cluster's id at the end of the blob before: where that blob
    was lost, the rest of the id tells the cluster well enough.
    """
    if container is WEBM and data.startswith(_CLUSTER_ID[1:]):
        return _CLUSTER_ID[:1] + data
    at = resume_point(container, data)
    return None if at is None else data[at:]


def clusters_begun(container: Container, data: bytes) -> int:
    """Return how many clusters begin in `data`, also where their id's first byte is missing."""
    return data.count(_CLUSTER_ID[1:] if container is WEBM else b"moof")
