"""A transcript as text, subtitles, tab-separated values or JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from transcriber.engine.window import Word
from transcriber.live.transcript import Segment
from transcriber.subtitles import Cue, cues


def to_text(segments: Sequence[Segment]) -> str:
    """Return the plain text, ending with a line break; empty for silence."""
    text = "".join(segment.text for segment in segments).strip()
    return f"{text}\n" if text else ""


def to_srt(segments: Sequence[Segment]) -> str:
    """Return SubRip subtitles; see `subtitles` for what a cue is."""
    shown = [
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{_joined(cue.texts())}"
        for number, cue in enumerate(cues(segments), start=1)
    ]
    return "\n".join(shown)


def to_vtt(segments: Sequence[Segment]) -> str:
    """Return WebVTT subtitles; see `subtitles` for what a cue is."""
    return "WEBVTT\n" + "".join(
        f"\n{_times(cue)}\n{_joined(_escaped(text) for text in cue.texts())}"
        for cue in cues(segments)
    )


def to_karaoke(segments: Sequence[Segment]) -> str:
    """Return WebVTT subtitles in which words have the time before them at which they begin.

    As WebVTT wants it, only those that begin within their cue, one after the other.
    """
    return "WEBVTT\n" + "".join(
        f"\n{_times(cue)}\n{_joined(_timed_lines(cue))}" for cue in cues(segments)
    )


def to_tsv(segments: Sequence[Segment]) -> str:
    """Return start and end in milliseconds and the text, as Whisper's own tool writes it."""
    rows = [
        f"{round(segment.start * 1000)}\t{round(segment.end * 1000)}\t{_line(segment)}\n"
        for segment in _shown(segments)
    ]
    return "start\tend\ttext\n" + "".join(rows)


def segment_json(segment: Segment, words: bool = True) -> dict[str, Any]:
    """Return a segment as the API shows it; times in seconds, probabilities 0 to 1."""
    shown: dict[str, Any] = {
        "id": segment.id,
        "start": segment.start,
        "end": segment.end,
        "text": segment.text.strip(),
        "confidence": segment.confidence,
    }
    if words:
        shown["words"] = [word_json(word) for word in segment.words]
    if segment.gap:
        shown["gap"] = True
    return shown


def word_json(word: Word) -> dict[str, Any]:
    """Return a word as the API shows it."""
    return {
        "word": word.word.strip(),
        "start": word.start,
        "end": word.end,
        "probability": round(word.probability, 3),
    }


def verbose_segment_json(segment: Segment) -> dict[str, Any]:
    """Return a segment with the ten fields of OpenAI's verbose_json."""
    heard = segment.hypothesis
    return {
        "id": segment.id,
        "seek": 0,
        "start": segment.start,
        "end": segment.end,
        "text": segment.text,
        "tokens": list(heard.tokens) if heard else [],
        "temperature": heard.temperature if heard else 0.0,
        "avg_logprob": heard.avg_logprob if heard else 0.0,
        "compression_ratio": heard.compression_ratio if heard else 1.0,
        "no_speech_prob": heard.no_speech_prob if heard else 0.0,
    }


# Formats that are parted by the times of words.
SUBTITLES = ("srt", "vtt")
# Formats that are text of their own, with their media types; the JSON ones are the API's.
TEXT_FORMATS: dict[str, tuple[Callable[[Sequence[Segment]], str], str]] = {
    "text": (to_text, "text/plain"),
    "srt": (to_srt, "application/x-subrip"),
    "vtt": (to_vtt, "text/vtt"),
    "tsv": (to_tsv, "text/tab-separated-values"),
}


def _shown(segments: Sequence[Segment]) -> list[Segment]:
    return [segment for segment in segments if segment.text.strip()]


def _line(segment: Segment) -> str:
    """Return the text in one line: a line break or tab inside would end the cue or the cell."""
    return " ".join(segment.text.split())


def _joined(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _times(cue: Cue) -> str:
    return f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}"


def _timed_lines(cue: Cue) -> Iterator[str]:
    last, end = _clock(cue.start, "."), _clock(cue.end, ".")
    for line in cue.lines:
        text = ""
        for word in line:
            begins, blank = _clock(word.start, "."), " " if word.word[:1].isspace() else ""
            if last < begins < end:
                text, last = f"{text}{blank}<{begins}>", begins
            else:
                text += blank
            text += _escaped(word.word.strip())
        yield text.strip()


def _escaped(text: str) -> str:
    """Escape what WebVTT reads as markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(seconds: float, point: str) -> str:
    total_ms = round(seconds * 1000)
    minutes, ms = divmod(total_ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{ms // 1000:02}{point}{ms % 1000:03}"
