"""The basics of a good page: readable for everybody, still while words arrive, clear in trouble."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.static.conftest import OpenPage
from tests.support.browser import TranscriberPage, microphone
from tests.support.recordings import recording
from tests.support.server import Server

JFK = recording("en/short-jfk.flac")
# Chrome calls a page good below a tenth; while words arrive nothing may move at all.
GOOD_SHIFT, NO_SHIFT = 0.1, 0.001
SHIFTS = """() => {
  window.shifts = { all: 0, recording: 0 };
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      window.shifts.all += entry.value;
      if (document.body.dataset.state === "recording") window.shifts.recording += entry.value;
    }
  }).observe({ type: "layout-shift", buffered: true });
}"""
DENIED = """() => {
  navigator.mediaDevices.getUserMedia = async () => {
    throw new DOMException("Permission denied", "NotAllowedError");
  };
}"""
NO_MICROPHONE = """() => {
  navigator.mediaDevices.getUserMedia = async () => {
    throw new DOMException("Requested device not found", "NotFoundError");
  };
}"""
SPEAKS = (
    "Object.defineProperty(navigator, 'languages', {{ value: ['{locale}'] }});"
    "Object.defineProperty(navigator, 'language', {{ value: '{locale}' }});"
)
# Keeps the newest stream, so that a test can unplug its microphone.
REMEMBER = """() => {
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wishes) => (window.stream = await ask(wishes));
}"""


def assert_accessible(page: TranscriberPage) -> None:
    found = Axe().run(page.page).response["violations"]
    bad = [one for one in found if one["impact"] in ("serious", "critical")]
    assert not bad, [(one["id"], [node["html"] for node in one["nodes"]]) for one in bad]


def assert_accessible_in_both_schemes(page: TranscriberPage) -> None:
    page.page.emulate_media(color_scheme="dark")
    assert_accessible(page)
    page.page.emulate_media(color_scheme="light")
    assert_accessible(page)


def test_every_state_is_accessible_and_words_move_nothing(
    open_page: OpenPage, server: Server, tmp_path: Path
) -> None:
    page = open_page(server.url, microphone(tmp_path, JFK))
    assert_accessible_in_both_schemes(page)
    page.page.evaluate(SHIFTS)
    page.page.keyboard.press("Space")
    page.wait_for_state("recording")
    page.wait_for_words("what your country")
    assert_accessible_in_both_schemes(page)
    page.page.keyboard.press("Space")
    page.wait_for_state("finished")
    assert_accessible_in_both_schemes(page)
    shifts = page.page.evaluate("window.shifts")
    assert shifts["recording"] < NO_SHIFT
    assert shifts["all"] < GOOD_SHIFT


@pytest.mark.parametrize(
    "script, code",
    [(DENIED, "permission-denied"), (NO_MICROPHONE, "no-microphone")],
    ids=["denied", "none"],
)
def test_no_microphone_is_explained(
    open_page: OpenPage, server: Server, script: str, code: str
) -> None:
    page = open_page(server.url)
    page.page.evaluate(script)
    page["record"].click()
    page.wait_for_state("failed")
    assert page["notice"].get_attribute("data-code") == code
    assert page["notice"].get_by_role("button").count() >= 1, "there is a way on"
    assert_accessible(page)


def test_an_insecure_page_says_why_it_gets_no_microphone(
    open_page: OpenPage, server: Server
) -> None:
    elsewhere = "--host-resolver-rules=MAP insecure.test 127.0.0.1, MAP * ~NOTFOUND"
    page = open_page(f"http://insecure.test:{server.port}", None, elsewhere)
    page["record"].click()
    page["notice"].wait_for()
    assert page["notice"].get_attribute("data-code") == "insecure-origin"


def test_a_microphone_that_goes_away_is_replaced(
    open_page: OpenPage, server: Server, tmp_path: Path
) -> None:
    page = open_page(server.url, microphone(tmp_path, JFK, before_s=1.0))
    page.page.evaluate(REMEMBER)
    page.record()
    page.wait_for_words("And so")
    page.page.evaluate("""() => {
      const [track] = window.stream.getTracks();
      track.stop();
      track.dispatchEvent(new Event("ended"));
    }""")
    page["notice"].wait_for()
    assert page["notice"].get_attribute("data-code") == "microphone-lost"
    page.wait_for_words(r"And so[^]*And so")  # the fake one plays from its start again
    page.stop()


@pytest.mark.parametrize(
    "locale, direction, label",
    [("ar", "rtl", "تسجيل"), ("ru", "ltr", "Запис"), ("fr", "ltr", "Record")],
)
def test_the_interface_speaks_the_browsers_language_or_english(
    open_page: OpenPage, server: Server, locale: str, direction: str, label: str
) -> None:
    page = open_page(server.url)
    page.page.add_init_script(SPEAKS.format(locale=locale))
    page.page.reload()
    root = page.page.locator("html")
    assert root.get_attribute("dir") == direction
    assert root.get_attribute("lang") == (locale if locale != "fr" else "en")
    assert re.search(label, page["record"].inner_text())
    assert_accessible(page)


@pytest.mark.parametrize("locale", ["en", "ar", "ru"])
def test_a_phone_has_no_sideways_scrolling(
    open_page: OpenPage, server: Server, locale: str
) -> None:
    page = open_page(server.url)
    page.page.add_init_script(SPEAKS.format(locale=locale))
    page.page.reload()
    for width in (320, 360):  # the narrowest that accessibility asks for, and a usual one
        page.page.set_viewport_size({"width": width, "height": 720})
        assert page.page.evaluate("document.documentElement.scrollWidth") <= width
        assert page["record"].is_visible()
        box = page["panels-open"].bounding_box()
        assert box is not None
        assert 0 <= box["x"] <= width - box["width"]
