"""LocalAgreement-2: what two passes in a row say is stable, and what is shown of the newest."""

from __future__ import annotations

import pytest

from transcriber.live.agreement import LIKELY, STABLE_AFTER_S, LocalAgreement, rest_behind


def stable(*hypotheses: str, every_s: float = STABLE_AFTER_S) -> str:
    """Return the stable part of the last hypothesis."""
    agreement = LocalAgreement()
    shown = []
    for n, text in enumerate(hypotheses):
        agreement.confirm(text)
        shown.append(agreement.update(text, n * every_s))
    return shown[-1][0][: shown[-1][1]]


def test_a_single_pass_proves_nothing() -> None:
    assert stable(" ask not what") == ""


def test_passes_that_follow_closely_on_each_other_prove_it_only_together() -> None:
    """They err together: there is little in the audio of one that the other did not hear."""
    every_s = STABLE_AFTER_S / 4
    assert stable(*[" ask not"] * 4, every_s=every_s) == ""
    assert stable(*[" ask not"] * 5, every_s=every_s) == " ask not"
    assert stable(" ask what", *[" ask not"] * 4, every_s=every_s) == " ask"


def test_passes_long_ago_count_no_more() -> None:
    every_s = STABLE_AFTER_S / 4
    assert stable(" ask what", *[" ask not"] * 5, every_s=every_s) == " ask not"


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


def test_stable_text_shrinks_when_two_passes_take_a_word_back() -> None:
    assert stable(" a b c", " a b c", " a x") == " a b c"
    assert stable(" a b c", " a b c", " a x c", " a x c") == " a"


def test_empty_hypotheses_are_no_trouble() -> None:
    assert stable("", "") == ""
    assert stable(" a", "", " a") == ""


# -- what is shown --------------------------------------------------------------------------------


def shown(*hypotheses: str, cut_off: bool = False) -> str:
    """Return what is shown after the last hypothesis."""
    agreement = LocalAgreement()
    texts = [agreement.update(text, n, cut_off)[0] for n, text in enumerate(hypotheses)]
    return texts[-1]


def test_what_is_not_yet_stable_follows_each_hypothesis() -> None:
    assert shown(" a b c", " a x") == " a x"
    assert shown(" a b c", "") == ""


def test_one_hypothesis_alone_takes_nothing_stable_back() -> None:
    assert shown(" a b c", " a b c", " x b c d") == " a b c"
    assert shown(" a b c", " a b c", " x b c d", " a b c d") == " a b c d"
    assert shown(" a b c", " a b c", " x b c d", " y b c d") == " a b c"


def test_a_correction_that_is_heard_twice_is_shown() -> None:
    assert shown(" a b c", " a b c", " x b c d", " x b c d e") == " x b c d e"


def test_words_that_are_left_out_stay_until_passes_insist_on_it() -> None:
    """With a forced prefix the model now and then leaves out what comes first."""
    said, lost = [" a b c d"] * 2, " c d e"
    assert shown(*said, *[lost] * 3) == " a b c d"
    assert shown(*said, *[lost] * 4) == lost


def test_it_is_told_whether_stable_words_are_left_out() -> None:
    agreement = LocalAgreement()
    for second in range(2):
        agreement.update(" a b c d", second)
    assert agreement.loses(" c d e")
    assert agreement.loses(" a d e")
    assert agreement.loses("")
    assert agreement.loses(" x")
    assert not agreement.loses(" a b x d e")
    assert not agreement.loses(" well a b c d")


def test_what_is_not_stable_cant_be_lost() -> None:
    agreement = LocalAgreement()
    agreement.update(" a b c d", 0.0)
    assert not agreement.loses(" c d e")


def test_where_speech_is_cut_off_the_last_word_is_left_to_the_next_pass() -> None:
    assert shown(" ask", " ask not wha", cut_off=True) == " ask not"
    assert shown(" ask", " ask not wha", " ask not what your", cut_off=True) == " ask not what"
    assert shown(" ask", " ask not what", " ask not what", cut_off=True) == " ask not what"
    assert shown(" ask", " ask not wha") == " ask not wha"


def test_a_word_alone_waits_too_but_not_all_that_is_written_without_spaces() -> None:
    assert shown(" wha", cut_off=True) == ""
    assert shown(" wha", " what", " what", cut_off=True) == " what"
    assert shown("国があなたのために何をしてくれるか", cut_off=True) != ""


def test_a_last_word_that_is_likely_is_shown_at_once_and_those_that_are_not_wait() -> None:
    def once(*likely: float) -> str:
        return LocalAgreement().update(" ask not what", 0.0, cut_off=True, likely=likely)[0]

    assert once(0.9, 0.9, LIKELY) == " ask not what"
    assert once(0.9, 0.9, LIKELY - 0.1) == " ask not"
    assert once(0.9, 0.1, 0.1) == " ask"
    assert once(0.1, 0.1, 0.1) == ""
    assert once(0.9, 0.1, 0.9) == " ask not what", "what follows speaks for it"


# -- what a careful pass says ---------------------------------------------------------------------


def test_only_what_a_careful_pass_says_too_is_stable() -> None:
    agreement = LocalAgreement()
    for second in range(3):
        agreement.update(" a b c", second * STABLE_AFTER_S)
    assert agreement.update(" a b c", 3 * STABLE_AFTER_S)[1] == 0
    agreement.confirm(" a x c")
    assert agreement.update(" a b c", 4 * STABLE_AFTER_S)[1] == len(" a")


def test_a_pass_over_less_audio_is_not_to_blame_for_the_last_words() -> None:
    agreement = LocalAgreement()
    for second in range(2):
        agreement.update(" a b c d", second)
    assert agreement.loses(" a b")
    assert not agreement.loses(" a b", older=True)
    assert agreement.loses(" a c d", older=True)


def test_what_became_final_counts_no_more() -> None:
    agreement = LocalAgreement()
    for second in range(2):
        agreement.confirm(" a b c d")
        agreement.update(" a b c d", second * STABLE_AFTER_S)
    assert agreement.forget(" a b") == (" c d", len(" c d"))
    assert not agreement.loses(" c d e")
    assert agreement.update(" c d e", 2 * STABLE_AFTER_S) == (" c d e", len(" c d"))


def test_what_became_final_is_not_shown_again_though_the_rest_is_heard_differently() -> None:
    agreement = LocalAgreement()
    for second in range(2):
        agreement.confirm(" a b c d")
        agreement.update(" a b c d", second * STABLE_AFTER_S)
    agreement.forget(" a b")
    assert agreement.update(" x d e", 2 * STABLE_AFTER_S) == (" c d", len(" c d"))
    assert agreement.newest == " c d"
    agreement.forget(" c d e")
    assert agreement.update(" f", 3.0) == (" f", 0)


def test_what_is_final_may_have_been_heard_in_other_words() -> None:
    assert rest_behind(" Worldwide fame.", " world wide fame it was") == " it was"
    assert rest_behind(" I have a cold", " I have a called so") == " so"
    assert rest_behind(" One two", " one") == ""
    assert rest_behind("", " one") == " one"
