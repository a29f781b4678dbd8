"""Replies overtake each other: segments come in order, and what is settled is here."""

from __future__ import annotations

import pytest

from transcriber.client.gathering import Gathering
from transcriber.client.replies import Reply, Segment


def reply(revision: int, segments: list[int], settled: int, final: bool = False) -> Reply:
    """A reply with segments of one second each."""
    return Reply(
        revision=revision,
        next_sequence=0,
        partial="",
        stable_chars=0,
        segments=tuple(Segment(n, float(n), n + 1.0, f" {n}") for n in segments),
        settled_s=settled + 0.5,
        settled_segments=settled,
        pending_s=0.0,
        suggested_chunk_s=0.4,
        language="en",
        watch_id=None,
        final=final,
    )


@pytest.fixture
def heard() -> Gathering:
    return Gathering(0.0)


def ids(segments: list[Segment]) -> list[int]:
    return [segment.id for segment in segments]


def test_segments_come_once_and_in_order(heard: Gathering) -> None:
    assert ids(heard.take(reply(1, [0], 1))) == [0]
    assert ids(heard.take(reply(3, [2], 3))) == []
    assert ids(heard.take(reply(2, [1], 2))) == [1, 2]
    assert ids(heard.take(reply(2, [1], 2))) == []
    assert heard.told == 3


def test_nothing_is_settled_before_its_segments_are_here(heard: Gathering) -> None:
    heard.take(reply(3, [2], 3))
    assert heard.settled_s == 0.0
    heard.take(reply(1, [0], 1))
    assert heard.settled_s == 1.5
    heard.take(reply(2, [1], 2))
    assert heard.settled_s == 3.5


def test_it_is_complete_once_all_of_the_last_reply_is_here(heard: Gathering) -> None:
    heard.take(reply(2, [1], 2, final=True))
    assert not heard.complete
    heard.take(reply(1, [0], 1))
    assert heard.complete


def test_the_newest_reply_is_that_of_the_highest_revision(heard: Gathering) -> None:
    newest = reply(5, [0], 1)
    heard.take(newest)
    heard.take(reply(4, [], 0))
    assert heard.latest is newest


def test_news_are_awaited_only_behind_what_is_here(heard: Gathering) -> None:
    assert heard.known_revision is None
    heard.take(reply(2, [1], 2))
    assert heard.known_revision is None
    heard.take(reply(1, [0], 1))
    assert heard.known_revision == 2
