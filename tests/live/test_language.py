"""The language of a session: given, or detected on enough speech, then kept."""

from __future__ import annotations

import pytest

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
    assert choice.latest == "ru"
    assert choice.fixed == ("ru" if kept else None)


def test_once_kept_it_never_changes() -> None:
    choice = LanguageChoice(None)
    choice.heard("ru", 0.99, 10.0)
    choice.heard("en", 1.0, 30.0)
    assert (choice.fixed, choice.latest) == ("ru", "ru")
