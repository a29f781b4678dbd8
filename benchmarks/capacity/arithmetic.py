"""How much work Whisper is: operations and bytes of a pass, from the shapes of its weights.

Radford et al., 2022, https://arxiv.org/abs/2212.04356. A multiplication with an addition counts as
two operations. What grows slower than these (norms, softmax, GELU, the mel filter) is left out, so
the result is a floor.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

FRAMES_PER_S, POSITIONS_PER_S = 100, 50  # mel frames, and encoder positions


@dataclass(frozen=True)
class Shape:
    """The sizes of a Whisper model.

    Attributes:
        mels: mel bands.
        width: of the states.
        encoder_layers, decoder_layers: how many.
        vocabulary: tokens.
    """

    mels: int
    width: int
    encoder_layers: int
    decoder_layers: int
    vocabulary: int


@dataclass(frozen=True)
class Work:
    """Operations, and bytes that have to come from memory."""

    operations: float
    bytes: float

    def seconds(self, operations_per_s: float, bytes_per_s: float) -> float:
        """Return the least time for it: calculating and reading at the same time."""
        return max(self.operations / operations_per_s, self.bytes / bytes_per_s)


def read_shape(path: Path) -> Shape:
    """Read the sizes from a CTranslate2 model's `model.bin`.

    Raises:
        KeyError: it is no Whisper.
    """
    shapes = _variables(path)

    def layers(part: str) -> int:
        names = {name.split("/")[1] for name in shapes if name.startswith(f"{part}/layer_")}
        return len([name for name in names if name.removeprefix("layer_").isdigit()])

    vocabulary, width = shapes["decoder/embeddings/weight"]
    mels = shapes["encoder/conv1/weight"][1]
    return Shape(mels, width, layers("encoder"), layers("decoder"), vocabulary)


def _variables(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the shape of every variable; the format is that of CTranslate2's `model_spec.py`."""
    found: dict[str, tuple[int, ...]] = {}
    with path.open("rb") as file:

        def number(form: str) -> int:
            return int(struct.unpack(f"<{form}", file.read(struct.calcsize(form)))[0])

        def text() -> str:
            return file.read(number("H")).rstrip(b"\0").decode()

        number("I"), text(), number("I")  # version, name and revision of the specification
        for _ in range(number("I")):
            name = text()
            found[name] = tuple(number("I") for _ in range(number("B")))
            number("B")  # kind of number
            file.seek(number("I"), 1)
    return found


def encoder(shape: Shape, context_s: float, weight_bytes: float) -> Work:
    """Return the work of encoding an encoder window of so many seconds."""
    frames, n = context_s * FRAMES_PER_S, context_s * POSITIONS_PER_S
    d = shape.width
    convolutions = 2 * 3 * shape.mels * d * frames + 2 * 3 * d * d * n
    layer = 2 * n * 12 * d * d + 4 * n * n * d
    weights = shape.encoder_layers * 12 * d * d * weight_bytes
    return Work(convolutions + shape.encoder_layers * layer, weights)


def cross_attention(shape: Shape, context_s: float, weight_bytes: float) -> Work:
    """Return the work of the keys and values that the decoder looks at the audio with."""
    n, d = context_s * POSITIONS_PER_S, shape.width
    weights = shape.decoder_layers * 2 * d * d
    return Work(2 * n * weights, weights * weight_bytes)


def decoder(
    shape: Shape, context_s: float, tokens: float, rows: float, logits: float, weight_bytes: float
) -> Work:
    """Return the work of `tokens` steps of the decoder.

    Args:
        shape: of the model.
        context_s: of the encoder window.
        tokens: steps, each of which reads all weights once.
        rows: tokens that go through the decoder in a step: beams, windows of a batch, or the
            tokens of a prompt that is fed at once.
        logits: for how many of the rows the next token is asked.
        weight_bytes: of one weight.
    """
    n, d, layers = context_s * POSITIONS_PER_S, shape.width, shape.decoder_layers
    row = layers * (2 * 14 * d * d + 4 * n * d)
    asked = 2 * shape.vocabulary * d
    weights = (layers * 14 * d * d + (shape.vocabulary * d if logits else 0)) * weight_bytes
    keys = layers * 2 * n * d * 4
    return Work(tokens * (rows * row + logits * asked), tokens * (weights + keys))
