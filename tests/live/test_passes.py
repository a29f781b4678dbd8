"""What becomes final while one speaks, and what waits: passes over an utterance that goes on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.support.engine import WORD_SAMPLES
from tests.support.hours import Loudness
from tests.support.monologue import CHUNK_S, Monologue, monologue, sound
from tests.support.recordings import RATE_HZ
from tests.support.server import wait_for
from transcriber.engine.window import PREFIX_S, DecodingOptions, Lane
from transcriber.live.open_piece import CAREFUL_EVERY_S
from transcriber.live.settle import HOLD_S, LONG_S

WORD_S = WORD_SAMPLES / RATE_HZ
# From a word's end until it is final where no clause ends: it is held, what is open must be long,
# and then the next careful pass comes with a chunk.
DELAY_S = HOLD_S + LONG_S + CAREFUL_EVERY_S + WORD_S + 2 * CHUNK_S
TRANSLATE = DecodingOptions("ru", task="translate")


@pytest.fixture(autouse=True)
def _loudness(monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise is no speech to a real voice activity."""
    monkeypatch.setattr("transcriber.live.intake.VoiceActivity", Loudness)


@pytest.fixture
def speech() -> Iterator[Monologue]:
    """Somebody who speaks for half a minute without any pause."""
    with monologue(sound(30.0)) as rig:
        yield rig


# -- while one speaks -----------------------------------------------------------------------------


def test_words_become_final_while_one_speaks_without_any_pause(speech: Monologue) -> None:
    for until in range(1, len(speech.chunks)):
        speech.play(until * CHUNK_S)
        last_s = speech.final[-1] * WORD_S if speech.final else 0.0
        assert until * CHUNK_S - last_s <= WORD_S + DELAY_S
    assert not speech.model.after_pauses


def test_what_was_said_last_stays_partial(speech: Monologue) -> None:
    for until in range(1, len(speech.chunks)):
        speech.play(until * CHUNK_S)
        assert all((word + 1) * WORD_S <= until * CHUNK_S - HOLD_S for word in speech.final)


def test_final_and_partial_words_together_are_what_was_said_each_once(speech: Monologue) -> None:
    for until in range(4, len(speech.chunks)):
        speech.play(until * CHUNK_S)
        words = speech.final + speech.partial
        assert words == list(range(len(words)))
        assert len(words) >= int(until * CHUNK_S / WORD_S) - 1


def test_in_the_end_every_word_is_final_once(speech: Monologue) -> None:
    speech.play()
    assert speech.final == speech.model.spoken()
    assert speech.appended() == speech.text()


def test_final_words_stand_where_they_were_spoken(speech: Monologue) -> None:
    speech.play()
    for segment in speech.session.transcript.segments:
        for word in segment.words:
            assert word.end == pytest.approx((int(word.word.strip(" w.")) + 1) * WORD_S, abs=0.006)
    borders = [time for one in speech.session.transcript.segments for time in (one.start, one.end)]
    assert borders == sorted(borders)


def test_every_second_is_final_pending_or_silence(speech: Monologue) -> None:
    speech.play()
    for reply in speech.replies.values():
        audio = reply.audio
        accounted_s = audio.final + audio.pending + audio.silence
        assert audio.received == pytest.approx(accounted_s, abs=0.002)
        assert audio.pending <= DELAY_S + WORD_S or not reply.final


def test_careful_passes_are_rare_and_quick_ones_come_between_them(speech: Monologue) -> None:
    speech.play()
    assert len(speech.model.careful) <= 30.0 / CAREFUL_EVERY_S
    assert len(speech.model.quick) > len(speech.model.careful)


def test_no_window_holds_much_more_than_what_is_open(speech: Monologue) -> None:
    speech.play()
    assert max(window.seconds for window in speech.model.windows) <= PREFIX_S + DELAY_S + 2 * WORD_S


def test_each_window_begins_with_final_audio_and_exactly_its_words(speech: Monologue) -> None:
    speech.play()
    late = [window for window in speech.model.windows if window.prefix]
    assert len(late) > len(speech.model.windows) / 2
    for window in late:
        assert len(window.prefix.split()) == round(window.prefix_s / WORD_S)
    assert all(window.prefix_s == 0 for window in speech.model.windows if not window.prefix)


# -- at a pause -----------------------------------------------------------------------------------


def test_a_sentence_that_a_pause_ends_is_final_at_once() -> None:
    with monologue(sound(2.0, 2.0)) as rig:  # its last word is w3.
        rig.play(2.5)
        assert rig.final == rig.model.spoken()
        assert not rig.partial
        assert rig.session.snapshot().audio.pending < 0.5


def test_a_short_one_waits_for_a_longer_pause_but_not_for_another_pass() -> None:
    with monologue(sound(0.5, 2.0)) as rig:  # w0.
        rig.play(1.0)
        windows = len(rig.model.windows)
        assert (rig.final, rig.partial) == ([], [0])
        rig.play(1.25)
        assert (rig.final, rig.partial) == ([0], [])
        assert len(rig.model.windows) == windows


def test_a_sentence_that_goes_on_behind_a_pause_keeps_its_last_words() -> None:
    with monologue(sound(3.0, 0.5, 3.0)) as rig:  # before the pause stands w5
        rig.play(3.5)
        assert rig.final + rig.partial == [0, 1, 2, 3, 4, 5]
        assert len(rig.partial) >= 2
        rig.play()
        assert rig.final == rig.model.spoken()


def test_what_a_careful_pass_has_heard_is_not_decoded_again_when_the_pause_is_long() -> None:
    with monologue(sound(1.0, 2.0)) as rig:  # w1 ends no sentence
        rig.play(1.5)
        windows = len(rig.model.windows)
        assert rig.partial == [0, 1]
        rig.play(2.5)
        assert rig.final == [0, 1]
        assert len(rig.model.windows) == windows


def test_nor_where_that_pass_is_still_under_way() -> None:
    with monologue(sound(1.0, 2.0)) as rig:
        rig.play(1.25)
        rig.model.hold(Lane.FINAL)
        rig.play(1.5, wait_s=0.0)
        wait_for(lambda: (rig.pool.state().busy, rig.pool.state().depth) == (1, 0), 10)
        rig.play(2.75, wait_s=0.0)
        assert rig.pool.state().depth == 0, "nobody else is asked to hear it"
        rig.model.let_go()
        rig.play()
        assert rig.final == [0, 1]
        assert not rig.model.after_pauses


def test_nor_is_what_it_left_open_decoded_again() -> None:
    with monologue(sound(4.0, 2.0)) as rig:
        rig.play(4.5)
        assert rig.final
        assert rig.partial
        rig.play()
        assert rig.final == rig.model.spoken()
        assert not rig.model.after_pauses


def test_what_no_careful_pass_has_heard_is_decoded_once() -> None:
    with monologue(sound(3.0, 2.0)) as rig:
        rig.play(2.5)
        rig.post(10, b"".join(rig.chunks[10:]), final=True)  # its end and the pause at once
        assert rig.final == rig.model.spoken()
        assert len(rig.model.after_pauses) == 1


def test_nothing_becomes_final_before_what_was_said_before_it() -> None:
    with monologue(sound(2.0, 1.2, 6.0)) as rig:
        rig.model.closed.clear()
        rig.play(2.0)
        rig.post(8, b"".join(rig.chunks[8:13]), wait_s=0.0)  # the pause at once: nobody hears it
        rig.post(9, b"".join(rig.chunks[13:]), wait_s=0.0)
        wait_for(lambda: rig.partial == rig.model.spoken(), 10)
        assert rig.model.quick[-1].seconds > 6
        assert rig.final == []
        rig.model.closed.set()
        rig.post(10, b"", final=True)
        assert rig.final == rig.model.spoken()


def test_what_a_quick_pass_has_shown_is_heard_carefully_with_the_next_speech_only() -> None:
    """What becomes final would else depend on how soon the next chunk comes."""
    with monologue(sound(2.0, 1.2, 6.0)) as rig:
        rig.model.closed.clear()
        rig.play(2.0)
        rig.post(8, b"".join(rig.chunks[8:13]), wait_s=0.0)
        rig.post(9, b"".join(rig.chunks[13:-1]), wait_s=0.0)
        wait_for(lambda: len(rig.partial) > 14, 10)
        careful = len(rig.model.careful)
        rig.model.closed.set()
        rig.wait_idle()
        assert len(rig.model.careful) == careful
        rig.post(10, rig.chunks[-1])
        assert len(rig.model.careful) == careful + 1


# -- when a pass is no good -----------------------------------------------------------------------


def test_a_careful_pass_that_fails_leaves_its_words_to_the_next(speech: Monologue) -> None:
    speech.play(5.0)
    final, speech.model.failures[Lane.FINAL] = speech.final, 1
    speech.play(5.0 + CAREFUL_EVERY_S)
    assert speech.final == final
    speech.play(5.0 + DELAY_S + CAREFUL_EVERY_S)
    assert len(speech.final) > len(final)
    speech.play()
    assert speech.final == speech.model.spoken()


def test_one_that_fails_in_the_pause_leaves_them_to_the_final_lane() -> None:
    with monologue(sound(1.0, 2.0)) as rig:
        rig.play(1.25)
        careful, rig.model.failures[Lane.FINAL] = len(rig.model.careful), 1
        rig.play()
        assert len(rig.model.careful) == careful + 1
        assert len(rig.model.after_pauses) == 1
        assert rig.final == rig.model.spoken()


def test_words_that_are_guessed_stay_partial_while_one_speaks(speech: Monologue) -> None:
    speech.model.unsure = True
    speech.play(10.0)
    assert speech.final == []
    assert len(speech.partial) >= 19
    speech.model.unsure = False
    speech.play(10.0 + DELAY_S)
    assert len(speech.final) > 18


def test_words_that_are_guessed_are_heard_again_with_the_ladder_when_a_pause_closes_them() -> None:
    with monologue(sound(1.0, 2.0)) as rig:
        rig.model.unsure = True
        rig.play()
        assert rig.final == rig.model.spoken()
        assert rig.model.careful
        assert len(rig.model.after_pauses) == 1


def test_until_the_language_is_known_nothing_is_final() -> None:
    with monologue(sound(12.0), DecodingOptions()) as rig:
        rig.model.probability = 0.3
        rig.play(8.0)
        assert rig.final == []
        rig.model.probability = 0.99
        rig.play(8.0 + DELAY_S)
        assert len(rig.final) > 12


def test_a_translation_becomes_final_only_whole() -> None:
    with monologue(sound(8.0, 2.0), TRANSLATE) as rig:
        rig.play(8.0)
        assert rig.final == []
        assert len(rig.partial) > 14
        rig.play()
        assert rig.final == rig.model.spoken()
        assert len(rig.session.transcript.segments) == 1


def test_of_a_session_that_is_gone_nothing_more_becomes_final(speech: Monologue) -> None:
    speech.play(5.0)
    speech.model.hold(Lane.FINAL)
    speech.play(5.0 + CAREFUL_EVERY_S + CHUNK_S, wait_s=0.0)
    wait_for(lambda: speech.pool.state().busy == 1, 10)
    before = speech.session.snapshot()
    speech.session.expire()
    speech.model.let_go()
    speech.wait_idle()
    after = speech.session.snapshot()
    assert replace(after, state="active", revision=0, duration_s=None) == replace(
        before, revision=0
    )
