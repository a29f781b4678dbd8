"""Finding the place where a stream that lost bytes can be picked up again."""

from __future__ import annotations

import pytest

from tests.support.recordings import blobs, cut_anywhere
from transcriber.audio.containers import MP4, OGG, WEBM, Container
from transcriber.audio.recover import InitSegment, from_next_cluster

CLUSTER = b"\x1f\x43\xb6\x75"
KINDS = [pytest.param(WEBM, "webm-opus", id="webm"), pytest.param(MP4, "mp4-opus", id="mp4")]


def starts_like_a_cluster(container: Container, data: bytes) -> bool:
    return data.startswith(CLUSTER) if container is WEBM else data[4:8] == b"moof"


@pytest.mark.parametrize("container, name", KINDS)
def test_the_init_segment_ends_where_the_first_cluster_begins(
    container: Container, name: str
) -> None:
    data, init = b"".join(blobs(name)[:3]), InitSegment(container)
    init.feed(data)
    assert init.complete
    assert data.startswith(init.data)
    assert starts_like_a_cluster(container, data[len(init.data) :])


@pytest.mark.parametrize("container, name", KINDS)
def test_it_is_the_same_however_it_was_cut(container: Container, name: str) -> None:
    data, at_once = b"".join(blobs(name)[:3]), InitSegment(container)
    at_once.feed(data)
    in_pieces = InitSegment(container)
    for piece in cut_anywhere(data, 40):
        in_pieces.feed(piece)
    assert in_pieces.data == at_once.data


@pytest.mark.parametrize("container", [WEBM, MP4, OGG], ids=lambda one: one.name)
def test_a_stream_without_clusters_is_not_collected_for_ever(container: Container) -> None:
    init = InitSegment(container)
    for _ in range(100):
        init.feed(bytes(10_000))
    assert not init.complete
    assert len(init.data) <= 1 << 16


@pytest.mark.parametrize("container, name", KINDS)
def test_every_later_blob_has_a_place_to_resume_at(container: Container, name: str) -> None:
    for blob in blobs(name)[1:]:
        found = from_next_cluster(container, blob)
        assert found is not None
        assert starts_like_a_cluster(container, found)
        assert len(found) > 0.8 * len(blob)


@pytest.mark.parametrize("container", [WEBM, MP4], ids=lambda one: one.name)
def test_bytes_without_a_cluster_have_none(container: Container) -> None:
    assert from_next_cluster(container, bytes(1000)) is None
    assert from_next_cluster(container, b"") is None
