"""`/docs`, where people read and try the API: in a real browser, with nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from tests.static.conftest import OpenPage
from tests.support.browser import TranscriberPage
from tests.support.chunks import JFK
from tests.support.live import TIMEOUT_S
from tests.support.server import Server, running

KEY = "correct-horse-battery"
TRANSCRIBE = "Transcribe a recording, or a chunk of a live session"
# A browser reports every request that is refused.
REFUSED = "status of 401"
# Swagger UI says so of every field for a file, and shows it well.
OF_A_FILE = "Could not find component: JsonSchema_string_binary"


@pytest.fixture(scope="module")
def locked() -> Iterator[Server]:
    """A server that asks for a key; its model does not matter, so it has none."""
    with running({"MODEL": "/nowhere/at-all", "API_KEYS": f"alice:{KEY}"}) as started:
        yield started


def operation(page: TranscriberPage, summary: str) -> Locator:
    """Return one of the operations by what it does."""
    return page["operations"].locator(".opblock").filter(has_text=summary)


def execute(opened: Locator) -> Locator:
    """Press the buttons that send the request, and return what is told of its reply."""
    opened.get_by_role("button", name="Execute").click()
    return opened.locator(".live-responses-table")


def test_the_operations_are_there_in_groups(open_page: OpenPage, server: Server) -> None:
    page = open_page(f"{server.url}/docs")
    first = page["operations"].locator(".opblock").first
    expect(first).to_contain_text("POST")
    expect(first).to_contain_text("/transcribe")
    groups = page["operations"].locator(".opblock-tag").all_inner_texts()
    assert groups[:2] == ["Recordings and sessions", "The service itself"]
    assert operation(page, "/v1/audio/transcriptions").count() == 1


def test_a_recording_can_be_tried(open_page: OpenPage, server: Server) -> None:
    page = open_page(f"{server.url}/docs")
    page.allow(OF_A_FILE)
    asked = operation(page, TRANSCRIBE)
    asked.locator(".opblock-summary-control").click()
    asked.get_by_role("button", name="Try it out").click()
    audio = asked.locator("tr[data-property-name=audio]")
    audio.locator("input[type=file]").set_input_files(JFK.path)
    told = execute(asked)
    expect(told).to_contain_text("what your country can do for you", timeout=TIMEOUT_S * 1000)


def test_a_key_that_is_needed_is_asked_for_and_goes_with_what_is_tried(
    open_page: OpenPage, locked: Server
) -> None:
    page = open_page(f"{locked.url}/docs")
    page.allow(REFUSED)
    page["key"].fill("wrong")
    page.page.keyboard.press("Enter")
    expect(page["key-error"]).to_have_text("Nobody has this key.")
    page["key"].fill(KEY)
    page["key-submit"].click()
    asked = operation(page, "/config.json")
    asked.locator(".opblock-summary-control").click()
    asked.get_by_role("button", name="Try it out").click()
    expect(execute(asked)).to_contain_text('"max_upload_mb": 256')
    expect(page["key-form"]).to_be_hidden()
    page.page.reload()
    expect(operation(page, "/config.json")).to_be_visible()


def test_its_links_work(open_page: OpenPage, server: Server) -> None:
    page = open_page(f"{server.url}/docs")
    with page.page.expect_download() as download:
        page["download"].click()
    assert download.value.path().read_text(encoding="utf-8").startswith('{"openapi":"3.1.0"')
    page["to-page"].click()
    expect(page["record"]).to_be_visible()
