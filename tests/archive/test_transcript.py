"""What is archived of a session's text is what its readers were told."""

from __future__ import annotations

import json

from transcriber.archive.transcript import snapshot_of, transcripts
from transcriber.engine.window import DecodingOptions
from transcriber.live.ledger import Refusal, Standing, StoredSession
from transcriber.live.snapshot import Kind, Snapshot
from transcriber.live.transcript import Segment


def stored(standing: Standing, kind: Kind = "session") -> StoredSession:
    segments = [Segment(0, 0.5, 1.5, " Grüße <b>.", 0.9)]
    return StoredSession(
        "the-id", "the-watch-id", DecodingOptions(), standing, 0.0, segments, lambda: iter(()), kind
    )


def describe(session: StoredSession, snapshot: Snapshot) -> dict[str, str]:
    return {"session_id": session.id, "state": snapshot.state, "text": "Grüße"}


def test_the_one_that_tells_all_comes_last() -> None:
    files = transcripts(stored(Standing("ended")), 3, describe)
    assert [name for name, _ in files] == ["transcript.srt", "transcript.vtt", "transcript.json"]
    srt, vtt, told = (data.decode() for _, data in files)
    assert srt == "1\n00:00:00,500 --> 00:00:01,500\nGrüße <b>.\n"
    assert vtt == "WEBVTT\n\n00:00:00.500 --> 00:00:01.500\nGrüße &lt;b&gt;.\n"
    assert json.loads(told) == {"session_id": "the-id", "state": "ended", "text": "Grüße"}
    assert "Grüße" in told


def test_one_that_never_went_on_has_expired() -> None:
    assert snapshot_of(stored(Standing("active")), 3).state == "expired"


def test_why_an_upload_failed_is_told() -> None:
    failed = Standing("failed", refusal=Refusal("TooLong", "too long", 5.0))
    snapshot = snapshot_of(stored(failed, "upload"), 3)
    assert (snapshot.state, snapshot.next_sequence) == ("failed", 0)
    assert "5 s" in str(snapshot.error)
