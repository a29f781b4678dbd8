"""A session goes on after a crash: every word once, whatever moment the process ended at."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.support.machine import SESSION_ID, Machine
from tests.support.rig import CHUNKS, LAST, SETTINGS, SPOKEN
from transcriber.audio.errors import NotAudio, Undecodable
from transcriber.engine.window import DecodingOptions, Lane
from transcriber.live.chunk import Chunk
from transcriber.live.errors import SequenceGivenUp, SequenceReused, SessionEnded, UnknownSession
from transcriber.live.intake import ChunkPart


@pytest.mark.parametrize("count", range(1, LAST + 1))
def test_after_a_crash_between_two_chunks_every_word_is_told_once(
    count: int, machine: Machine
) -> None:
    machine.open().post_range(0, count)
    machine.crash()
    rig = machine.rig()
    rig.post_range(count, len(CHUNKS))
    assert rig.appended() == rig.text()
    assert rig.words() == sorted(SPOKEN)


def test_a_crash_after_every_chunk_loses_and_doubles_nothing(machine: Machine) -> None:
    machine.open()
    for sequence in range(len(CHUNKS)):
        machine.rig().post(sequence, final=sequence == LAST) if sequence else machine.open().post(0)
        machine.crash()
    rig = machine.rig()
    assert rig.appended() == rig.text()
    assert rig.words() == sorted(SPOKEN)


@pytest.mark.parametrize("count", [3, 11, 20, LAST])
def test_a_chunk_whose_reply_was_lost_in_the_crash_is_answered_when_it_comes_again(
    count: int, machine: Machine
) -> None:
    rig = machine.open()
    rig.post_range(0, count)
    machine.model.hold()
    rig.post(count, final=count == LAST, wait_s=0.0)
    del machine.replies[count]
    machine.crash()
    rig = machine.rig()
    rig.post(count, final=count == LAST)
    assert rig.repeated
    rig.post_range(count + 1, len(CHUNKS))
    assert rig.appended_words() == rig.words() == sorted(SPOKEN)


def test_final_text_and_its_ids_are_the_same_after_a_crash(machine: Machine) -> None:
    rig = machine.open()
    rig.post_range(0, 20)
    before = list(rig.session.transcript.segments)
    assert before
    machine.crash()
    rig = machine.rig()
    assert rig.session.transcript.segments[: len(before)] == before
    rig.post_range(20, len(CHUNKS))
    assert rig.session.transcript.segments[: len(before)] == before
    assert [one.id for one in rig.session.transcript.segments] == list(
        range(len(rig.session.transcript.segments))
    )


def test_what_was_not_final_becomes_so_though_no_chunk_comes(machine: Machine) -> None:
    rig = machine.open()
    machine.model.hold(Lane.FINAL)
    rig.post_range(0, 18, wait_s=0.0)
    known = len(rig.words())
    machine.crash()
    machine.store.bring_back()
    machine.pool.wait_idle(10)
    assert len(machine.rig().words()) > known


def test_seconds_are_accounted_for_as_before(machine: Machine) -> None:
    rig = machine.open()
    rig.post_range(0, 20)
    machine.pool.wait_idle(10)
    before = rig.session.snapshot().audio
    machine.crash()
    rig = machine.rig()
    machine.pool.wait_idle(10)
    after = rig.session.snapshot().audio
    assert after.received == before.received == pytest.approx(10.0)
    assert after.final >= before.final
    rig.post_range(20, len(CHUNKS))
    audio = rig.replies[LAST].audio
    assert audio.pending == 0
    assert audio.received == pytest.approx(audio.final + audio.silence)


def test_the_revision_never_comes_to_mean_something_else(machine: Machine) -> None:
    rig = machine.open()
    rig.post_range(0, 9)
    before = rig.session.snapshot().revision
    for _ in range(3):  # with nothing but partial text in between
        machine.crash()
        rig = machine.rig()
        after = rig.session.snapshot().revision
        assert after > before + 1000
        before = after


def test_a_repeated_chunk_gets_the_reply_that_it_got(machine: Machine) -> None:
    rig = machine.open()
    rig.post_range(0, 12)
    told = dict(rig.replies)
    machine.crash()
    rig = machine.rig()
    for sequence in range(12):
        assert rig.post(sequence) == told[sequence]
        assert rig.repeated


def test_other_bytes_under_a_known_sequence_are_refused(machine: Machine) -> None:
    machine.open().post_range(0, 3)
    machine.crash()
    with pytest.raises(SequenceReused):
        machine.rig().post(2, CHUNKS[7])


def test_a_chunk_that_was_held_is_there_when_the_gap_closes(machine: Machine) -> None:
    rig = machine.open()
    rig.post_range(0, 4)
    assert not rig.post(5, wait_s=0.0).complete
    machine.crash()
    rig = machine.rig()
    assert rig.session.snapshot().missing == (4,)
    rig.post(4)
    rig.post_range(6, len(CHUNKS))
    assert rig.appended_words() == rig.words() == sorted(SPOKEN)


def test_a_gap_that_was_given_up_stays_where_it_was(machine: Machine) -> None:
    rig = machine.open()
    rig.post_range(0, 4)
    rig.post(6, wait_s=0.0)
    machine.clock.advance(SETTINGS.gap_timeout_s + 1)
    rig.session.tick()
    rig.post_range(7, 16)
    machine.crash()
    rig = machine.rig()
    with pytest.raises(SequenceGivenUp):
        rig.post(4)
    rig.post_range(16, len(CHUNKS))
    assert [one.gap for one in rig.session.transcript.segments].count(True) == 1
    assert rig.session.snapshot().audio.lost == pytest.approx(1.0)
    lost = {4, 5}  # of two words a second
    assert set(rig.words()) >= set(SPOKEN) - lost
    assert rig.words() == sorted(set(rig.words()))


def test_a_chunk_that_was_no_audio_may_still_come_as_audio(machine: Machine) -> None:
    rig = machine.open()
    rig.post_range(0, 3)
    with pytest.raises(NotAudio):
        rig.session.post(_no_audio(3, machine.clock), 1.0)
    machine.crash()
    rig = machine.rig()
    assert rig.session.snapshot().next_sequence == 3
    rig.post_range(3, len(CHUNKS))
    assert rig.appended_words() == rig.words() == sorted(SPOKEN)


def test_a_chunk_that_could_not_be_decoded_is_refused_again(machine: Machine) -> None:
    rig = machine.open()
    rig.post_range(0, 3)
    broken = _broken_flac(3, machine.clock)
    with pytest.raises(Undecodable) as before:
        rig.session.post(broken, 1.0)
    machine.crash()
    rig = machine.rig()
    with pytest.raises(Undecodable, match=_literally(str(before.value))):
        rig.session.post(broken, 1.0)
    assert rig.session.snapshot().next_sequence == 4


def test_a_session_that_ended_is_there_to_be_read(machine: Machine) -> None:
    rig = machine.open()
    rig.post_all()
    before = rig.session.snapshot()
    machine.crash()
    rig = machine.rig()
    after = rig.session.snapshot()
    assert (after.state, after.segments, after.audio) == ("ended", before.segments, before.audio)
    assert (after.duration_s, after.language) == (before.duration_s, before.language)
    assert after.settled.segments == before.settled.segments
    assert rig.post(LAST, final=True).final
    assert rig.repeated
    with pytest.raises(SessionEnded):
        rig.post(LAST + 1, CHUNKS[0])


def test_a_watch_id_reads_the_session_still(machine: Machine) -> None:
    rig = machine.open()
    rig.post_range(0, 5)
    watch_id = rig.session.watch_id
    machine.crash()
    assert machine.store.watched(watch_id).id == SESSION_ID
    with pytest.raises(UnknownSession):
        machine.store.watched("no-such-watch-id")


def test_the_options_of_the_first_chunk_hold_still(machine: Machine) -> None:
    options = DecodingOptions(language="de", prompt="Ein Anfang.", hotwords="Grüße")
    machine.open(options).post_range(0, 5)
    machine.crash()
    rig = machine.rig()
    assert rig.session.options == options
    rig.post(5)
    assert machine.model.windows[-1].language == "de"


def test_the_language_that_was_found_is_not_looked_for_again(machine: Machine) -> None:
    machine.model.language = "fr"
    machine.open().post_range(0, 14)
    machine.crash()
    rig = machine.rig()
    assert rig.session.snapshot().language == "fr"
    rig.post_range(14, 18)
    assert {window.language for window in machine.model.windows} == {"fr"}


def test_what_is_final_already_is_not_decoded_again(machine: Machine) -> None:
    machine.open().post_range(0, 24)
    machine.crash()
    machine.rig()
    machine.pool.wait_idle(10)
    decoded_s = sum(one.seconds - one.prefix_s for one in machine.model.windows)
    assert decoded_s < 6


def _no_audio(sequence: int, clock: Callable[[], float]) -> Chunk:
    return Chunk(sequence, [ChunkPart(b"This is no audio at all.")], False, clock())


def _broken_flac(sequence: int, clock: Callable[[], float]) -> Chunk:
    return Chunk(sequence, [ChunkPart(b"fLaC" + bytes(60))], False, clock())


def _literally(text: str) -> str:
    return re.escape(text)
