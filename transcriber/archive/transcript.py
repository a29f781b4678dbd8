"""What a session that has ended says: what its readers were told of it, from what is on disk."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from transcriber.formats import to_srt, to_vtt
from transcriber.live.ledger import StoredSession
from transcriber.live.snapshot import Snapshot
from transcriber.live.transcript import Partial

# What the HTTP layer tells of a session.
Describe = Callable[[StoredSession, Snapshot], dict[str, Any]]


def snapshot_of(stored: StoredSession, next_sequence: int) -> Snapshot:
    """Return a session as whoever reads it now sees it.

    Args:
        stored: the session; one that did not go on after it ended the process has expired.
        next_sequence: the sequence that would come next.
    """
    standing = stored.standing
    if standing.state == "active":
        standing = replace(standing, state="expired")
    return Snapshot(
        state=standing.state,
        revision=standing.revision,
        next_sequence=next_sequence if stored.kind == "session" else 0,
        missing=(),
        segments=tuple(stored.segments),
        segment_count=len(stored.segments),
        partial=Partial(),
        audio=standing.audio,
        settled=standing.all_settled,
        language=standing.language.latest if standing.language else None,
        duration_s=standing.duration_s,
        error=standing.refusal.error() if standing.refusal else None,
    )


def transcripts(
    stored: StoredSession, next_sequence: int, describe: Describe
) -> list[tuple[str, bytes]]:
    """Return the files of a session's transcript, by their names; the one that tells all last."""
    snapshot = snapshot_of(stored, next_sequence)
    told = json.dumps(describe(stored, snapshot), ensure_ascii=False, indent=2)
    texts = {
        "transcript.srt": to_srt(stored.segments),
        "transcript.vtt": to_vtt(stored.segments),
        "transcript.json": f"{told}\n",
    }
    return [(name, text.encode()) for name, text in texts.items()]
