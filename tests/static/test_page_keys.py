"""A service with keys: the page asks for one, once for each tab, and loses nothing meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.static.conftest import OpenPage
from tests.static.test_page_is_sound import assert_accessible
from tests.support.browser import TranscriberPage, microphone
from tests.support.recordings import recording
from tests.support.server import Server, running

JFK = recording("en/short-jfk.flac")
KEY = "correct-horse-battery"
KEYS = f"alice:{KEY},bob:another-long-secret"
# "And so, my fellow Americans, ask not"
UNTIL_S = 5.0
# A browser reports every request that is refused.
EXPECTED = "status of 401"


@pytest.fixture(scope="module")
def locked() -> Iterator[Server]:
    """A server that asks for a key."""
    settings = {"MODEL": "tiny.en", "SERVERS": '["."]', "API_KEYS": KEYS}
    with running(settings) as started:
        started.wait_until_ready()
        yield started


@pytest.fixture
def open_locked(open_page: OpenPage) -> OpenPage:
    """Open a page which is refused what it asks for at first."""

    def open_one(url: str, plays: Path | None = None) -> TranscriberPage:
        page = open_page(url, plays)
        page.allow(EXPECTED)
        page["key-dialog"].wait_for()
        return page

    return open_one


def give(page: TranscriberPage, key: str) -> None:
    """Answer the dialog as a person does: its field has the focus."""
    page.page.keyboard.type(key)
    page.page.keyboard.press("Enter")


def wait_until_answered(page: TranscriberPage) -> None:
    page["key-dialog"].wait_for(state="hidden")


def kept(page: TranscriberPage, storage: str) -> bool:
    """Tell whether the key is anywhere in `sessionStorage` or `localStorage`."""
    found: bool = page.page.evaluate(f"JSON.stringify(Object.entries({storage}))").count(KEY) > 0
    return found


def test_the_key_is_asked_for_once_in_each_tab(
    open_locked: OpenPage, locked: Server, tmp_path: Path
) -> None:
    page = open_locked(locked.url, microphone(tmp_path, JFK, until_s=UNTIL_S))
    assert locked.url in page["key-server"].inner_text()
    give(page, "wrong-horse-battery")
    page["key-error"].get_by_text("not a key").wait_for()
    give(page, KEY)  # what was wrong is selected
    wait_until_answered(page)
    page.record()
    page.wait_for_words("And so")
    watcher = open_locked(page["watch-link"].get_attribute("href") or "")
    give(watcher, KEY)
    wait_until_answered(watcher)
    watcher.wait_for_words("And so")
    page.stop()
    watcher.wait_for_state("finished")
    assert watcher.final_text() == page.final_text()
    page.page.reload()
    page["language"].locator("option[value=en]").wait_for(state="attached")
    assert not page["key-dialog"].is_visible()
    assert kept(page, "sessionStorage")
    assert not kept(page, "localStorage")
    assert KEY not in locked.log()


def test_what_is_said_before_there_is_a_key_is_kept(
    open_locked: OpenPage, locked: Server, tmp_path: Path
) -> None:
    page = open_locked(locked.url, microphone(tmp_path, JFK, until_s=UNTIL_S))
    page.page.keyboard.press("Escape")
    page["notice"].wait_for()
    page["record"].click()
    page["key-dialog"].wait_for()
    page["key-cancel"].click()
    page.wait_for_pending(4)
    page["enter-key"].click()
    give(page, KEY)
    wait_until_answered(page)
    assert page["notice"].count() == 0
    page.wait_for_words(r"And so\b.*fellow")
    page.stop()


def test_a_file_is_sent_once_there_is_a_key(open_locked: OpenPage, locked: Server) -> None:
    page = open_locked(locked.url)
    assert_accessible(page)
    page["key-cancel"].click()
    page["file-input"].set_input_files(JFK.path)
    page["key-dialog"].wait_for()
    give(page, KEY)
    page.page.wait_for_selector('body[data-upload="done"]')
    assert "your country" in page.final_text()
