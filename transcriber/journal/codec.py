"""What is written down, as JSON, and back. The dataclasses themselves say how it looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass
from pydantic_core import to_json

from transcriber.audio.pcm import PcmFormat
from transcriber.engine.window import DecodingOptions
from transcriber.live.intake import ChunkPart, Skip
from transcriber.live.ledger import Refusal, Standing
from transcriber.live.replies import Answer, ChunkReply
from transcriber.live.transcript import Segment

Value = TypeVar("Value")


class Codec(Generic[Value]):
    """Values of one type to text and back."""

    def __init__(self, kind: type[Value]) -> None:
        self._adapter: TypeAdapter[Value] = TypeAdapter(kind)

    def dump(self, value: Value) -> str:
        """Return a value as JSON."""
        return to_json(value, inf_nan_mode="constants").decode()

    def load(self, text: str) -> Value:
        """Return the value that a text holds.

        Raises:
            ValueError: none of this type.
        """
        return self._adapter.validate_json(text)


@dataclass(frozen=True)
class _Part:
    """One part of a chunk: how many bytes it has, and its format if it is raw PCM."""

    length: int
    pcm: PcmFormat | None = None


OPTIONS, SKIP, STANDING = Codec(DecodingOptions), Codec(Skip), Codec(Standing)
SEGMENT = Codec(Segment)
_REPLY, _REFUSAL = Codec(ChunkReply), Codec(Refusal)
_PARTS = Codec(list[_Part])


def dump_answer(answer: Answer) -> str:
    """Return what a chunk was answered as JSON."""
    if isinstance(answer, ChunkReply):
        return _REPLY.dump(answer)
    return _REFUSAL.dump(Refusal.of(answer))


def load_answer(text: str) -> Answer:
    """Return what a chunk was answered."""
    if not text.startswith('{"kind":'):
        return _REPLY.load(text)
    return _REFUSAL.load(text).error()


def dump_parts(parts: Sequence[ChunkPart]) -> str:
    """Return of what parts a chunk's bytes consist."""
    return _PARTS.dump([_Part(len(part.data), part.pcm) for part in parts])


def load_parts(text: str, data: bytes) -> list[ChunkPart]:
    """Return a chunk's parts from its bytes."""
    parts, at = [], 0
    for part in _PARTS.load(text):
        parts.append(ChunkPart(data[at : at + part.length], part.pcm))
        at += part.length
    return parts
