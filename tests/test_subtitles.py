"""Subtitles keep to what can be read, and another program reads from them what was said."""

from __future__ import annotations

import io
import itertools
from collections.abc import Sequence

import pytest
import webvtt
from hypothesis import given
from hypothesis import strategies as st
from pysubs2 import SSAFile

from tests.support.recordings import SPEECH, Recording, folder
from transcriber.engine.window import Word
from transcriber.formats import to_karaoke, to_srt, to_vtt
from transcriber.live.transcript import GAP_TEXT, Segment
from transcriber.subtitles import LEAST_S, LINE_CHARS, LINES, MOST_S, Cue, cues, runs_to_the_left

MARK = "\u200f"


def said(text: str, start: float = 0.0, word_s: float = 0.4, number: int = 0) -> Segment:
    """Return a segment in which each word takes as long."""
    words = tuple(
        Word(f" {word}", start + n * word_s, start + (n + 1) * word_s, 0.9)
        for n, word in enumerate(text.split())
    )
    return Segment(number, start, words[-1].end, f" {text}", words=words)


def lines_of(segments: Sequence[Segment]) -> list[list[str]]:
    return [cue.texts() for cue in cues(segments)]


def assert_readable(found: Sequence[Cue]) -> None:
    """Assert what holds of all cues whatever was said."""
    for cue in found:
        assert 1 <= len(cue.lines) <= LINES
        assert all(0 < len(text.strip(MARK)) <= LINE_CHARS for text in cue.texts())
        assert 0 < cue.end - cue.start <= MOST_S + 1e-9
    for cue, following in itertools.pairwise(found):
        assert cue.end <= following.start


# -- where it is parted --------------------------------------------------------------------------


def test_a_short_sentence_is_one_line() -> None:
    assert lines_of([said("Ask not.")]) == [["Ask not."]]


def test_cues_end_where_sentences_do() -> None:
    text = "When it is a crayfish, it is none. This question might go into the primer of them all."
    assert lines_of([said(text)]) == [
        ["When it is a crayfish, it is none."],
        ["This question might go into", "the primer of them all."],
    ]


def test_short_segments_share_a_cue() -> None:
    segments = [said("Ask not", 0.0), said("what your country can do", 0.8)]
    assert lines_of(segments) == [["Ask not what your country can do"]]


def test_the_upper_line_ends_a_clause_where_there_is_one() -> None:
    text = "If you ever come to that old city, do write to us at once"
    assert lines_of([said(text, word_s=0.3)]) == [
        ["If you ever come to that old city,", "do write to us at once"]
    ]


def test_a_silence_is_no_part_of_a_cue() -> None:
    found = cues([said("one two three"), said("four five six", 10.0)])
    assert [cue.start for cue in found] == [0.0, 10.0]
    assert [cue.end for cue in found] == pytest.approx([1.2, 11.2])


def test_what_is_said_in_a_moment_is_shown_for_a_second() -> None:
    (cue,) = cues([said("Yes.", 3.0, word_s=0.2)])
    assert (cue.start, cue.end) == (3.0, 3.0 + LEAST_S)


def test_a_word_that_is_drawn_out_is_shown_for_no_longer_than_any() -> None:
    (cue,) = cues([said("Well", 3.0, word_s=30.0)])
    assert cue.end == 3.0 + MOST_S


def test_a_gap_is_a_cue_of_its_own() -> None:
    gap = Segment(1, 1.2, 4.2, f" {GAP_TEXT}", gap=True)
    assert lines_of([said("one two three"), gap, said("four", 4.2)]) == [
        ["one two three"],
        [GAP_TEXT],
        ["four"],
    ]


def test_a_word_longer_than_a_line_is_parted() -> None:
    (cue,) = cues([said("x" * 50)])
    assert cue.texts() == ["x" * 42, "x" * 8]


def test_without_times_of_words_they_are_placed_by_their_length() -> None:
    text = " ".join(["word"] * 40)
    found = cues([Segment(0, 0.0, 20.0, f" {text}")])
    assert_readable(found)
    assert " ".join(itertools.chain.from_iterable(cue.texts() for cue in found)) == text
    assert found[-1].end == pytest.approx(20.0)


def test_blanks_are_no_cue() -> None:
    assert cues([Segment(0, 0.0, 1.0, "  ")]) == []


# -- whatever is said ----------------------------------------------------------------------------

WORDS = st.tuples(
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=60),
    st.floats(0.0, 3.0),  # before it
    st.floats(0.0, 9.0),  # its length
)


@given(st.lists(WORDS, min_size=1, max_size=60))
def test_no_cue_is_too_long_or_overlaps_and_no_word_is_lost(
    heard: list[tuple[str, float, float]],
) -> None:
    words, at = [], 0.0
    for text, before_s, length_s in heard:
        words.append(Word(f" {text}", at + before_s, at + before_s + length_s, 0.5))
        at += before_s + length_s
    segment = Segment(0, 0.0, at, "".join(word.word for word in words), words=tuple(words))
    found = cues([segment])
    shown = "".join(word.word for cue in found for line in cue.lines for word in line)
    assert shown == segment.text
    for cue in found:
        assert all(len(text.strip(MARK)) <= LINE_CHARS for text in cue.texts())
        assert cue.end - cue.start <= MOST_S + 1e-9
    assert all(one.end <= other.start for one, other in itertools.pairwise(found))


SPOKEN = [*folder(SPEECH / "en"), *folder(SPEECH / "ru"), *folder(SPEECH / "ar")]


@pytest.mark.parametrize("one", SPOKEN, ids=lambda one: one.path.name)
def test_real_speech_is_shown_for_at_least_a_second(one: Recording) -> None:
    words = one.text.split()
    segment = said(one.text, word_s=one.duration_s / len(words))
    found = cues([segment])
    assert_readable(found)
    assert all(cue.end - cue.start >= LEAST_S for cue in found)


# -- other programs ------------------------------------------------------------------------------

TALK = [
    said("When is a lobster not a lobster? When it is a <crayfish> & nothing else."),
    said("This question might go into the primer of those who come to San Francisco.", 9.0),
]


def _joined(segments: Sequence[Segment]) -> str:
    return " ".join(segment.text.strip() for segment in segments)


def test_a_parser_of_subrip_reads_the_same() -> None:
    plain = [said("When is a lobster not a lobster? When it is a crayfish."), TALK[1]]
    read = SSAFile.from_string(to_srt(plain), format_="srt").events
    assert " ".join(one.plaintext.replace("\n", " ") for one in read) == _joined(plain)
    times = [(one.start, one.end) for one in read]
    assert times == [(round(1000 * one.start), round(1000 * one.end)) for one in cues(plain)]


@pytest.mark.parametrize("render", [to_vtt, to_karaoke])
def test_a_parser_of_webvtt_reads_the_same(render: object) -> None:
    assert callable(render)
    read = webvtt.from_buffer(io.StringIO(render(TALK))).captions
    text = " ".join(caption.text.replace("\n", " ") for caption in read)
    assert text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == _joined(TALK)
    starts = [caption.start_in_seconds for caption in read]
    assert starts == pytest.approx([cue.start for cue in cues(TALK)], abs=1)


def test_each_word_has_its_time_before_it() -> None:
    assert to_karaoke([said("Ask not what", 1.0)]) == (
        "WEBVTT\n\n00:00:01.000 --> 00:00:02.200\nAsk <00:00:01.400>not <00:00:01.800>what\n"
    )


def test_only_times_within_their_cue_are_told_and_only_once() -> None:
    times = [(1.0, 1.0), (1.0, 1.5), (1.5, 1.5), (1.5, 2.0), (2.0, 2.0)]
    timed = tuple(
        Word(f" {text}", start, end, 0.9) for text, (start, end) in zip("abcde", times, strict=True)
    )
    assert to_karaoke([Segment(0, 1.0, 2.0, " a b c d e", words=timed)]).endswith(
        "00:00:01.000 --> 00:00:02.000\na b <00:00:01.500>c d e\n"
    )


# -- from right to left --------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["قل إني نهيت.", "שלום, עולם!", "«قل» iPhone."])
def test_a_mark_keeps_the_punctuation_of_a_line_from_right_to_left_on_its_side(text: str) -> None:
    (cue,) = cues([said(text)])
    assert cue.texts() == [f"{MARK}{text}{MARK}"]


@pytest.mark.parametrize(
    "text, expected", [("hello قل", False), ("42 قل", True), ("...", False), ("Я так", False)]
)
def test_the_first_letter_tells_where_a_text_runs(text: str, expected: bool) -> None:
    assert runs_to_the_left(text) == expected
