"""Transcripts as text, subtitles and tables: exactly, down to the last line break."""

from __future__ import annotations

import pytest

from transcriber.engine.window import Hypothesis, Word
from transcriber.formats import (
    TEXT_FORMATS,
    segment_json,
    to_srt,
    to_text,
    to_tsv,
    to_vtt,
    verbose_segment_json,
)
from transcriber.live.transcript import Segment

TALK = [
    Segment(0, 0.0, 1.5, " Ask not what"),
    Segment(1, 1.5, 3.25, " […]", gap=True),
    Segment(2, 3.25, 4.0, " your country."),
]


def segment(text: str, start: float = 0.0, end: float = 1.0) -> Segment:
    return Segment(0, start, end, text)


def test_text() -> None:
    assert to_text(TALK) == "Ask not what […] your country.\n"


def test_srt() -> None:
    assert to_srt(TALK) == (
        "1\n00:00:00,000 --> 00:00:01,500\nAsk not what\n\n"
        "2\n00:00:01,500 --> 00:00:03,250\n[…]\n\n"
        "3\n00:00:03,250 --> 00:00:04,250\nyour country.\n"
    )


def test_vtt() -> None:
    assert to_vtt(TALK) == (
        "WEBVTT\n\n"
        "00:00:00.000 --> 00:00:01.500\nAsk not what\n\n"
        "00:00:01.500 --> 00:00:03.250\n[…]\n\n"
        "00:00:03.250 --> 00:00:04.250\nyour country.\n"
    )


def test_tsv() -> None:
    assert to_tsv(TALK) == (
        "start\tend\ttext\n0\t1500\tAsk not what\n1500\t3250\t[…]\n3250\t4000\tyour country.\n"
    )


@pytest.mark.parametrize(
    "name, expected",
    [("text", ""), ("srt", ""), ("vtt", "WEBVTT\n"), ("tsv", "start\tend\ttext\n")],
)
@pytest.mark.parametrize("segments", [[], [segment("  ")]], ids=["no segments", "only blanks"])
def test_silence_is_an_empty_transcript(name: str, expected: str, segments: list[Segment]) -> None:
    assert TEXT_FORMATS[name][0](segments) == expected


def test_hours_are_counted_and_milliseconds_rounded() -> None:
    late = [segment("late", 3599.9996, 3602.0625), segment("later", 360_061.0625, 360_063.5)]
    assert "01:00:00,000 --> 01:00:02,062" in to_srt(late)
    assert "100:01:01.062 --> 100:01:03.500" in to_vtt(late)
    assert "3600000\t3602062\tlate" in to_tsv(late)


def test_webvtt_markup_is_escaped_and_only_there() -> None:
    shown = [segment(" if a < b & b > c --> <i>")]
    assert "if a &lt; b &amp; b &gt; c --&gt; &lt;i&gt;\n" in to_vtt(shown)
    assert "if a < b & b > c --> <i>\n" in to_srt(shown)
    assert "if a < b & b > c --> <i>\n" in to_tsv(shown)


@pytest.mark.parametrize("render", [to_srt, to_vtt, to_tsv])
def test_a_line_break_or_tab_in_the_text_ends_no_cue_and_no_cell(render: object) -> None:
    assert callable(render)
    assert "one two three four\n" in render([segment(" one\n\ntwo\tthree\r\nfour")])


@pytest.mark.parametrize("name", TEXT_FORMATS)
@pytest.mark.parametrize("text", ["قل إني نهيت أن أعبد", "שלום, עולם!", "Я так мало", "一二三"])
def test_other_scripts_and_right_to_left_text_stay_as_they_are(name: str, text: str) -> None:
    assert text in TEXT_FORMATS[name][0]([segment(f" {text}")])


def test_cues_are_numbered_without_holes() -> None:
    segments = [segment("one"), segment(" "), segment("two", 9.0, 10.0)]
    assert to_srt(segments).startswith("1\n")
    assert "\n\n2\n" in to_srt(segments)
    assert "3\n" not in to_srt(segments)


# -- JSON ---------------------------------------------------------------------------------------


def test_a_segment_as_json() -> None:
    words = (Word(" hi", 0.5, 0.75, 0.98765),)
    shown = segment_json(Segment(3, 0.5, 0.75, " hi", 0.988, words))
    assert shown == {
        "id": 3,
        "start": 0.5,
        "end": 0.75,
        "text": "hi",
        "confidence": 0.988,
        "words": [{"word": "hi", "start": 0.5, "end": 0.75, "probability": 0.988}],
    }


def test_words_are_left_out_if_they_are_not_wanted() -> None:
    assert "words" not in segment_json(segment("hi"), words=False)


def test_a_gap_says_that_it_is_one() -> None:
    assert segment_json(TALK[1])["gap"] is True
    assert "gap" not in segment_json(TALK[0])


def test_a_verbose_segment_has_the_ten_fields_of_openai() -> None:
    heard = Hypothesis(" hi", 0, 1, (), -0.2, 0.1, 1.1, 0.4, (1, 2))
    shown = verbose_segment_json(Segment(0, 0.0, 1.0, " hi", hypothesis=heard))
    assert set(shown) == {
        "id", "seek", "start", "end", "text", "tokens",
        "temperature", "avg_logprob", "compression_ratio", "no_speech_prob",
    }  # fmt: skip
    assert (shown["tokens"], shown["temperature"], shown["avg_logprob"]) == ([1, 2], 0.4, -0.2)
    assert set(verbose_segment_json(TALK[1])) == set(shown)
