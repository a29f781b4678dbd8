"""Whose the sessions are: how many each may have at once, and who is charged with their audio."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from config.settings import Settings
from tests.support.engine import Clock, FakeModel, pcm_chunks, pool_of, talk
from tests.support.recordings import RATE_HZ
from tests.support.server import wait_for
from transcriber.audio.pcm import PcmFormat
from transcriber.engine.window import DecodingOptions
from transcriber.live.chunk import Chunk
from transcriber.live.errors import TooManyOfOwner
from transcriber.live.intake import ChunkPart
from transcriber.live.owners import Owner
from transcriber.live.session import Session
from transcriber.live.store import SessionStore

TALK = talk(4.0)
OPTIONS = DecodingOptions()
KEY, ADDRESS, OTHER = Owner("key", "alice", 2), Owner("address", "::1"), Owner("key", "bob", 2)


@dataclass
class Shop:
    """A store whose sessions have owners."""

    store: SessionStore
    clock: Clock
    charged_s: dict[Owner, float] = field(default_factory=lambda: defaultdict(float))

    def open(self, session_id: str, owner: Owner = KEY) -> Session:
        return self.store.open(session_id, OPTIONS, (ADDRESS, owner))[0]

    def say(self, session: Session, final: bool = False, sequence: int = 0) -> None:
        part = ChunkPart(pcm_chunks(TALK, 2.0)[0], PcmFormat(RATE_HZ, order="little"))
        session.post(Chunk(sequence, [part], final, self.clock()), 10.0)

    def charge(self, owner: Owner, seconds: float) -> None:
        self.charged_s[owner] += seconds


@pytest.fixture
def shop() -> Iterator[Shop]:
    """A shop with its keeper at work."""
    clock = Clock()
    with pool_of(FakeModel(TALK)) as pool:
        settings = Settings(session_ttl_s=10.0)
        shop = Shop(SessionStore(settings, pool.submit, lambda: 10, clock), clock)
        shop.store.owners.charge = shop.charge
        shop.store.start()
        yield shop
        shop.store.stop()


def test_an_owner_may_have_so_many_at_once_and_others_their_own(shop: Shop) -> None:
    shop.open("one")
    shop.open("two")
    with pytest.raises(TooManyOfOwner) as refused:
        shop.open("three")
    assert (refused.value.kind, refused.value.limit) == ("key", 2)
    shop.open("three", OTHER)


def test_a_session_that_goes_on_is_not_one_more(shop: Shop) -> None:
    shop.open("one")
    shop.open("two")
    assert not shop.store.open("two", OPTIONS, (ADDRESS, KEY))[1]


def test_one_that_ended_or_was_deleted_or_expired_makes_room(shop: Shop) -> None:
    shop.say(shop.open("ended"), final=True)
    shop.open("deleted")
    shop.store.delete("deleted")
    shop.open("left")
    shop.clock.advance(11)
    wait_for(lambda: shop.store.get("left").state == "expired", 10)
    shop.open("one")
    shop.open("two")


def test_a_recording_that_is_waited_for_counts_until_it_is_done(shop: Shop) -> None:
    shop.open("one")
    with shop.store.owners.recording("a-recording", (KEY,)) as charge:
        with pytest.raises(TooManyOfOwner):
            shop.open("two")
        charge(3.0)
    shop.open("two")
    with pytest.raises(TooManyOfOwner), shop.store.owners.recording("another", (KEY,)):
        pytest.fail("it was let in")
    assert shop.charged_s == {KEY: 3.0}


def test_all_owners_are_charged_with_the_audio_once(shop: Shop) -> None:
    session = shop.open("one")
    shop.say(session)
    wait_for(lambda: shop.charged_s == {ADDRESS: 2.0, KEY: 2.0}, 10)
    shop.store.delete("one")
    assert shop.charged_s == {ADDRESS: 2.0, KEY: 2.0}


def test_what_is_deleted_at_once_is_charged_as_well(shop: Shop) -> None:
    shop.say(shop.open("one"))
    shop.store.delete("one")
    assert shop.charged_s[KEY] == 2.0


def test_nobody_is_charged_for_sessions_without_owners(shop: Shop) -> None:
    session, _ = shop.store.open("one", OPTIONS)
    shop.say(session)
    shop.store.delete("one")
    assert not shop.charged_s


def test_whoever_sends_to_a_session_of_others_is_charged_from_there_on(shop: Shop) -> None:
    session = shop.open("one")
    shop.say(session)
    shop.store.owners.join(session, (OTHER,))
    shop.say(session, sequence=1)
    shop.store.delete("one")
    assert shop.charged_s == {ADDRESS: 4.0, KEY: 4.0, OTHER: 2.0}


def test_what_is_on_its_way_is_expected_until_it_is_there(shop: Shop) -> None:
    owners = shop.store.owners
    with owners.sending((KEY, ADDRESS), 5.0), owners.sending((KEY,), 3.0):
        assert (owners.expected_s(KEY), owners.expected_s(ADDRESS)) == (8.0, 5.0)
        assert owners.expected_s(OTHER) == 0
    assert owners.expected_s(KEY) == owners.expected_s(ADDRESS) == 0
