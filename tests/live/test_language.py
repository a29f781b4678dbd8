"""The language of a session: given, or detected on enough speech, then kept as long as wished."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.support.engine import WORD_SAMPLES, number
from tests.support.hours import Loudness
from tests.support.monologue import CHUNK_S, monologue, sound
from tests.support.recordings import RATE_HZ
from transcriber.engine.window import DecodingOptions, Lane, LanguageDetection, Window
from transcriber.live.language import ENOUGH_S, LanguageChoice


def test_a_given_language_stays() -> None:
    choice = LanguageChoice("ar")
    choice.heard("en", 1.0, 30.0)
    assert (choice.fixed, choice.latest) == ("ar", "ar")


def test_before_anything_was_heard_there_is_none() -> None:
    choice = LanguageChoice(None)
    assert (choice.fixed, choice.latest) == (None, None)


@pytest.mark.parametrize(
    "seconds, probability, kept",
    [
        pytest.param(0.5 * ENOUGH_S, 1.0, False, id="too short, however sure"),
        pytest.param(ENOUGH_S, 0.99, True, id="short, but sure"),
        pytest.param(ENOUGH_S, 0.6, False, id="short and likely"),
        pytest.param(3 * ENOUGH_S, 0.6, True, id="long and likely"),
        pytest.param(3 * ENOUGH_S, 0.3, False, id="long, but a guess"),
    ],
)
def test_a_finding_is_kept_if_it_is_sure_enough(
    seconds: float, probability: float, kept: bool
) -> None:
    choice = LanguageChoice(None)
    choice.heard("ru", probability, seconds)
    assert choice.fixed == ("ru" if kept else None)


@pytest.mark.parametrize(
    "seconds, probability, shown",
    [
        pytest.param(0.5 * ENOUGH_S, 0.95, True, id="short, but sure"),
        pytest.param(0.5 * ENOUGH_S, 0.8, False, id="a syllable"),
        pytest.param(1.5 * ENOUGH_S, 0.8, False, id="likely: French was heard as Portuguese so"),
        pytest.param(3 * ENOUGH_S, 0.6, True, id="long and likely"),
    ],
)
def test_a_language_is_shown_only_when_it_will_hardly_be_taken_back(
    seconds: float, probability: float, shown: bool
) -> None:
    choice = LanguageChoice(None)
    choice.heard("ru", probability, seconds)
    assert choice.latest == ("ru" if shown else None)


def test_at_the_end_the_best_guess_is_shown() -> None:
    choice = LanguageChoice(None)
    choice.heard("en", 0.8, 0.3 * ENOUGH_S)
    choice.heard("ar", 0.4, 2 * ENOUGH_S)
    choice.heard("fi", 0.3, 2 * ENOUGH_S)
    assert choice.latest is None
    choice.end()
    assert choice.latest == "ar"


def test_at_the_end_what_was_sure_stays_and_without_speech_there_is_none() -> None:
    sure, silent = LanguageChoice(None), LanguageChoice(None)
    sure.heard("ru", 0.95, ENOUGH_S)
    for choice in (sure, silent):
        choice.end()
    assert (sure.latest, silent.latest) == ("ru", None)


@pytest.mark.parametrize("each_utterance", [False, True])
def test_once_kept_it_never_changes_within_an_utterance(each_utterance: bool) -> None:
    choice = LanguageChoice(None, each_utterance)
    choice.heard("ru", 0.99, 10.0)
    choice.heard("en", 1.0, 30.0)
    assert (choice.fixed, choice.latest) == ("ru", "ru")


# -- detected anew in each utterance --------------------------------------------------------------


def test_each_utterance_may_be_in_another_language() -> None:
    choice = LanguageChoice(None, each_utterance=True)
    choice.heard("ru", 0.99, 10.0)
    choice.new_utterance()
    assert (choice.fixed, choice.expected, choice.latest) == (None, "ru", "ru")
    choice.heard("en", 0.99, 10.0)
    assert (choice.fixed, choice.latest) == ("en", "en")
    choice.new_utterance()
    assert choice.expected == "en"


def test_a_syllable_is_no_evidence_of_another() -> None:
    choice = LanguageChoice(None, each_utterance=True)
    choice.heard("ru", 0.99, 10.0)
    choice.new_utterance()
    choice.heard("en", 0.6, 0.3 * ENOUGH_S)
    assert (choice.fixed, choice.latest) == (None, "ru")


def test_by_default_a_new_utterance_changes_nothing() -> None:
    choice = LanguageChoice(None)
    choice.heard("ru", 0.99, 10.0)
    choice.new_utterance()
    assert (choice.fixed, choice.expected) == ("ru", None)


def test_a_given_language_is_never_doubted_whatever_is_wished() -> None:
    choice = LanguageChoice("ar", each_utterance=True)
    choice.new_utterance()
    assert choice.fixed == "ar"


# -- in a session ---------------------------------------------------------------------------------

SPEECH, PAUSE = 6.0, 1.5
WORD_S = WORD_SAMPLES / RATE_HZ


@dataclass(frozen=True)
class Switch:
    """The language that was shown first and then, and the windows after the switch."""

    first: str | None
    then: str | None
    later: list[Window]


@pytest.fixture(autouse=True)
def _loudness(monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise is no speech to a real voice activity."""
    monkeypatch.setattr("transcriber.live.intake.VoiceActivity", Loudness)


def switch(
    detection: LanguageDetection,
    pause_s: float = PAUSE,
    at_once: bool = False,
    late: Lane | None = None,
) -> Switch:
    """Speak to a session in Russian and, behind a pause, in French.

    Args:
        detection: as a client wishes it.
        pause_s: how long the pause is.
        at_once: let the Russian and the pause come as one chunk.
        late: a lane whose last pass over the Russian is answered only behind the pause.
    """
    options = DecodingOptions(language_detection=detection)
    with monologue(sound(SPEECH, pause_s, SPEECH), options) as rig:
        rig.model.language, rig.model.probability = "ru", 0.99
        if at_once:
            rig.join(SPEECH + pause_s)
        if late is not None:
            rig.play(SPEECH - CHUNK_S)
            rig.model.hold(late)
            rig.play(SPEECH + pause_s, wait_s=0)
            rig.model.let_go()
            rig.wait_idle()
        rig.play(SPEECH + pause_s)
        first, before = rig.session.snapshot().language, len(rig.model.windows)
        rig.model.language = "fr"
        rig.play(2 * SPEECH + pause_s - CHUNK_S)
        later = rig.model.windows[before:]
        then = rig.session.snapshot().language
        rig.play()
        assert rig.final == rig.model.spoken()
    return Switch(first, then, later)


def test_behind_a_pause_the_model_is_told_what_to_expect_until_it_knows_better() -> None:
    heard = switch("utterance")
    assert (heard.first, heard.then) == ("ru", "fr")
    assert (heard.later[0].language, heard.later[0].expected_language) == (None, "ru")
    assert heard.later[-1].language == "fr"


def test_what_was_heard_before_the_pause_decides_nothing_behind_it() -> None:
    heard = switch("utterance", at_once=True)
    assert (heard.first, heard.then) == ("ru", "fr")
    assert (heard.later[0].language, heard.later[0].expected_language) == (None, "ru")


@pytest.mark.parametrize("late", [Lane.PARTIAL, Lane.FINAL])
def test_a_pass_that_ends_behind_the_pause_decides_nothing_there(late: Lane) -> None:
    heard = switch("utterance", late=late)
    assert (heard.first, heard.then) == ("ru", "fr")
    assert (heard.later[0].language, heard.later[0].expected_language) == (None, "ru")


def test_what_was_said_in_another_language_is_no_context() -> None:
    prefixes = [window.prefix.split() for window in switch("utterance").later]
    assert any(prefixes), "but what was said since is"
    assert all(number(word) > SPEECH / WORD_S for prefix in prefixes for word in prefix)


def test_by_default_a_session_keeps_the_language_that_it_began_in() -> None:
    heard = switch("session")
    assert (heard.first, heard.then) == ("ru", "ru")
    assert {(one.language, one.expected_language) for one in heard.later} == {("ru", None)}


def test_a_pause_within_an_utterance_changes_no_language() -> None:
    heard = switch("utterance", pause_s=0.5)
    assert (heard.first, heard.then) == ("ru", "ru")
    assert {one.language for one in heard.later} == {"ru"}
