"""Going on behind final text: only the new words are written, the same as word by word."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import pytest

from tests.support.recordings import RATE_HZ, recording
from tests.support.scores import errors
from transcriber.engine.asking import asked
from transcriber.engine.lanes import decode
from transcriber.engine.model import SpeechModel
from transcriber.engine.resume import resuming
from transcriber.engine.window import PREFIX_S, Hypothesis, Lane, Window, Word

JFK = recording("en/short-jfk.flac").samples()
WHOLE = Window(JFK, Lane.FINAL, language="en", open=True)


@pytest.fixture(scope="module")
def stepping(model: SpeechModel) -> SpeechModel:
    """The same model, as it is where the weights can't be loaded twice."""
    other = copy.copy(model)
    other.resuming = None
    return other


@pytest.fixture(scope="module")
def words(model: SpeechModel) -> tuple[Word, ...]:
    """All words of the recording, with their times."""
    return decode(model, WHOLE).hypotheses[0].words


def behind(words: tuple[Word, ...], count: int, lane: Lane) -> Window:
    """Return a window over the recording whose first words are final."""
    said = "".join(word.word for word in words[:count]).strip()
    border_s = (words[count - 1].end + words[count].start) / 2
    return Window(JFK, lane, language="en", prefix=said, prefix_s=border_s, open=lane is Lane.FINAL)


def heard(model: SpeechModel, window: Window) -> Hypothesis:
    (hypothesis,) = decode(model, window).hypotheses
    return hypothesis


@pytest.mark.parametrize("lane", [Lane.PARTIAL, Lane.FINAL])
@pytest.mark.parametrize("count", [2, 9, 14])
def test_the_words_behind_the_prefix_are_heard_once(
    model: SpeechModel, stepping: SpeechModel, words: tuple[Word, ...], lane: Lane, count: int
) -> None:
    window = behind(words, count, lane)
    rest = "".join(word.word for word in words[count:])
    for way in (model, stepping):
        slips = errors(rest, heard(way, window).text)
        assert (slips.insertions, slips.deletions) == (0, 0)
        # A quick pass may take one word for another: which, depends on how the processor rounds.
        assert slips.substitutions <= (lane is Lane.PARTIAL)


def test_their_times_count_from_the_end_of_the_prefix(
    model: SpeechModel, words: tuple[Word, ...]
) -> None:
    window = behind(words, 9, Lane.FINAL)
    for word, expected in zip(heard(model, window).words, words[9:], strict=True):
        # Alignment parts the silence between two words now this way, now that.
        assert word.start + window.prefix_s == pytest.approx(expected.start, abs=0.6)
        assert word.end + window.prefix_s == pytest.approx(expected.end, abs=0.3)


def test_the_prefix_costs_no_steps_of_its_own(
    model: SpeechModel, stepping: SpeechModel, words: tuple[Word, ...]
) -> None:
    """What the model answers begins with the forced tokens that it was led through one by one."""
    window = behind(words, 9, Lane.PARTIAL)
    steps = []
    for one in (model, stepping):
        ask = asked(one, window, 15, timestamps=False)
        result = ask.whisper.model.generate(ask.encoded, [ask.prompt], beam_size=1)[0]
        assert result.sequences_ids[0][: len(ask.forced)] == ask.forced
        steps.append(len(ask.forced))
    assert steps[0] == 2
    assert steps[1] > 9


def test_sure_words_are_as_sure_without_a_prefix_to_count_in(
    model: SpeechModel, stepping: SpeechModel, words: tuple[Word, ...]
) -> None:
    """Neither way of feeding it may thin out the doubts about the new words."""
    window = behind(words, 14, Lane.FINAL)
    likely = [heard(one, window).avg_logprob for one in (model, stepping)]
    assert likely[0] == pytest.approx(likely[1], abs=0.1)


def test_a_window_too_long_for_the_silence_before_it_goes_word_by_word(model: SpeechModel) -> None:
    audio = np.tile(JFK[: 2 * RATE_HZ], 13)
    window = Window(audio, Lane.PARTIAL, language="en", prefix="Yes.", prefix_s=1.0)
    assert window.seconds - window.prefix_s + PREFIX_S > 30
    ask = asked(model, window, 15, timestamps=False)
    assert ask.whisper is model.whisper


def test_nothing_is_resumed_without_a_prefix(model: SpeechModel) -> None:
    assert asked(model, WHOLE, 15, timestamps=True).whisper is model.whisper


def test_a_vocabulary_in_json_does_as_well(
    model: SpeechModel, weights: Path, words: tuple[Word, ...], tmp_path: Path
) -> None:
    listed = (weights / "vocabulary.txt").read_text(encoding="utf-8").removesuffix("\n")
    (tmp_path / "vocabulary.json").write_text(json.dumps(listed.split("\n")), encoding="utf-8")
    for name in ("model.bin", "config.json"):
        (tmp_path / name).symlink_to(weights / name)
    other = copy.copy(model)
    other.resuming = resuming(model.whisper, tmp_path, workers=1, cpu_threads=1)
    window = behind(words, 9, Lane.PARTIAL)
    assert heard(other, window) == heard(model, window)


def test_a_folder_without_one_is_refused(model: SpeechModel, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"vocabulary\.txt"):
        resuming(model.whisper, tmp_path, workers=1, cpu_threads=1)
