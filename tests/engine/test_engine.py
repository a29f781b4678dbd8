"""The engine with real weights: how it starts, what it falls back to, and what it decodes."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from pathlib import Path

import ctranslate2
import huggingface_hub
import pytest
from huggingface_hub import constants

from config.settings import Settings
from tests.support.recordings import recording
from tests.support.scores import errors, normalised
from tests.support.server import free_port
from tests.support.started import START_S, started
from tests.support.wheels import only_from
from transcriber.engine.engine import Engine, EngineNotReady, EngineState
from transcriber.engine.lanes import decode
from transcriber.engine.model import SpeechModel
from transcriber.engine.window import Lane, Window

JFK = recording("en/short-jfk.flac")


@pytest.fixture
def cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder of models on a machine that reaches neither hub nor packages."""
    models, wheels = tmp_path / "models", tmp_path / "wheels"
    models.mkdir()
    wheels.mkdir()
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
    for name, value in only_from(wheels).items():
        monkeypatch.setenv(name, value)
    yield models
    huggingface_hub.close_session()


def settings_at(models: Path, **changes: object) -> Settings:
    """Return settings for a machine whose hub can't be reached."""
    values: dict[str, object] = {
        "models_dir": models,
        "hf_endpoint": f"http://127.0.0.1:{free_port()}",
        "device": "cpu",
        "workers": 1,
        **changes,
    }
    return Settings.from_env({name.upper(): str(value) for name, value in values.items()})


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the warnings of this project."""
    return [
        one.getMessage()
        for one in caplog.records
        if one.levelno >= logging.WARNING and one.name.startswith("transcriber")
    ]


# ---- Starting ----


def test_the_model_is_loaded_in_the_background(weights: Path) -> None:
    calls: list[EngineState] = []
    engine = Engine(
        Settings(model="tiny.en", models_dir=str(weights.parent), device="cpu", workers=1),
        on_ready=lambda: calls.append(engine.state),
    )
    assert engine.state == EngineState()
    with pytest.raises(EngineNotReady) as caught:
        engine.model()
    assert caught.value.state.stage == "starting"
    assert str(caught.value) == "The model is being looked for."
    engine.start()
    try:
        assert engine.wait_settled(START_S)
        ready = EngineState("ready", "", False, "tiny.en", "cpu", "int8")
        assert engine.state == ready
        assert engine.model().name == "tiny.en"
    finally:
        engine.stop()
    engine._loader.join(START_S)
    assert calls == [ready]


def test_a_folder_is_served_under_its_own_name(weights: Path, cut_off: Path) -> None:
    with started(settings_at(cut_off, model=str(weights))) as engine:
        assert engine.state.stage == "ready"
        assert engine.state.model == str(weights)


# ---- Falling back ----


def test_auto_falls_back_to_what_can_be_had_and_says_so(
    weights: Path, cut_off: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (cut_off / weights.name).symlink_to(weights)
    with started(settings_at(cut_off, model="auto")) as engine:
        state = engine.state
        assert (state.stage, state.model, state.degraded) == ("ready", "tiny.en", True)
        # The best for this machine is small or base, by its cores.
        assert state.detail.startswith("Serving tiny.en instead of ")
        assert "which can't be had. " in state.detail
        assert "can't be reached" in state.detail
        assert state.detail in warnings_of(caplog)
        assert engine.model().name == "tiny.en"


def test_auto_with_nothing_to_be_had_fails_and_names_every_model(cut_off: Path) -> None:
    with started(settings_at(cut_off, model="auto")) as engine:
        assert engine.state.stage == "failed"
        assert "base: " in engine.state.detail
        assert "tiny.en: " in engine.state.detail


def test_a_model_asked_for_by_name_is_never_replaced(weights: Path, cut_off: Path) -> None:
    (cut_off / weights.name).symlink_to(weights)
    with started(settings_at(cut_off, model="base")) as engine:
        state = engine.state
        assert (state.stage, state.model) == ("failed", None)
        assert state.detail.startswith("No source has the model base.")
        assert "can't be reached" in state.detail
        assert "packages: pip failed" in state.detail
        assert "set MODEL to it" in state.detail
        with pytest.raises(EngineNotReady, match="No source has the model base"):
            engine.model()


def test_an_unknown_model_fails_with_the_sizes_there_are(cut_off: Path) -> None:
    with started(settings_at(cut_off, model="bse")) as engine:
        assert engine.state.stage == "failed"
        assert "There is no model 'bse'" in engine.state.detail
        assert "large-v3-turbo" in engine.state.detail


def test_a_folder_of_models_that_cannot_be_written_fails_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with started(settings_at(tmp_path / "file/models", model="base")) as engine:
        assert engine.state.stage == "failed"
        assert str(tmp_path / "file/models") in engine.state.detail


# ---- Device and compute type ----


@pytest.mark.skipif(ctranslate2.get_cuda_device_count() > 0, reason="this machine has CUDA")
@pytest.mark.parametrize("compute_type", ["auto", "float16"])
def test_cuda_that_cannot_be_used_gives_way_to_the_cpu_with_one_warning(
    weights: Path, cut_off: Path, caplog: pytest.LogCaptureFixture, compute_type: str
) -> None:
    (cut_off / weights.name).symlink_to(weights)
    wish = settings_at(cut_off, model="tiny.en", device="cuda", compute_type=compute_type)
    with started(wish) as engine:
        state = engine.state
        assert (state.stage, state.device, state.compute_type) == ("ready", "cpu", "int8")
    assert warnings_of(caplog) == [
        "CUDA can't be used, running on the CPU instead: no device or no driver was found"
    ]


def test_a_compute_type_is_used_as_asked_for(weights: Path, cut_off: Path) -> None:
    (cut_off / weights.name).symlink_to(weights)
    with started(settings_at(cut_off, model="tiny.en", compute_type="float32")) as engine:
        assert engine.state.compute_type == "float32"


@pytest.mark.parametrize("model", ["tiny.en", "auto"])
def test_a_compute_type_that_can_t_be_done_fails_with_its_name(
    weights: Path, cut_off: Path, model: str
) -> None:
    (cut_off / weights.name).symlink_to(weights)
    with started(settings_at(cut_off, model=model, compute_type="float16")) as engine:
        assert engine.state.stage == "failed"
        assert "COMPUTE_TYPE='float16' can't be done by the cpu" in engine.state.detail


# ---- Decoding ----


@pytest.fixture(scope="module")
def model(weights: Path) -> Iterator[SpeechModel]:
    """The real `tiny.en`, as the engine loads it."""
    settings = Settings(model="tiny.en", models_dir=str(weights.parent), device="cpu", workers=1)
    with started(settings) as engine:
        yield engine.model()


@pytest.mark.parametrize("lane", list(Lane))
def test_every_lane_hears_what_is_said(model: SpeechModel, lane: Lane) -> None:
    decoded = decode(model, Window(JFK.samples(), lane, language="en"))
    assert errors(JFK.text, decoded.text).wer < 5, decoded.text
    assert (decoded.language, decoded.language_probability) == ("en", 1.0)


def test_final_words_carry_times_in_order(model: SpeechModel) -> None:
    window = Window(JFK.samples(), Lane.FINAL, language="en")
    hypothesis = decode(model, window).hypotheses[0]
    assert "".join(word.word for word in hypothesis.words) == hypothesis.text
    assert len(hypothesis.words) >= len(normalised(JFK.text).split())
    assert all(0 <= word.start <= word.end <= window.seconds for word in hypothesis.words)
    assert all(one.end <= next_.start for one, next_ in itertools.pairwise(hypothesis.words))
    assert all(0 <= word.probability <= 1 for word in hypothesis.words)
    assert hypothesis.start == hypothesis.words[0].start
    assert hypothesis.end == hypothesis.words[-1].end


def test_a_partial_window_has_one_hypothesis_without_words(model: SpeechModel) -> None:
    decoded = decode(model, Window(JFK.samples()[: 16_000 * 4], Lane.PARTIAL, language="en"))
    assert [hypothesis.words for hypothesis in decoded.hypotheses] == [()]
    assert decoded.text.strip().lower().startswith("and so my fellow americans")


@pytest.mark.parametrize("lane", list(Lane))
@pytest.mark.parametrize("language", ["de", None])
def test_a_model_for_english_only_decodes_english_whatever_is_asked_for(
    model: SpeechModel, lane: Lane, language: str | None
) -> None:
    assert not model.multilingual
    decoded = decode(model, Window(JFK.samples(), lane, language=language))
    assert decoded.language == "en"
    assert errors(JFK.text, decoded.text).wer < 5, decoded.text
