"""LocalAgreement-2: what two passes in a row say is stable."""

from __future__ import annotations

import pytest

from transcriber.live.agreement import LocalAgreement


def stable(*hypotheses: str) -> str:
    """Return the stable part of the last hypothesis."""
    agreement = LocalAgreement()
    counts = [agreement.update(text) for text in hypotheses]
    return hypotheses[-1][: counts[-1]]


def test_a_single_pass_proves_nothing() -> None:
    assert stable(" ask not what") == ""


def test_the_common_beginning_of_two_passes_is_stable() -> None:
    assert stable(" ask not what", " ask not why your") == " ask not"


def test_an_earlier_pass_counts_no_more() -> None:
    assert stable(" a b c", " x", " a b c") == ""


def test_only_whole_words_agree() -> None:
    assert stable(" count", " country") == ""


@pytest.mark.parametrize(
    "earlier, later",
    [
        (" And so, my", " and so my"),
        (" Wait...", " wait"),
        (" «Привет», мир", " привет мир."),
        (" STRASSE", " straße"),
    ],
)
def test_case_and_punctuation_dont_count(earlier: str, later: str) -> None:
    assert stable(earlier, later) == later


def test_stable_text_may_shrink_when_a_word_is_taken_back() -> None:
    assert stable(" a b c", " a b c d", " a x") == " a"


def test_empty_hypotheses_are_no_trouble() -> None:
    assert stable("", "") == ""
    assert stable(" a", "", " a") == ""
