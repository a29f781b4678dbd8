"""How a piece of speech becomes final text where the model leaves off before the speech does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.recordings import Recording, recording
from tests.support.scores import normalised
from transcriber.engine import final_lane, search
from transcriber.engine.lanes import decode
from transcriber.engine.model import SpeechModel
from transcriber.engine.search import Found
from transcriber.engine.window import SAMPLE_RATE_HZ, Decoded, DecodingOptions, Lane, Window, Word

READING = recording("en/long-ls-367.flac")
BEFORE_QUESTION = "Lobsters and lobsters. When is a lobster not a lobster? When it is a crayfish."
QUESTION_S = 7.2
JFK = recording("en/short-jfk.flac")


def window(one: Recording, start_s: float, end_s: float) -> Window:
    """Return a stretch of a recording as a closed piece that is speech to its end."""
    audio = one.samples()[round(start_s * SAMPLE_RATE_HZ) : round(end_s * SAMPLE_RATE_HZ)]
    return Window(audio, Lane.FINAL, language="en", spoken_to_s=end_s - start_s)


def in_a_room(one: Recording, start_s: float, end_s: float) -> Window:
    """Return a stretch of a recording behind its text until then, with a microphone's noise."""
    lead, tail = (np.zeros(round(s * SAMPLE_RATE_HZ), np.float32) for s in (0.4, 0.8))
    audio = np.concatenate([lead, one.samples()[: round(end_s * SAMPLE_RATE_HZ)], tail])
    noise = np.random.default_rng(1).normal(0, 0.001, audio.size).astype(np.float32)
    return Window(
        audio + noise,
        Lane.FINAL,
        language="en",
        prefix=BEFORE_QUESTION,
        prefix_s=0.4 + start_s,
        spoken_to_s=end_s - start_s,
    )


def heard(model: SpeechModel, window: Window) -> Decoded:
    """Decode, and check that the words lie within the audio one after the other."""
    answer = decode(model, window)
    words = [word for one in answer.hypotheses for word in one.words]
    assert "".join(word.word for word in words) == answer.text
    assert [word.start for word in words] == sorted(word.start for word in words)
    assert words[-1].end <= window.seconds + 0.01
    return answer


# Where audio breaks off within a sentence Whisper ends the text before it: on this processor here,
# on another one, which rounds otherwise, there.
BROKEN_OFF = [
    (17.3, 23.3, "and while many contend that it is"),
    (24.1, 30.1, "it is better"),
    (41.1, 47.1, "dishes were concocted by"),
]


def test_what_is_said_before_the_audio_breaks_off_is_heard_to_its_end(model: SpeechModel) -> None:
    left = []
    for start_s, end_s, last in BROKEN_OFF:
        piece = window(READING, start_s, end_s)
        assert last in normalised(heard(model, piece).text)
        unknown = heard(model, replace(piece, spoken_to_s=0.0))
        left.append(last not in normalised(unknown.text))
    assert any(left), "the model hears all of it at once: choose another"


def test_what_the_model_leaves_to_a_next_window_is_heard_in_this_one(model: SpeechModel) -> None:
    """Its last word seems to last to the end of the speech then, as alignment knows no other."""
    left = []
    for end_s in (13.6, 14.0, 14.4):  # a processor may round one of them otherwise
        piece = in_a_room(READING, QUESTION_S, end_s)
        text = normalised(heard(model, piece).text)
        assert "come to san francisco from" in text
        alone = normalised(heard(model, replace(piece, spoken_to_s=0.0)).text)
        left.append(alone.endswith("come to"))
    assert any(left), "the model hears all of it at once: choose another"


def test_nothing_is_invented_behind_a_last_word_that_dies_away(model: SpeechModel) -> None:
    """The voice activity's end and the alignment's may differ by as much as a short word."""
    text = normalised(heard(model, window(JFK, 5.5, 11.0)).text)
    assert text.endswith("ask what you can do for your country")
    assert text.count("country") == 2


def test_a_translation_is_not_gone_on_with(model: SpeechModel) -> None:
    """Where its words lie in the audio is a guess, so what is missing can't be told."""
    piece = window(READING, 24.1, 30.1)
    translated = replace(piece, options=DecodingOptions(task="translate"))
    assert decode(model, translated) == decode(model, replace(translated, spoken_to_s=0.0))


def test_what_ends_where_its_speech_does_is_heard_once(model: SpeechModel) -> None:
    piece = window(READING, 0.0, 8.0)
    once = decode(model, replace(piece, spoken_to_s=0.0))
    assert decode(model, replace(piece, spoken_to_s=4.5)) == once


@pytest.mark.parametrize("is_open", [True, False], ids=["in a pause", "closed"])
def test_a_few_words_that_begin_with_one_hardly_believed_are_not_told(
    model: SpeechModel, is_open: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = []
    for start_s, seconds in ((6.0, 1.5), (32.0, 2.5)):  # one of them, as a processor rounds
        music = window(recording("nonspeech/music-vibe-ace.flac"), start_s, start_s + seconds)
        pieces.append(replace(music, spoken_to_s=seconds - 0.4, open=is_open))
    assert not any(decode(model, one).text for one in pieces)
    monkeypatch.setattr(final_lane, "_HARDLY", 0.0)
    invented = [decode(model, one).text for one in pieces]
    assert any(invented), "the model invents nothing here: choose another"


def test_a_single_word_that_is_said_is_told(model: SpeechModel) -> None:
    """The first words of speech behind a pause have nothing before them either."""
    assert normalised(decode(model, window(JFK, 3.2, 4.6)).text) == "ask not"


@pytest.mark.parametrize("is_open", [True, False], ids=["open", "closed"])
def test_a_little_music_with_nothing_said_before_it_is_heard_in_the_long_window(
    model: SpeechModel, is_open: bool
) -> None:
    """In the short one, which shows the words of an open piece soon, it says "Thank you."."""
    music = window(recording("nonspeech/music-vibe-ace.flac"), 0.0, 2.0)
    cut_off = replace(music, open=True)
    assert decode(model, cut_off).text != "", "the short window hears nothing: choose another"
    assert decode(model, replace(music, open=is_open, spoken_to_s=1.7)).text == ""


# -- loops --------------------------------------------------------------------------------------

TWICE = " as he went on his way. And so he said as he went on his way."


def looping(monkeypatch: pytest.MonkeyPatch, only_behind_a_prefix: bool) -> list[Window]:
    """Let what the model hears repeat itself; return what it is given to hear."""
    real, given = search.heard, []

    def heard_twice(model: SpeechModel, one: Window) -> Found:
        given.append(one)
        found = real(model, one)
        if only_behind_a_prefix and not one.prefix:
            return found
        words = tuple(Word(f" {word}", 1.0, 1.0, 0.9) for word in TWICE.split())
        again = replace(found.hypothesis, text=TWICE, words=words, loops=True)
        return replace(found, hypothesis=again)

    monkeypatch.setattr(final_lane, "heard", heard_twice)
    return given


def behind_final_text() -> Window:
    samples = JFK.samples()[: 10 * SAMPLE_RATE_HZ]
    said = "And so, my fellow Americans,"
    return Window(samples, Lane.FINAL, language="en", prefix=said, prefix_s=3.2, open=True)


def test_what_repeats_itself_behind_final_text_is_heard_alone(
    model: SpeechModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = looping(monkeypatch, only_behind_a_prefix=True)
    (hypothesis,) = decode(model, behind_final_text()).hypotheses
    assert hypothesis.sure
    assert hypothesis.text.lower().startswith(" ask not")
    assert [bool(one.prefix) for one in given] == [True, False]


def test_what_repeats_itself_all_the_same_is_not_final_while_more_may_come(
    model: SpeechModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    looping(monkeypatch, only_behind_a_prefix=False)
    window = replace(behind_final_text(), prefix="And so he said")
    (hypothesis,) = decode(model, window).hypotheses
    assert not hypothesis.sure
    assert hypothesis.text == " as he went on his way."  # shown once


def test_what_repeats_itself_up_to_a_pause_is_what_was_said(
    model: SpeechModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Heard in every way that there is, it stays the same."""
    looping(monkeypatch, only_behind_a_prefix=False)
    (hypothesis,) = decode(model, replace(behind_final_text(), open=False)).hypotheses
    assert hypothesis.text == TWICE


def test_what_somebody_does_say_twice_takes_its_time_and_is_told_twice(
    model: SpeechModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    sentence = recording("en/short-austen-0880.flac").samples()
    twice = np.concatenate([sentence, sentence])
    piece = Window(twice, Lane.FINAL, language="en", open=True, spoken_to_s=6.0)
    (hypothesis,) = decode(model, piece).hypotheses
    assert hypothesis.sure
    assert normalised(hypothesis.text).count("young man") == 2
    monkeypatch.setattr(search, "_NO_TIME_S", 5.0)  # as if it had been said in no time
    (hypothesis,) = decode(model, piece).hypotheses
    assert not hypothesis.sure
    assert normalised(hypothesis.text).count("young man") == 1
