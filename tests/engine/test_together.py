"""Windows decoded together are heard as if each were alone, in fewer calls of the model."""

from __future__ import annotations

import copy
import functools
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from tests.support.recordings import RATE_HZ, recording
from transcriber.engine.lanes import decode
from transcriber.engine.model import SpeechModel
from transcriber.engine.together import run_together
from transcriber.engine.window import Decoded, Lane, Window

JFK = recording("en/short-jfk.flac").samples()


class Counting:
    """A model that counts its calls, and the windows in each."""

    def __init__(self, model: Any) -> None:
        self.batches: dict[str, list[int]] = {}
        self._model = model

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._model, name)
        if name not in ("encode", "generate", "align"):
            return found

        def counted(features: Any, *given: Any, **options: Any) -> Any:
            self.batches.setdefault(name, []).append(features.shape[0])
            return found(features, *given, **options)

        return counted


@pytest.fixture
def stepping(model: SpeechModel) -> SpeechModel:
    """The model as it is on CUDA, with one copy of the weights; its prompts begin alike."""
    other = copy.copy(model)
    other.resuming = None
    return other


@pytest.fixture
def calls(stepping: SpeechModel, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[int]]:
    """How many windows each call of the model was for, by its name."""
    counting = Counting(stepping.whisper.model._model)
    monkeypatch.setattr(stepping.whisper.model, "_model", counting)
    return counting.batches


def quick(seconds: float, prefix: str = "", prefix_s: float = 0.0) -> Window:
    samples = JFK[: round(seconds * RATE_HZ)]
    return Window(samples, Lane.PARTIAL, language="en", prefix=prefix, prefix_s=prefix_s)


def careful(seconds: float) -> Window:
    return Window(JFK[: round(seconds * RATE_HZ)], Lane.FINAL, language="en", open=True)


def together(model: SpeechModel, windows: Sequence[Window]) -> list[Decoded]:
    found: dict[int, Decoded] = {}

    def hear(at: int) -> None:
        found[at] = decode(model, windows[at])

    run_together([functools.partial(hear, at) for at in range(len(windows))])
    return [found[at] for at in range(len(windows))]


def test_quick_passes_are_one_call_each_of_encoder_and_decoder(
    stepping: SpeechModel, calls: dict[str, list[int]]
) -> None:
    said = "And so, my fellow Americans,"
    windows = [quick(5.4, said, 3.2), quick(7.6, said, 3.2), quick(10.8, said, 3.2)]
    heard = together(stepping, windows)
    assert calls == {"encode": [3], "generate": [3]}
    assert [one.text for one in heard] == [decode(stepping, one).text for one in windows]


def test_careful_passes_are_aligned_together(
    stepping: SpeechModel, calls: dict[str, list[int]]
) -> None:
    windows = [careful(4.0), careful(10.8)]
    heard = together(stepping, windows)
    assert calls == {"encode": [2], "generate": [2], "align": [2]}
    for one, window in zip(heard, windows, strict=True):
        alone = decode(stepping, window)
        assert one.text == alone.text
        for word, same in zip(one.hypotheses[0].words, alone.hypotheses[0].words, strict=True):
            assert word.start == pytest.approx(same.start, abs=0.05)
            assert word.probability == pytest.approx(same.probability, abs=0.05)


def test_what_can_be_no_batch_is_decoded_one_by_one(
    stepping: SpeechModel, calls: dict[str, list[int]]
) -> None:
    """A quick search and a careful one share the encoder, where their windows are as long."""
    windows = [quick(4.0), careful(4.0), careful(10.8)]
    heard = together(stepping, windows)
    assert calls["encode"] == [3]
    assert Counter(calls["generate"]) == {1: 1, 2: 1}
    assert [one.text for one in heard] == [decode(stepping, one).text for one in windows]


def test_who_needs_a_second_search_holds_up_nobody(model: SpeechModel) -> None:
    """Its prompts, which end the same prefix at other places, are batches of one here."""
    windows = [
        Window(JFK, Lane.FINAL, language="en", prefix="Nothing of the kind.", prefix_s=3.0),
        quick(4.0),
    ]
    heard = together(model, windows)
    assert [one.text for one in heard] == [decode(model, one).text for one in windows]


def test_an_error_reaches_who_asked_and_nobody_else(
    stepping: SpeechModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(Counting):
        def __getattr__(self, name: str) -> Any:
            if name == "align":
                raise RuntimeError("out of memory")
            return getattr(self._model, name)

    monkeypatch.setattr(stepping.whisper.model, "_model", Broken(stepping.whisper.model._model))
    found: list[Decoded] = []
    errors: list[Exception] = []

    def hear(window: Window) -> None:
        try:
            found.append(decode(stepping, window))
        except RuntimeError as error:
            errors.append(error)

    run_together([functools.partial(hear, one) for one in (quick(4.0), careful(4.0))])
    assert [str(error) for error in errors] == ["out of memory"]
    assert len(found) == 1


def test_outside_of_a_batch_nothing_waits(stepping: SpeechModel) -> None:
    run_together([lambda: None, lambda: None])
    assert decode(stepping, quick(4.0)).text
