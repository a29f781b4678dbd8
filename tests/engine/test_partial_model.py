"""A second model for the partial lane, with real weights: when it serves, and when it can't."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from config.settings import Settings
from tests.support.recordings import RATE_HZ, recording
from tests.support.scores import errors
from tests.support.started import started
from transcriber.engine import lanes
from transcriber.engine.engine import Engine
from transcriber.engine.model import FULL_CONTEXT_S, SHORT_CONTEXT_S
from transcriber.engine.models import Models
from transcriber.engine.weights import resolve
from transcriber.engine.window import Decoded, Lane, Window

JFK = recording("en/short-jfk.flac")
RUSSIAN = recording("ru/ru-css10-0021.flac")


def settings(model: str, partial_model: str) -> Settings:
    return Settings(model=model, partial_model=partial_model, device="cpu", workers=1)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """An engine with the multilingual `base`, and `tiny.en` for its partial lane."""
    with started(settings("base", "tiny.en")) as engine:
        yield engine


@pytest.fixture(scope="module")
def models(engine: Engine) -> Models:
    """Its models."""
    return engine._loaded()


def partial(language: str | None, audio: str = "en") -> Window:
    """Return a partial window of 6 s, as it comes from a session in that language."""
    samples = (JFK if audio == "en" else RUSSIAN).samples()[: 6 * RATE_HZ]
    return Window(samples, Lane.PARTIAL, language=language)


def decode(models: Models, window: Window) -> Decoded:
    return models.decode(window, lambda heard: True)


def test_both_are_loaded_and_named(engine: Engine, models: Models) -> None:
    state = engine.state
    assert (state.stage, state.detail, state.degraded) == ("ready", "", False)
    assert (state.model, state.partial_model) == ("base", "tiny.en")
    assert engine.model() is models.main
    assert "ru" in engine.languages()


def test_the_partial_lane_is_decoded_by_the_second_model_and_the_final_by_the_first(
    models: Models,
) -> None:
    assert models.partial is not None
    window = partial("en")
    heard = decode(models, window)
    assert heard == lanes.decode(models.partial, window)
    assert heard != lanes.decode(models.main, window)
    final = Window(JFK.samples(), Lane.FINAL, language="en")
    heard = decode(models, final)
    assert heard == lanes.decode(models.main, final)
    assert errors(JFK.text, heard.text).wer < 5


@pytest.mark.parametrize("language", ["ru", None])
def test_a_model_for_english_only_leaves_other_and_unknown_languages_to_the_first(
    models: Models, language: str | None
) -> None:
    heard = decode(models, partial(language, "ru"))
    assert heard.language == "ru"
    assert heard == lanes.decode(models.main, partial(language, "ru"))


def test_beside_a_model_for_english_only_nothing_has_to_be_detected(models: Models) -> None:
    assert models.partial is not None
    swapped = Models(main=models.partial, partial=models.main)
    heard = decode(swapped, partial(None))
    assert heard == lanes.decode(models.main, partial("en"))


def test_one_that_cant_be_had_leaves_both_lanes_to_the_first_and_says_so() -> None:
    with started(settings("tiny.en", "/nowhere/at-all")) as engine:
        state = engine.state
        assert (state.stage, state.model, state.partial_model) == ("ready", "tiny.en", None)
        assert state.degraded
        assert state.detail.startswith(
            "PARTIAL_MODEL=/nowhere/at-all can't be had, tiny.en serves both lanes. "
        )
        assert decode(engine._loaded(), partial("en")).text.strip()


def test_the_same_name_twice_is_one_model() -> None:
    with started(settings("tiny.en", "tiny.en")) as engine:
        assert (engine.state.partial_model, engine.state.degraded) == (None, False)
        assert engine._loaded().partial is None


def test_each_model_has_the_encoder_window_that_is_safe_for_it() -> None:
    """Nobody has measured what is in a folder, so it gets the window that is safe for all."""
    folder = resolve("tiny.en", models_dir=Settings().models_path()).path
    with started(settings("tiny.en", str(folder))) as engine:
        models = engine._loaded()
        assert models.partial is not None
        assert models.main.open_context_s == SHORT_CONTEXT_S
        assert models.partial.open_context_s == FULL_CONTEXT_S
