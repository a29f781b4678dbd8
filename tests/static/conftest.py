"""Fixtures: browsers that hear what a test lets them hear."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from tests.support.browser import (
    TranscriberPage,
    browser,
    executable,
    shared_browser,
    window,
)

OpenPage = Callable[..., TranscriberPage]


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """What drives the browsers; skips or fails where there is none."""
    executable()
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def shared(playwright: Playwright) -> Iterator[Browser]:
    """One browser for all pages that listen to nothing."""
    with shared_browser(playwright) as started:
        yield started


@pytest.fixture
def open_page(playwright: Playwright, shared: Browser, tmp_path: Path) -> Iterator[OpenPage]:
    """Open the page at a URL; `plays` is what its microphone hears, in a browser of its own.

    In the end every page must have been without errors and external requests.
    """
    pages: list[TranscriberPage] = []

    with contextlib.ExitStack() as browsers:

        def open_one(url: str, plays: Path | None = None, *flags: str) -> TranscriberPage:
            profile = tmp_path / f"profile-{len(pages)}"
            is_own = plays is not None or flags
            own = browser(playwright, profile, plays, flags) if is_own else window(shared)
            opened = TranscriberPage(browsers.enter_context(own))
            pages.append(opened)
            opened.open(url)
            return opened

        yield open_one
        for page in pages:
            page.assert_clean()
