"""The service as a whole: uploads in the background, and what becomes of them in the end."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator

import pytest

from config.settings import SettingError, Settings
from tests.support.engine import FakeModel, pool_of, talk
from tests.support.recordings import encode
from tests.support.server import wait_for
from transcriber.audio.decode import Part
from transcriber.audio.errors import NotAudio
from transcriber.engine.window import DecodingOptions, Lane
from transcriber.live.errors import ServiceStopping, TooManySessions
from transcriber.live.upload import Upload
from transcriber.service import Service

TALK = talk(6.0)
OPTIONS = DecodingOptions()
WAIT_S = 20.0


@pytest.fixture
def model() -> FakeModel:
    """The model behind the service."""
    return FakeModel(TALK)


@pytest.fixture
def service(model: FakeModel) -> Iterator[Service]:
    """A service with two places."""
    one = Service(Settings(max_sessions=2, data_dir=""))
    one.engine.pool.stop()
    with pool_of(model) as pool:
        one.engine.pool = pool
        yield one
        model.let_go()
        one.stop()


def take(service: Service, data: bytes | None = None) -> Upload:
    """Hand in a recording."""
    return service.upload([Part(io.BytesIO(encode(TALK) if data is None else data))], OPTIONS)


def upload_threads() -> list[str]:
    """Return the names of the threads that are at an upload."""
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith("upload-")]


def test_draining_waits_for_an_upload(service: Service, model: FakeModel) -> None:
    model.hold(Lane.FILE)
    upload = take(service)
    threading.Timer(0.1, model.let_go).start()
    assert service.drain(WAIT_S)
    assert upload.state == "ended"
    assert upload.transcript.text().startswith("w0. w1")


def test_draining_gives_up_an_upload_that_takes_too_long(
    service: Service, model: FakeModel
) -> None:
    model.hold(Lane.FILE)
    upload = take(service)
    assert not service.drain(0.1)
    assert upload.state == "failed"
    assert isinstance(upload.error, ServiceStopping)
    wait_for(lambda: not upload_threads(), WAIT_S)


def test_stopping_leaves_no_thread_behind(service: Service, model: FakeModel) -> None:
    model.hold(Lane.FILE)
    upload = take(service)
    assert upload_threads() == [f"upload-{upload.log_name}"]
    model.let_go()
    service.stop()
    wait_for(lambda: not upload_threads(), WAIT_S)
    assert upload.state != "active"


def test_nothing_stays_of_an_upload_that_is_refused(service: Service) -> None:
    with pytest.raises(NotAudio):
        take(service, b"a letter")
    assert service.store.state().active == 0
    assert service.drain(0.0), "nothing is waited for"


def test_there_are_no_more_uploads_than_places(service: Service, model: FakeModel) -> None:
    model.hold(Lane.FILE)
    uploads = [take(service), take(service)]
    with pytest.raises(TooManySessions):
        take(service)
    service.store.delete(uploads[0].id)
    take(service)


def test_a_bad_list_of_servers_stops_the_start() -> None:
    with pytest.raises(SettingError, match="SERVERS"):
        Service(Settings(servers="a.example"))
