"""A page that was closed in the middle: the next visit offers to finish the recording."""

from __future__ import annotations

import re
from pathlib import Path

from tests.static.conftest import OpenPage
from tests.support.browser import microphone
from tests.support.recordings import recording
from tests.support.scores import errors, normalised
from tests.support.server import Server

JFK = recording("en/short-jfk.flac")
# What a crash may cost: the blob that was not handed over yet.
LAST_WORDS = 3


def test_a_reload_in_the_middle_loses_nothing_but_the_last_blob(
    open_page: OpenPage, server: Server, tmp_path: Path
) -> None:
    page = open_page(server.url, microphone(tmp_path, JFK))
    page.record()
    page.wait_for_words("what your country can do")
    heard = f"{page.final_text()} {page.partial_text()}"
    page.page.reload()
    page["finish"].click()
    page.wait_for_state("finished")
    missing = errors(heard, page.final_text())
    assert missing.deletions <= LAST_WORDS, f"{heard}\n{page.final_text()}"
    assert re.search(r"^and so\b.*\bfellow\b", normalised(page.final_text()))
    assert page["finish"].count() == 0


def test_what_no_server_has_heard_is_kept_over_a_reload(
    open_page: OpenPage, server: Server, tmp_path: Path
) -> None:
    page = open_page(server.url, microphone(tmp_path, JFK))
    page.allow("Failed to load resource")
    page.page.route("**/transcribe", lambda route: route.abort())
    page.record()
    page.wait_for_pending(10)
    page.page.unroute_all()
    page.page.reload()
    page["finish"].click()
    page.wait_for_state("finished")
    assert "what you can do" in page.final_text().replace("\n", " ")


def test_a_recording_can_be_discarded_or_read_again_later(
    open_page: OpenPage, server: Server, tmp_path: Path
) -> None:
    page = open_page(server.url, microphone(tmp_path, JFK))
    page.record()
    page.wait_for_words("And so")
    page.page.reload()
    page["discard"].click()
    page["recording"].wait_for(state="detached")
    page.record()
    page.wait_for_words("And so")
    page.stop()
    said = page.final_text()
    page.page.reload()
    page["recording"].get_by_role("button").first.click()
    assert page.final_text() == said
    assert "and so" in said.lower()
