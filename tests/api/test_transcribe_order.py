"""POST /transcribe with chunks that come again or out of order: the contract's rows of these."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.chunks import ASYNC, CHUNKS, LAST, SHORT, assert_same_words, rest_of, silence
from tests.support.contract import problem
from tests.support.live import LiveSession
from tests.support.scores import normalised
from tests.support.server import wait_for

# -- the same sequence again --------------------------------------------------------------------


def test_same_bytes_again_get_the_stored_reply(session: LiveSession) -> None:
    first = session.post(0, SHORT.data)
    session.post(1, SHORT.data)
    before = session.state()
    again = session.post(0, SHORT.data)
    assert again.status_code == first.status_code == 200
    assert again.headers["Idempotent-Replay"] == "true"
    assert "Idempotent-Replay" not in first.headers
    assert again.json() == first.json()
    assert session.state() == before, "transcribed once"


def test_the_last_chunk_again_gets_its_reply_after_the_end(session: LiveSession) -> None:
    first = session.post(0, SHORT.data, final=True)
    again = session.post(0, SHORT.data, final=True)
    assert again.headers["Idempotent-Replay"] == "true"
    assert again.json() == first.json()


def test_two_copies_in_flight_are_transcribed_once(session: LiveSession) -> None:
    with ThreadPoolExecutor(2) as pool:
        copies = [pool.submit(session.post, 0, SHORT.data) for _ in range(2)]
        replies = [copy.result() for copy in copies]
    assert [reply.status_code for reply in replies] == [200, 200]
    assert sum("Idempotent-Replay" in reply.headers for reply in replies) == 1
    assert session.state()["audio_seconds"]["received"] == pytest.approx(SHORT.duration_s, abs=0.02)


def test_a_hundred_racing_copies_are_transcribed_once(session: LiveSession) -> None:
    with ThreadPoolExecutor(100) as pool:
        copies = [pool.submit(session.post, 0, SHORT.data, final=True) for _ in range(100)]
        replies = [copy.result() for copy in copies]
    # Beyond as many as may wait, clients are told at once what is known.
    assert {reply.status_code for reply in replies} <= {200, 202}
    assert sum("Idempotent-Replay" in reply.headers for reply in replies) == 99
    state = session.wait_ended()
    assert state["audio_seconds"]["received"] == pytest.approx(SHORT.duration_s, abs=0.02)
    assert len(normalised(state["text"]).split()) == len(normalised(SHORT.text).split())


def test_other_bytes_under_a_used_sequence_are_refused(session: LiveSession) -> None:
    session.post(0, CHUNKS[0])
    before = session.state()
    problem(session.post(0, CHUNKS[1]), 422, "sequence-reused", "sequence")
    problem(session.post(0, CHUNKS[0], final=True), 422, "sequence-reused", "sequence")
    assert session.state() == before


# -- order --------------------------------------------------------------------------------------


def test_ahead_of_its_turn_is_held_and_told_once_by_the_chunk_that_closes_the_gap(
    session: LiveSession, jfk_text: str
) -> None:
    session.post(0, CHUNKS[0])
    held = [session.post(sequence, CHUNKS[sequence]) for sequence in (2, 3)]
    assert [one.status_code for one in held] == [202, 202]
    assert [one.json()["missing"] for one in held] == [[1], [1]]
    assert [one.json()["text"] for one in held] == ["", ""]
    closing = session.post(1, CHUNKS[1]).json()
    assert closing["missing"] == []
    assert closing["next_sequence"] == 4
    assert closing["audio_seconds"]["received"] == pytest.approx(8, abs=0.01)
    assert "what your country can do" in normalised(closing["text"] + closing["partial"])
    session.post(4, CHUNKS[4])
    session.post(5, CHUNKS[5], final=True)
    assert_same_words(session.text(), jfk_text)


def test_the_last_chunk_may_come_before_its_turn(session: LiveSession, jfk_text: str) -> None:
    for sequence in (0, 1, 2, 3):
        session.post(sequence, CHUNKS[sequence], headers=ASYNC)
    assert session.post(5, CHUNKS[5], final=True).status_code == 202
    assert session.post(4, CHUNKS[4]).json()["final"]
    assert_same_words(session.text(), jfk_text)


def test_three_requests_in_flight_in_any_order(session: LiveSession, jfk_text: str) -> None:
    session.post(0, CHUNKS[0])
    with ThreadPoolExecutor(3) as pool:
        in_flight = [
            pool.submit(session.post, sequence, CHUNKS[sequence], final=sequence == LAST)
            for sequence in (3, 2, 1, 5, 4)
        ]
        assert {one.result().status_code for one in in_flight} <= {200, 202}
    session.wait_ended()
    assert_same_words(session.text() + rest_of(session), jfk_text)


def test_at_most_eight_ahead_are_held(session: LiveSession) -> None:
    session.post(0, silence(0.1))
    before = session.state()
    body = problem(session.post(10, silence(0.1)), 409, "sequence-gap", "sequence")
    assert body["next_sequence"] == 1
    assert session.state() == before, "nothing was stored"
    held = session.post(9, silence(0.1))
    assert held.status_code == 202
    assert held.json()["missing"] == list(range(1, 9))


def test_a_gap_that_stays_open_becomes_visible_and_the_session_goes_on(small: LiveSession) -> None:
    small.post(0, CHUNKS[0])
    assert small.post(2, CHUNKS[2]).json()["missing"] == [1]
    wait_for(lambda: small.state()["next_sequence"] == 3, 20)
    problem(small.post(1, CHUNKS[1]), 409, "sequence-given-up", "sequence")
    small.post(3, CHUNKS[3], final=True)
    segments = small.wait_ended()["segments"]
    gaps = [segment for segment in segments if segment.get("gap")]
    assert [gap["text"] for gap in gaps] == ["[…]"]
    assert gaps[0]["start"] == pytest.approx(2, abs=0.1)
    assert gaps[0]["end"] == pytest.approx(4, abs=0.1)
    assert normalised(segments[0]["text"]).startswith("and so")
    assert segments[-1]["start"] >= gaps[0]["end"], "there is text on both sides"
    assert small.text() == small.state()["text"]
