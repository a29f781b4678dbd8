"""How probable each word is: as its worst part, marks left out."""

from __future__ import annotations

from config.settings import Settings
from tests.support.recordings import RATE_HZ, recording
from transcriber.engine.device import Device
from transcriber.engine.lanes import decode
from transcriber.engine.likelihood import word_probabilities
from transcriber.engine.model import SpeechModel
from transcriber.engine.weights import resolve
from transcriber.engine.window import Lane, Window


def test_a_word_is_as_likely_as_its_worst_part() -> None:
    assert word_probabilities([(" lob", 0.9), ("ster", 0.3), (" is", 0.8)]) == (0.3, 0.8)


def test_marks_dont_count() -> None:
    assert word_probabilities([(" yes", 0.9), (",", 0.1), (" sir", 0.8), (".", 0.2)]) == (0.9, 0.8)


def test_text_without_spaces_is_one_word() -> None:
    assert word_probabilities([("今日", 0.9), ("は", 0.7)]) == (0.7,)
    assert word_probabilities([]) == ()


def test_both_lanes_tell_it_of_each_word() -> None:
    weights = resolve("tiny.en", models_dir=Settings().models_path()).path
    model = SpeechModel(weights, "tiny.en", Device("cpu", "int8"), workers=1, cpu_threads=1)
    audio = recording("en/short-jfk.flac").samples()[: 10 * RATE_HZ]
    for window in (
        Window(audio, Lane.PARTIAL, language="en"),
        Window(audio, Lane.FINAL, language="en", open=True),
        Window(audio, Lane.PARTIAL, language="en", prefix="And so, my fellow", prefix_s=2.0),
    ):
        (heard,) = decode(model, window).hypotheses
        assert len(heard.likely) == len(heard.text.split()) > 5
        assert all(0.0 < one <= 1.0 for one in heard.likely)
        assert sorted(heard.likely)[len(heard.likely) // 2] > 0.7, "it is clear speech"
