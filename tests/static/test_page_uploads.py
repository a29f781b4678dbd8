"""Files on the page: sent and transcribed with progress, and what can be taken away."""

from __future__ import annotations

import json
from pathlib import Path

from tests.static.conftest import OpenPage
from tests.support.browser import TranscriberPage
from tests.support.live import upload
from tests.support.recordings import recording
from tests.support.server import Server

JFK = recording("en/short-jfk.flac")
TALK = recording("en/long-ls-367.flac")


def test_a_file_is_transcribed_and_downloaded_in_four_formats(
    open_page: OpenPage, server: Server, tmp_path: Path
) -> None:
    page = open_page(server.url)
    page["file-input"].set_input_files(JFK.path)
    page.page.wait_for_selector('body[data-upload="done"]')
    uploaded = upload(server.url, JFK.data).json()["text"]
    assert page.final_text().split() == uploaded.split()
    assert page["upload-sending"].evaluate("bar => bar.value / bar.max") == 1
    assert page["upload-transcribing"].evaluate("bar => bar.value / bar.max") == 1
    files = {kind: downloaded(page, kind, tmp_path) for kind in ("txt", "srt", "vtt", "json")}
    assert files["txt"].split() == uploaded.split()
    assert files["srt"].startswith("1\n00:00:0")
    assert files["vtt"].startswith("WEBVTT\n")
    assert "".join(one["text"] for one in json.loads(files["json"])["segments"]).split()


def downloaded(page: TranscriberPage, kind: str, folder: Path) -> str:
    """Click a download and return what it gave."""
    with page.page.expect_download() as download:
        page[f"download-{kind}"].click()
    path = folder / f"transcript.{kind}"
    download.value.save_as(path)
    return path.read_text(encoding="utf-8")


def test_no_audio_is_refused_with_the_servers_words(
    open_page: OpenPage, server: Server, tmp_path: Path
) -> None:
    page = open_page(server.url)
    page.allow("status of 415")
    letter = tmp_path / "letter.mp3"
    letter.write_text("Dear Sir or Madam, I have no sound.")
    page["file-input"].set_input_files(letter)
    page["notice"].wait_for()
    assert page["notice"].get_attribute("data-code") == "upload-failed"


def test_an_upload_can_be_cancelled(open_page: OpenPage, server: Server) -> None:
    page = open_page(server.url)
    page["file-input"].set_input_files(TALK.path)
    page["upload-cancel"].click()
    page.page.wait_for_selector('body[data-upload="cancelled"]')
