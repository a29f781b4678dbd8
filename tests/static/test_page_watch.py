"""A second device follows a recording by its watch link, from the first word on."""

from __future__ import annotations

from pathlib import Path

from tests.static.conftest import OpenPage
from tests.support.browser import microphone
from tests.support.recordings import recording
from tests.support.server import Server

TALK = recording("en/long-ls-367.flac")
UNTIL_S = 14.0


def test_a_watcher_who_comes_late_reads_the_same_final_text(
    open_page: OpenPage, server: Server, tmp_path: Path
) -> None:
    page = open_page(server.url, microphone(tmp_path, TALK, until_s=UNTIL_S))
    page.record()
    page.wait_until_final("lobster")
    link = page["watch-link"].get_attribute("href")
    assert link
    watcher = open_page(link)
    watcher.wait_until_final("lobster")
    watcher.wait_for_words("might well")
    page.stop()
    watcher.wait_for_state("finished")
    assert watcher.final_text() == page.final_text()
    assert watcher.partial_text() == ""
    assert not watcher["record"].is_visible()


def test_a_link_to_nothing_says_so(open_page: OpenPage, server: Server) -> None:
    watcher = open_page(f"{server.url}/?watch=nobody-has-this")
    watcher.allow("status of 404")
    watcher["notice"].wait_for()
    assert watcher["notice"].get_attribute("data-code") == "watch-gone"
