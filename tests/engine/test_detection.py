"""Which language a window is in, with real weights: given, detected, or kept for want of proof."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.settings import Settings
from tests.support.recordings import RATE_HZ, recording
from transcriber.engine.device import Device
from transcriber.engine.model import EVIDENCE_PROB, EVIDENCE_S, SpeechModel
from transcriber.engine.weights import resolve
from transcriber.engine.window import Lane, Window

RUSSIAN = recording("ru/ru-css10-0021.flac").samples()


def load(name: str) -> SpeechModel:
    """Load real weights, fetched if this machine has not got them yet."""
    path: Path = resolve(name, models_dir=Settings().models_path()).path
    return SpeechModel(path, name, Device("cpu", "int8"), workers=1, cpu_threads=2)


@pytest.fixture(scope="module")
def base() -> SpeechModel:
    """The multilingual `base`."""
    return load("base")


def detected(
    model: SpeechModel,
    seconds: float = 6.0,
    given: str | None = None,
    expected: str | None = None,
    prefix_s: float = 0.0,
) -> tuple[str, float]:
    """Return what is found in the first seconds of a Russian recording."""
    window = Window(
        RUSSIAN[: int(seconds * RATE_HZ)],
        Lane.FINAL,
        language=given,
        expected_language=expected,
        prefix_s=prefix_s,
    )
    encoded, _ = model.encode(window.audio, None)
    return model.language(window, encoded)


def test_the_likeliest_is_taken_where_nothing_is_expected(base: SpeechModel) -> None:
    language, probability = detected(base)
    assert language == "ru"
    assert probability > EVIDENCE_PROB


def test_a_given_one_is_never_doubted(base: SpeechModel) -> None:
    assert detected(base, given="ar") == ("ar", 1.0)


def test_evidence_of_another_than_expected_is_believed(base: SpeechModel) -> None:
    assert detected(base, expected="en")[0] == "ru"


def test_less_speech_is_no_evidence(base: SpeechModel) -> None:
    seconds = EVIDENCE_S - 0.5
    assert detected(base, seconds)[0] == "ru"
    language, probability = detected(base, seconds, expected="en")
    assert language == "en"
    assert probability < 0.5


def test_nor_is_what_was_final_before(base: SpeechModel) -> None:
    assert detected(base, 6.0, expected="en", prefix_s=4.0)[0] == "en"


def test_what_the_model_does_not_know_it_cant_expect(base: SpeechModel) -> None:
    assert detected(base, 2.5, expected="yue")[0] == "ru"


def test_a_model_of_one_language_hears_no_other() -> None:
    assert detected(load("tiny.en"), expected="ru") == ("en", 1.0)
