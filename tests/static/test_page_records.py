"""The page records: what is spoken into the microphone is on the page, at first and for good."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.static.conftest import OpenPage
from tests.support.browser import TranscriberPage, microphone
from tests.support.live import upload
from tests.support.recordings import Recording, recording
from tests.support.scores import errors
from tests.support.server import Server

JFK = recording("en/short-jfk.flac")
READING = recording("en/long-ls-1688.flac")
# Clear enough that the small model mishears none of it by chance: what differs is lost or doubled.
CLEAR = recording("en/long-bush-radio-end.flac")
# What the small model may mishear of it through the browser's noise suppression.
MISHEARD = 4
# A page whose recorder is missing, and one whose recorder never gives anything.
NO_RECORDER = "delete window.MediaRecorder"
SILENT_RECORDER = "MediaRecorder.prototype.start = () => {}"


def test_words_appear_while_they_are_spoken_and_stay(
    open_page: OpenPage, server: Server, tmp_path: Path
) -> None:
    page = open_page(server.url, microphone(tmp_path, JFK))
    page.record()
    page.wait_for_partial("And so")
    page.wait_until_final("for your country")
    page.stop()
    assert page.partial_text() == ""
    assert errors(JFK.text, page.final_text()).count <= MISHEARD


def test_the_final_text_is_as_good_as_an_upload_of_the_same_sound(
    open_page: OpenPage, server: Server, tmp_path: Path
) -> None:
    page = open_page(server.url, microphone(tmp_path, CLEAR))
    page.record()
    page.page.wait_for_timeout(1000 * (CLEAR.duration_s + 1))  # it is spoken for so long
    page.stop()
    uploaded = upload(server.url, page.recorded()).json()["text"]
    as_upload, as_page = errors(CLEAR.text, uploaded), errors(CLEAR.text, page.final_text())
    # One point of so many words, counted upwards.
    assert as_page.count <= as_upload.count + as_upload.words // 100 + 1, page.final_text()


@pytest.mark.soak
def test_raw_sound_by_choice_gives_the_same_words(
    open_page: OpenPage, server: Server, tmp_path: Path
) -> None:
    page = open_page(server.url, microphone(tmp_path, JFK))
    page.page.locator("#panel-microphone > summary").click()
    page["source"].select_option("pcm")
    record_to_the_end(page)
    assert page.recorded() == b"", "the recorder was not used"


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(NO_RECORDER, id="missing", marks=pytest.mark.soak),
        pytest.param(SILENT_RECORDER, id="silent"),
    ],
)
def test_raw_sound_is_sent_where_the_recorder_fails(
    open_page: OpenPage, server: Server, tmp_path: Path, script: str
) -> None:
    page = open_page(server.url, microphone(tmp_path, JFK, before_s=6.0))
    page.page.add_init_script(script)
    page.page.reload()
    record_to_the_end(page)


def record_to_the_end(page: TranscriberPage) -> None:
    page.record()
    page.wait_until_final("do for your country")
    page.stop()
    assert errors(JFK.text, page.final_text()).count <= MISHEARD


def test_pausing_leaves_out_what_is_said_meanwhile(
    open_page: OpenPage, server: Server, tmp_path: Path
) -> None:
    page = open_page(server.url, microphone(tmp_path, READING))
    page.record()
    page.wait_for_words(first_words(READING, 4))
    page["pause"].click()
    page.wait_for_state("paused")
    before = page["elapsed"].inner_text()
    page["pause"].click()
    page.wait_for_state("recording")
    page.wait_until_final(r"\w+ \w+ \w+ \w+ \w+")
    page.stop()
    assert page["elapsed"].inner_text() > before


def first_words(read: Recording, count: int) -> str:
    """Return a pattern for one of the first words, whatever stands around it."""
    return "|".join(word for word in read.text.split()[:count] if len(word) > 3)


@pytest.mark.parametrize(
    "name, direction, slack",
    # Short recordings: a word is several points. The Arabic one is sung, and the model hears it
    # otherwise each time.
    [
        pytest.param("ru/ru-ast-demo-nogo.flac", "ltr", 15.0, id="Russian", marks=pytest.mark.soak),
        pytest.param("ar/ar-quran-6-56.flac", "rtl", 40.0, id="Arabic"),
    ],
)
def test_other_languages_are_detected_and_run_in_their_direction(
    base_server: Server,
    open_page: OpenPage,
    tmp_path: Path,
    name: str,
    direction: str,
    slack: float,
) -> None:
    spoken = recording(name)
    page = open_page(base_server.url, microphone(tmp_path, spoken))
    page.record()
    page.page.wait_for_timeout(1000 * spoken.duration_s)  # it is spoken for so long
    page.stop()
    text = page.final_text()
    uploaded = upload(base_server.url, page.recorded(), language=spoken.language)
    as_page = errors(spoken.text, text, spoken.language)
    as_upload = errors(spoken.text, uploaded.json()["text"], spoken.language)
    assert as_page.wer <= as_upload.wer + slack, text
    shown = page["final"].locator("p").first
    assert shown.evaluate("row => getComputedStyle(row).direction") == direction
