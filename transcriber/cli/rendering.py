"""The client's segments in the formats that files have."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from transcriber.client import Segment

if TYPE_CHECKING:
    from transcriber.live import transcript

FORMATS = ("text", "srt", "vtt", "tsv", "json")
ENDINGS = {**{name: f".{name}" for name in FORMATS}, "text": ".txt"}


def rendered(segments: Sequence[Segment], name: str, **about: Any) -> str:
    """Return a transcript in one of `FORMATS`, ending with a line break.

    Args:
        segments: all of them.
        name: of the format.
        about: what json tells besides: the language, the duration.
    """
    if name == "json":
        text = "".join(segment.text for segment in segments).strip()
        body = {"text": text, **about, "segments": [segment_json(one) for one in segments]}
        return json.dumps(body, ensure_ascii=False, indent=1) + "\n"
    from transcriber import formats  # with NumPy: not for commands that need none of it

    render = {
        "text": formats.to_text,
        "srt": formats.to_srt,
        "vtt": formats.to_vtt,
        "tsv": formats.to_tsv,
    }[name]
    return render([_served(segment) for segment in segments])


def segment_json(segment: Segment) -> dict[str, Any]:
    """Return a segment as the service's API shows it."""
    shown = asdict(segment)
    shown["text"] = segment.text.strip()
    if not segment.gap:
        del shown["gap"]
    return shown


def _served(segment: Segment) -> transcript.Segment:
    """Return a segment as the service has it: words bring the space before them."""
    from transcriber.engine.window import Word
    from transcriber.live import transcript

    words, at = [], 0
    for word in segment.words:
        found = segment.text.find(word.word, at)
        spaced = segment.text[at : found + len(word.word)] if found >= 0 else f" {word.word}"
        at = found + len(word.word) if found >= 0 else at
        words.append(Word(spaced, word.start, word.end, word.probability))
    return transcript.Segment(
        id=segment.id,
        start=segment.start,
        end=segment.end,
        text=segment.text,
        confidence=segment.confidence,
        words=tuple(words),
        gap=segment.gap,
    )
