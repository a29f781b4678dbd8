"""Makes a model of true size and no sense, to measure speed where the real weights can't be had.

    python -m benchmarks.make_model large-v3-turbo /tmp/turbo
    python -m benchmarks.load --model /tmp/turbo

Weights are random. What a layer adds to the decoder's states is so little that a token alone
decides the next one: behind a timestamp or a special token comes always the same short text, of as
many tokens as asked, and then the end. So each pass does the work of one over real speech. The
tokenizer is that of a real model.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ctranslate2.specs import whisper_spec
from tokenizers import Tokenizer

from config.settings import Settings
from transcriber.engine.weights import resolve

POSITIONS, TEXT_POSITIONS = 1500, 448
# Long words, so that there are fewer than the six in a row that count as an echo of what was said.
WORDS = (
    " electroencephalographically otorhinolaryngologists counterrevolutionary"
    " pseudohypoparathyroidism incomprehensibilities"
)
# What a layer adds to the states, and the embeddings' own length.
_LITTLE, _FAINT = 1e-3, 0.05
_AFTER_LANGUAGES = "<|translate|>"

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Size:
    """The sizes of one of OpenAI's models, and the heads whose attention tells times."""

    mels: int
    width: int
    heads: int
    encoder_layers: int
    decoder_layers: int
    languages: int
    alignment: tuple[tuple[int, int], ...]


SIZES = {
    "tiny": Size(80, 384, 6, 4, 4, 99, ((2, 2), (3, 0), (3, 2), (3, 3), (3, 4), (3, 5))),
    "small": Size(
        80, 768, 12, 12, 12, 99,
        ((5, 3), (5, 9), (8, 0), (8, 4), (8, 7), (8, 8), (9, 0), (9, 7), (9, 9), (10, 5)),
    ),
    "large-v3-turbo": Size(
        128, 1280, 20, 32, 4, 100, ((2, 4), (2, 11), (3, 3), (3, 6), (3, 11), (3, 14))
    ),
}  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Write the model and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.make_model", description=__doc__.split("\n", 1)[0]
    )
    parser.add_argument("size", choices=list(SIZES))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tokens", type=int, default=16, help="of the text of each pass")
    parser.add_argument("--weights", default="float16", help="float16, int8 or float32")
    parser.add_argument("--like", default="base", help="the model whose tokenizer it gets")
    args = parser.parse_args(argv)
    like = resolve(args.like, models_dir=Settings.from_env().models_path()).path
    make(SIZES[args.size], args.folder, like, args.tokens, args.weights)
    print(f"{args.size} with random weights is in {args.folder}.")
    return 0


def make(size: Size, folder: Path, like: Path, tokens: int, weights: str) -> None:
    """Write a model that CTranslate2 and faster-whisper load.

    Args:
        size: of the model.
        folder: where to, made if need be; what lies there is replaced.
        like: the folder of a multilingual model.
        tokens: of the text that each pass writes, up to the end.
        weights: how CTranslate2 shall keep them.

    Raises:
        ValueError: `like` is no multilingual model, or there are not so many tokens.
    """
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = _copy_vocabulary(size, like, folder)
    text = Tokenizer.from_file(str(folder / "tokenizer.json")).encode(
        WORDS, add_special_tokens=False
    )
    chain = list(dict.fromkeys(text.ids))[:tokens]
    if len(chain) < tokens:
        raise ValueError(f"--tokens {tokens}: {len(chain)} at most")
    spec = whisper_spec.WhisperSpec(
        size.encoder_layers, size.heads, size.decoder_layers, size.heads
    )
    _fill(spec, size, *_embeddings(vocabulary, size.width, chain))
    first = vocabulary.index("<|startoftranscript|>") + 1
    spec.config.lang_ids = list(range(first, first + size.languages))
    spec.config.alignment_heads = [list(pair) for pair in size.alignment]
    spec.config.suppress_ids, spec.config.suppress_ids_begin = [], []
    spec.register_vocabulary(vocabulary)
    spec.validate()
    spec.optimize(quantization=weights)
    spec.save(str(folder))
    preprocessor = {"feature_size": size.mels, "n_fft": 400, "hop_length": 160, "chunk_length": 30}
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor), encoding="utf-8")


def _copy_vocabulary(size: Size, like: Path, folder: Path) -> list[str]:
    """Write the tokenizer, with Cantonese where the model has it; return all tokens."""
    vocabulary = (
        (like / "vocabulary.txt").read_text(encoding="utf-8").removesuffix("\n").split("\n")
    )
    if _AFTER_LANGUAGES not in vocabulary:
        raise ValueError(f"{like} is no multilingual model")
    if size.languages == len(_languages(vocabulary)):
        shutil.copy(like / "tokenizer.json", folder)
        return vocabulary
    at = vocabulary.index(_AFTER_LANGUAGES)
    tokenizer = json.loads((like / "tokenizer.json").read_text(encoding="utf-8"))
    added = tokenizer["added_tokens"]
    for token in added:
        token["id"] += token["id"] >= at
    added.append({**added[0], "id": at, "content": "<|yue|>"})
    added.sort(key=lambda token: token["id"])
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    return [*vocabulary[:at], "<|yue|>", *vocabulary[at:]]


def _languages(vocabulary: list[str]) -> list[str]:
    return vocabulary[
        vocabulary.index("<|startoftranscript|>") + 1 : vocabulary.index(_AFTER_LANGUAGES)
    ]


def _embeddings(vocabulary: list[str], width: int, chain: list[int]) -> tuple[Array, Array]:
    """Return embeddings and output weights, (tokens, width), that lead along the chain."""
    generator = np.random.default_rng(0)
    scale = np.float32(width**-0.5)
    shape = (len(vocabulary), width)
    embeddings = generator.standard_normal(shape, np.float32) * scale
    special = vocabulary.index("<|endoftext|>")
    # All that may stand before the text looks alike.
    embeddings[special:] = embeddings[special] + _FAINT * embeddings[special:]
    output = _FAINT * generator.standard_normal(shape, np.float32) * scale
    for token, before in zip([*chain, special], [special, *chain], strict=True):
        output[token] = embeddings[before]
    return embeddings, output


def _fill(spec: Any, size: Size, embeddings: Array, output: Array) -> None:
    generator, width = np.random.default_rng(1), size.width

    def weights(*shape: int, scale: float = 1.0) -> Array:
        return generator.standard_normal(shape, np.float32) * np.float32(scale * shape[-1] ** -0.5)

    def linear(layer: Any, rows: int, columns: int, scale: float = 1.0) -> None:
        layer.weight, layer.bias = weights(rows, columns, scale=scale), np.zeros(rows, np.float32)

    def norm(layer: Any) -> None:
        layer.gamma, layer.beta = np.ones(width, np.float32), np.zeros(width, np.float32)

    def attention(layer: Any, sizes: Sequence[int]) -> None:
        norm(layer.layer_norm)
        for at, (one, rows) in enumerate(zip(layer.linear, sizes, strict=True)):
            linear(one, rows * width, width, _LITTLE if at == len(sizes) - 1 else 1.0)

    def stack(layers: Sequence[Any]) -> None:
        for layer in layers:
            attention(layer.self_attention, (3, 1))
            if hasattr(layer, "attention"):
                attention(layer.attention, (1, 2, 1))
            norm(layer.ffn.layer_norm)
            linear(layer.ffn.linear_0, 4 * width, width)
            linear(layer.ffn.linear_1, width, 4 * width, _LITTLE)

    encoder, decoder = spec.encoder, spec.decoder
    for layer, inputs in ((encoder.conv1, size.mels), (encoder.conv2, width)):
        layer.weight = weights(width, inputs, 3, scale=inputs**-0.5)
        layer.bias = np.zeros(width, np.float32)
    encoder.position_encodings.encodings = weights(POSITIONS, width)
    decoder.position_encodings.encodings = weights(TEXT_POSITIONS, width, scale=_LITTLE)
    for part in (encoder, decoder):
        norm(part.layer_norm)
        stack(part.layer)
    decoder.embeddings.weight, decoder.projection.weight = embeddings, output


if __name__ == "__main__":
    raise SystemExit(main())
