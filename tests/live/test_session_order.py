"""Chunks that come again, or out of their turn: the same words as in order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.support.rig import CHUNKS, LAST, Rig
from tests.support.server import wait_for
from transcriber.live.errors import SequenceGap, SequenceReused

# -- repetitions --------------------------------------------------------------------------------


def test_the_same_chunk_again_gets_the_same_reply(rig: Rig) -> None:
    rig.post_range(0, 10)
    first, windows = rig.replies[7], len(rig.model.windows)
    assert rig.post(7) is first
    assert rig.repeated
    assert len(rig.model.windows) == windows


def test_other_bytes_under_the_same_sequence_are_refused(rig: Rig) -> None:
    rig.post(0)
    with pytest.raises(SequenceReused):
        rig.post(0, CHUNKS[1])
    with pytest.raises(SequenceReused):
        rig.post(0, final=True)


def test_a_repetition_may_wait_for_a_reply_that_is_on_its_way(rig: Rig) -> None:
    rig.post_range(0, 4)
    rig.model.hold()
    with ThreadPoolExecutor(2) as threads:
        both = [threads.submit(rig.post, 4) for _ in range(2)]
        wait_for(lambda: rig.pool.state().busy, 5)
        rig.model.let_go()
        assert both[0].result() is both[1].result()


def test_the_last_chunk_may_be_repeated_after_the_end(rig: Rig) -> None:
    rig.post_all()
    assert rig.post(LAST, final=True) is rig.replies[LAST]


# -- order --------------------------------------------------------------------------------------


def test_a_chunk_ahead_of_its_turn_is_held_and_tells_what_is_missing(rig: Rig) -> None:
    rig.post(0)
    reply = rig.post(3)
    assert not reply.complete
    assert reply.missing == (1, 2)
    assert reply.next_sequence == 1
    assert reply.audio.received == 0.5


def test_the_chunk_that_closes_a_gap_brings_in_those_that_were_held(rig: Rig) -> None:
    for sequence in (0, 2, 3, 1):
        rig.post(sequence)
    assert rig.replies[1].complete
    assert rig.replies[1].next_sequence == 4
    assert rig.replies[1].audio.received == 2.0


def test_a_chunk_too_far_ahead_is_refused_with_the_next_sequence(rig: Rig) -> None:
    rig.post(0)
    with pytest.raises(SequenceGap) as refused:
        rig.post(10)
    assert refused.value.next_sequence == 1


def test_three_requests_in_flight_give_the_same_transcript(rig: Rig, clean: list[int]) -> None:
    random = np.random.default_rng(0)
    for first in range(0, len(CHUNKS), 3):
        group = random.permutation(range(first, min(first + 3, len(CHUNKS))))
        with ThreadPoolExecutor(3) as threads:
            for sent in [threads.submit(rig.post, int(n), None, n == LAST) for n in group]:
                sent.result()
    wait_for(lambda: rig.session.state == "ended", 10)
    rig.post(LAST, final=True)
    assert rig.words() == clean


@pytest.mark.parametrize("seed", range(20))
def test_a_bad_network_changes_nothing(seed: int, rig: Rig, clean: list[int]) -> None:
    """Chunks come up to three places early or late, some twice; some replies are lost."""
    random = np.random.default_rng(seed)
    order = np.argsort(np.arange(len(CHUNKS)) + random.uniform(0, 3, len(CHUNKS)))
    sent: list[int] = []
    for sequence in order.tolist():
        again = [n for n in sent if random.random() < 0.1][-2:]
        for number in [sequence, *again]:
            wait_s = float(random.choice([0.0, 10.0]))
            reply = rig.post(number, final=number == LAST, wait_s=wait_s)
            audio = reply.audio
            accounted_s = audio.final + audio.pending + audio.silence
            assert audio.received == pytest.approx(accounted_s, abs=0.002)
        sent.append(sequence)
    wait_for(lambda: rig.session.state == "ended", 10)
    assert rig.words() == clean
    told = rig.appended_words()
    assert told == clean[: len(told)]
