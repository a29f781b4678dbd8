"""Where sessions live: opened up to a limit, found by either id, forgotten after a while."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from config.settings import Settings
from tests.support.engine import Clock, FakeModel, pcm_chunks, pool_of, talk
from tests.support.recordings import RATE_HZ
from tests.support.server import wait_for
from transcriber.audio.pcm import PcmFormat
from transcriber.engine.window import DecodingOptions
from transcriber.live.chunk import Chunk
from transcriber.live.errors import NotLive, SessionExpired, TooManySessions, UnknownSession
from transcriber.live.intake import AudioSeconds, ChunkPart
from transcriber.live.readable import log_name
from transcriber.live.session import Session
from transcriber.live.store import SessionStore
from transcriber.live.upload import Upload

TALK = talk(4.0)
OPTIONS = DecodingOptions()
SETTINGS = Settings(session_ttl_s=10.0, keep_transcripts_s=100.0, gap_timeout_s=5.0)


@dataclass
class Shop:
    """A store of at most two active sessions."""

    store: SessionStore
    clock: Clock

    def open(self, session_id: str) -> Session:
        return self.store.open(session_id, OPTIONS)[0]

    def say(self, session_id: str, sequence: int = 0, final: bool = False) -> None:
        data = pcm_chunks(TALK, 2.0)[sequence % 2]
        part = ChunkPart(data, PcmFormat(RATE_HZ, order="little"))
        self.store.live(session_id).post(Chunk(sequence, [part], final, self.clock()), 10.0)

    def state(self, session_id: str) -> str:
        return self.store.get(session_id).state


@pytest.fixture
def shop() -> Iterator[Shop]:
    """A store with its keeper at work."""
    clock, model = Clock(), FakeModel(TALK)
    with pool_of(model) as pool:
        store = SessionStore(SETTINGS, pool.submit, lambda: 2, clock)
        store.start()
        yield Shop(store, clock)
        store.stop()


def test_an_id_opens_a_session_once(shop: Shop) -> None:
    session, new = shop.store.open("one", OPTIONS)
    assert new
    assert shop.store.open("one", OPTIONS) == (session, False)
    assert shop.store.get("one") is session


def test_an_id_that_was_never_opened_is_unknown(shop: Shop) -> None:
    with pytest.raises(UnknownSession):
        shop.store.get("nobody")


def test_no_more_sessions_than_the_limit_are_active(shop: Shop) -> None:
    shop.open("one")
    shop.open("two")
    with pytest.raises(TooManySessions):
        shop.open("three")
    assert shop.open("one").state == "active"
    assert (shop.store.state().active, shop.store.state().limit) == (2, 2)


def test_an_ended_session_makes_room_and_stays_readable(shop: Shop) -> None:
    shop.open("one")
    shop.open("two")
    shop.say("one", final=True)
    shop.open("three")
    assert "w0" in shop.store.get("one").transcript.text()


def test_a_watch_id_leads_to_its_session_and_is_not_its_key(shop: Shop) -> None:
    session = shop.open("one")
    assert shop.store.watched(session.watch_id) is session
    for wrong in ("one", "nobody"):
        with pytest.raises(UnknownSession):
            shop.store.watched(wrong)
    with pytest.raises(UnknownSession):
        shop.store.get(session.watch_id)


def test_a_deleted_session_is_gone_with_its_watch_id(shop: Shop) -> None:
    session = shop.open("one")
    shop.store.delete("one")
    assert session.state == "expired"
    with pytest.raises(UnknownSession):
        shop.store.get("one")
    with pytest.raises(UnknownSession):
        shop.store.watched(session.watch_id)
    with pytest.raises(UnknownSession):
        shop.store.delete("one")


def test_a_session_left_alone_expires_with_its_words_final(shop: Shop) -> None:
    shop.open("one")
    shop.say("one")
    shop.clock.advance(SETTINGS.session_ttl_s + 1)
    wait_for(lambda: shop.state("one") == "expired", 10)
    assert "w0" in shop.store.get("one").transcript.text()


def test_a_gap_is_given_up_without_anybody_asking(shop: Shop) -> None:
    shop.open("one")
    shop.say("one", 1)
    shop.clock.advance(SETTINGS.gap_timeout_s)
    wait_for(lambda: shop.store.get("one").snapshot().next_sequence == 2, 10)


def test_a_transcript_is_forgotten_in_the_end_and_the_id_says_so(shop: Shop) -> None:
    session = shop.open("one")
    shop.say("one", final=True)
    shop.clock.advance(SETTINGS.session_ttl_s + SETTINGS.keep_transcripts_s + 1)
    wait_for(lambda: not shop.store._kept, 10)
    with pytest.raises(SessionExpired):
        shop.store.get("one")
    with pytest.raises(SessionExpired):
        shop.open("one")
    with pytest.raises(UnknownSession):
        shop.store.watched(session.watch_id)


def test_an_upload_takes_a_place_and_no_chunks(shop: Shop) -> None:
    shop.open("one")
    upload = Upload(OPTIONS, lambda lane, source: None)
    shop.store.add(upload)
    assert shop.store.get(upload.id) is shop.store.watched(upload.watch_id) is upload
    with pytest.raises(TooManySessions):
        shop.store.add(Upload(OPTIONS, lambda lane, source: None))
    for ask in (shop.open, shop.store.live):
        with pytest.raises(NotLive):
            ask(upload.id)


def test_an_upload_is_forgotten_like_a_session(shop: Shop) -> None:
    upload = Upload(OPTIONS, lambda lane, source: None, shop.clock)
    shop.store.add(upload)
    shop.clock.advance(SETTINGS.session_ttl_s + SETTINGS.keep_transcripts_s + 1)
    shop.store.release_readers()  # as if it had failed
    assert shop.store.get(upload.id) is upload
    shop.clock.advance(SETTINGS.session_ttl_s + SETTINGS.keep_transcripts_s + 1)
    wait_for(lambda: not shop.store._kept, 10)
    with pytest.raises(SessionExpired):
        shop.store.get(upload.id)


def test_a_session_whose_upkeep_fails_does_not_stop_that_of_others(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(shop.open("bad"), "tick", lambda: 1 // 0)
    shop.open("good")
    shop.say("good")
    shop.clock.advance(SETTINGS.session_ttl_s + 1)
    wait_for(lambda: shop.state("good") == "expired", 10)
    failed = {record.__dict__["session"] for record in caplog.records if record.exc_info}
    assert failed == {log_name("bad")}


def test_stopping_ends_the_keeper(shop: Shop) -> None:
    shop.store.stop()
    assert "session-keeper" not in {thread.name for thread in threading.enumerate()}


# -- what became of them ------------------------------------------------------------------------


def test_sessions_are_counted_by_what_became_of_them(shop: Shop) -> None:
    shop.open("one")
    shop.say("one", final=True)
    shop.open("two")
    shop.say("two")
    shop.store.delete("two")
    shop.open("three")
    totals = shop.store.totals()
    assert totals.started == {"session": 3}
    assert totals.finished == {("session", "ended"): 1, ("session", "deleted"): 1}
    shop.store.delete("one")
    assert shop.store.totals().finished == totals.finished, "it had ended before"
    shop.clock.advance(11)
    wait_for(lambda: shop.state("three") == "expired", 10)
    assert shop.store.totals().finished == {**totals.finished, ("session", "expired"): 1}


def test_the_audio_of_sessions_that_are_gone_stays_counted(shop: Shop) -> None:
    shop.open("one")
    shop.say("one", final=True)
    shop.open("two")
    shop.say("two")
    before = shop.store.totals()
    assert before.audio.received == pytest.approx(4.0)
    for name in ("one", "two"):
        shop.store.delete(name)
    after = shop.store.totals()
    assert after.audio.received == before.audio.received
    assert (after.audio.final, after.audio.silence) == (before.audio.final, before.audio.silence)
    assert after.audio.pending == 0
    assert after.dropped_s == pytest.approx(before.audio.pending)
    assert before.audio.pending > 0, "or this tells nothing"


def test_a_recording_that_was_never_kept_is_counted_all_the_same(shop: Shop) -> None:
    shop.store.note_recording(AudioSeconds(received=5.0, final=4.0, silence=1.0), "ended")
    totals = shop.store.totals()
    assert (totals.started, totals.finished) == ({"upload": 1}, {("upload", "ended"): 1})
    assert totals.audio == AudioSeconds(received=5.0, final=4.0, silence=1.0)
