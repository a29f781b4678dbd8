"""The arithmetic of a model fits its weights, and a made one writes what it shall."""

from __future__ import annotations

from pathlib import Path

import pytest
from faster_whisper import WhisperModel

from benchmarks.capacity.arithmetic import cross_attention, decoder, encoder, read_shape
from benchmarks.make_model import SIZES, make
from config.settings import Settings
from tests.support.recordings import recording
from transcriber.engine.weights import resolve

FLOAT16_BYTES = 2


def weights(name: str) -> Path:
    return resolve(name, models_dir=Settings().models_path()).path


def test_the_shape_is_read_from_the_weights() -> None:
    shape = read_shape(weights("tiny.en") / "model.bin")
    assert (shape.mels, shape.width, shape.encoder_layers, shape.decoder_layers) == (80, 384, 4, 4)
    assert shape.vocabulary == 51_864


@pytest.mark.parametrize("name", ["tiny.en", "base"])
def test_each_weight_is_counted_once(name: str) -> None:
    """Those of the large matrices are nearly the whole file."""
    path = weights(name) / "model.bin"
    shape = read_shape(path)
    parts = [
        encoder(shape, 30, FLOAT16_BYTES),
        cross_attention(shape, 30, FLOAT16_BYTES),
        # Without any audio there is nothing else to be read.
        decoder(shape, 0, 1, 1, 1, FLOAT16_BYTES),
    ]
    assert sum(part.bytes for part in parts) == pytest.approx(path.stat().st_size, rel=0.05)


def test_a_pass_takes_two_operations_for_each_weight_and_row() -> None:
    shape = read_shape(weights("base") / "model.bin")
    work = decoder(shape, 0, 3, 5, 5, 1)
    assert work.operations == 3 * 5 * 2 * decoder(shape, 0, 1, 1, 1, 1).bytes


def test_half_the_encoder_window_is_less_than_half_the_work() -> None:
    shape = read_shape(weights("base") / "model.bin")
    assert encoder(shape, 15, 1).operations < encoder(shape, 30, 1).operations / 2


def test_a_made_model_writes_a_text_of_that_length_and_ends(tmp_path: Path) -> None:
    make(SIZES["tiny"], tmp_path, weights("base"), 20, "int8")
    whisper = WhisperModel(str(tmp_path), device="cpu", compute_type="int8")
    samples = recording("en/short-jfk.flac").samples()
    segments, _ = whisper.transcribe(samples, language="en", without_timestamps=True, beam_size=5)
    (segment,) = segments
    assert len(segment.tokens) == 20
    assert segment.text.startswith(" electro")
    shape = read_shape(tmp_path / "model.bin")
    assert (shape.width, shape.encoder_layers, shape.decoder_layers) == (384, 4, 4)


def test_more_tokens_than_there_are_words_for_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at most"):
        make(SIZES["tiny"], tmp_path, weights("base"), 400, "int8")
