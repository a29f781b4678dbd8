"""Uploads in the background: read while they grow, stopped, failed, and forgotten."""

from __future__ import annotations

import io
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from config import logs
from tests.support.engine import Clock, FakeModel, pool_of, talk
from tests.support.recordings import encode
from tests.support.server import wait_for
from transcriber.audio.decode import Part
from transcriber.audio.errors import NotAudio, TooLong
from transcriber.engine.pool import WorkerPool
from transcriber.engine.window import Decoded, DecodingOptions, Lane, Listener, Window
from transcriber.live import recording as blocks
from transcriber.live.errors import ServiceStopping
from transcriber.live.upload import Upload

TALK = talk()
WAIT_S = 20.0


class Stepper(FakeModel):
    """In the file lane tells one sentence each time that it is let on."""

    def __init__(self) -> None:
        super().__init__(TALK)
        self._steps = threading.Semaphore(0)
        self.told = 0

    def decode(self, window: Window, listener: Listener = lambda heard: True) -> Decoded:
        def one_at_a_time(heard: Decoded) -> bool:
            wanted = listener(heard)
            self.told += 1
            assert self._steps.acquire(timeout=WAIT_S)
            return wanted

        return super().decode(window, one_at_a_time)

    def step(self, sentences: int = 1) -> None:
        self._steps.release(sentences)


@dataclass
class Desk:
    """Takes uploads; `done` counts those whose thread has ended."""

    pool: WorkerPool
    clock: Clock = field(default_factory=Clock)
    done: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def take(self, data: bytes | None = None, max_s: float = 1000.0) -> Upload:
        upload = Upload(DecodingOptions(word_timestamps=False), self.pool.submit, self.clock)
        with tempfile.TemporaryFile() as file:  # which is gone before the work begins
            file.write(encode(TALK) if data is None else data)
            file.seek(0)
            upload.take([Part(file)], max_s)
        upload.start(self.done.release)
        return upload

    def wait_ended(self, upload: Upload) -> None:
        assert upload.wait_done(WAIT_S)
        assert self.done.acquire(timeout=WAIT_S)


@pytest.fixture
def stepper() -> Iterator[Stepper]:
    """A model that stops after every sentence."""
    model = Stepper()
    yield model
    model.step(1000)


@pytest.fixture
def desk_of(stepper: Stepper) -> Iterator[Callable[[FakeModel], Desk]]:
    """Make a desk for a model."""
    pools = []

    def make(model: FakeModel) -> Desk:
        manager = pool_of(model)
        pools.append(manager)
        return Desk(manager.__enter__())

    yield make
    stepper.step(1000)
    for manager in pools:
        manager.__exit__(None, None, None)


@pytest.fixture
def desk(desk_of: Callable[[FakeModel], Desk]) -> Desk:
    """A desk whose model answers at once."""
    return desk_of(FakeModel(TALK))


@pytest.fixture
def slow_desk(desk_of: Callable[[FakeModel], Desk], stepper: Stepper) -> Desk:
    """A desk whose model is `stepper`."""
    return desk_of(stepper)


def test_an_upload_ends_with_every_word_and_second(desk: Desk) -> None:
    upload = desk.take()
    desk.wait_ended(upload)
    snapshot = upload.snapshot()
    assert snapshot.state == "ended"
    words = "".join(segment.text for segment in snapshot.segments).split()
    assert [int(word.strip("w.")) for word in words] == list(range(28))
    assert snapshot.duration_s == snapshot.audio.received == len(TALK) / 16_000
    assert snapshot.audio.received == pytest.approx(snapshot.audio.final + snapshot.audio.silence)
    assert snapshot.audio.pending == 0
    assert snapshot.settled.seconds == snapshot.duration_s
    assert snapshot.settled.segments == snapshot.segment_count


def test_words_and_seconds_come_while_a_block_is_being_decoded(
    slow_desk: Desk, stepper: Stepper
) -> None:
    upload = slow_desk.take()
    seen = []
    for number in range(1, 4):
        upload.wait_change(None, number - 2, WAIT_S)
        seen.append(upload.snapshot())
        stepper.step()
    assert [one.segment_count for one in seen] == [1, 2, 3]
    assert [one.state for one in seen] == ["active"] * 3
    settled_s = [one.settled.seconds for one in seen]
    assert settled_s == sorted(set(settled_s))
    assert settled_s[0] > 0
    for one in seen:
        audio = one.audio
        assert audio.final + audio.silence == pytest.approx(one.settled.seconds, abs=0.01)
        assert audio.received == pytest.approx(audio.final + audio.silence + audio.pending)
        assert one.duration_s == audio.received
        assert one.language == "en"
    revisions = [one.revision for one in seen]
    assert revisions == sorted(set(revisions))


def test_a_reader_asks_for_the_segments_after_one(desk: Desk) -> None:
    upload = desk.take()
    desk.wait_ended(upload)
    whole = upload.snapshot()
    assert upload.snapshot(after=2).segments == whole.segments[3:]


def test_who_stops_it_ends_the_pass_with_its_next_words(slow_desk: Desk, stepper: Stepper) -> None:
    upload = slow_desk.take()
    upload.wait_change(None, -1, WAIT_S)
    upload.expire()
    assert slow_desk.done.acquire(timeout=WAIT_S), "its thread does not wait for the model"
    stepper.step(1000)
    assert slow_desk.pool.wait_idle(WAIT_S)
    assert stepper.told <= 2
    assert upload.state == "expired"
    assert upload.snapshot().segment_count == 1


def test_who_stops_it_while_it_waits_for_its_turn_saves_the_pass(
    desk_of: Callable[[FakeModel], Desk],
) -> None:
    model = FakeModel(TALK)
    desk = desk_of(model)
    model.hold(Lane.FILE)
    others = [desk.take() for _ in range(3)]  # the file lane has two places of the three
    wait_for(lambda: desk.pool.state().busy == 2, WAIT_S)
    for upload in others:
        upload.expire()
    model.let_go()
    assert desk.pool.wait_idle(WAIT_S)
    assert len(model.windows) <= 2


def test_it_stops_before_its_next_block(
    slow_desk: Desk, stepper: Stepper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_S", 3.0)
    monkeypatch.setattr(blocks, "MAX_BLOCK_S", 5.0)
    upload = slow_desk.take()
    upload.wait_change(None, -1, WAIT_S)
    upload.expire()
    stepper.step(1000)
    assert slow_desk.done.acquire(timeout=WAIT_S)
    assert slow_desk.pool.wait_idle(WAIT_S)
    assert len(stepper.windows) == 1


def test_it_fails_with_its_model_and_keeps_what_was_heard(
    desk_of: Callable[[FakeModel], Desk], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.handler.addFilter(logs.About())
    model = FakeModel(TALK)
    model.failures[Lane.FILE] = 1
    desk = desk_of(model)
    upload = desk.take()
    desk.wait_ended(upload)
    assert upload.state == "failed"
    assert isinstance(upload.snapshot().error, RuntimeError)
    whose = [record.__dict__["session"] for record in caplog.records]
    assert whose == 2 * [upload.log_name], "the model's trouble, and the upload's"
    assert upload.id not in caplog.text


def test_it_fails_when_it_turns_out_too_long(desk: Desk) -> None:
    upload = desk.take(max_s=5.0)
    assert upload.snapshot().duration_s is None, "no header is believed beyond the limit"
    desk.wait_ended(upload)
    assert isinstance(upload.error, TooLong)


def test_what_is_no_audio_is_refused_before_it_begins(desk: Desk) -> None:
    with pytest.raises(NotAudio):
        desk.take(b"Dear sir or madam, " * 100)


def test_when_the_service_stops_readers_are_told_that_it_failed(
    slow_desk: Desk, stepper: Stepper
) -> None:
    upload = slow_desk.take()
    upload.wait_change(None, -1, WAIT_S)
    upload.release_readers()
    assert upload.state == "failed"
    assert isinstance(upload.error, ServiceStopping)
    assert slow_desk.done.acquire(timeout=WAIT_S)
    assert upload.state == "failed"


def test_what_has_ended_stays_as_it_is_when_the_service_stops(desk: Desk) -> None:
    upload = desk.take()
    desk.wait_ended(upload)
    upload.release_readers()
    assert (upload.state, upload.error) == ("ended", None)


def test_it_is_idle_from_its_end_on(slow_desk: Desk, stepper: Stepper) -> None:
    upload = slow_desk.take()
    slow_desk.clock.advance(1000.0)
    stepper.step(1000)
    slow_desk.wait_ended(upload)
    slow_desk.clock.advance(7.0)
    assert upload.idle_s() == 7.0


def test_no_two_have_the_same_id_and_the_watch_id_is_not_the_key() -> None:
    uploads = [Upload(DecodingOptions(), lambda lane, source: None) for _ in range(3)]
    ids = {upload.id for upload in uploads} | {upload.watch_id for upload in uploads}
    assert len(ids) == 6
    assert all(len(one) == 32 for one in ids)


def test_an_empty_file_is_no_audio() -> None:
    upload = Upload(DecodingOptions(), lambda lane, source: None)
    with pytest.raises(NotAudio):
        upload.take([Part(io.BytesIO())], 10.0)
