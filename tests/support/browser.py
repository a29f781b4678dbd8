"""A real Chromium whose microphone plays a recording, and the page in it as a person uses it."""

from __future__ import annotations

import base64
import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import av
import numpy as np
import pytest
import soundfile
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Playwright,
    Request,
    TimeoutError,
)

from tests.support.chromium import chromium, missing
from tests.support.recordings import RATE_HZ, Recording
from tests.support.scores import Errors, errors

MICROPHONE_HZ = 48_000
# What a click may take on a busy machine.
ACTION_MS = 30_000
# Longest wait for words, besides the recording itself.
WORDS_S = 90.0
# Two pages of the address bar's, which nobody sees, cost half as much as the rest of a start. This
# list takes the place of Playwright's own, which makes up the rest of it.
_WITHOUT = (
    "WebUIOmniboxPopup,WebUIOmniboxAimPopup,"
    "AimEnabled,AvoidCorsURLLoaderRestartOnRedirect,AvoidUnnecessaryBeforeUnloadCheckSync,"
    "DestroyProfileOnBrowserClose,HttpsFirstBalancedModeAutoEnable,HttpsUpgrades,LensOverlay,"
    "MediaRouter,NetworkTimeServiceQuerying,OptimizationHints,PaintHolding,PreconnectToSearch,"
    "ThirdPartyStoragePartitioning"
)
_PERMISSIONS, _LOCALE = ("microphone", "clipboard-read", "clipboard-write"), "en-GB"
FLAGS = (
    f"--disable-features={_WITHOUT}",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Whatever is asked for elsewhere fails at once, and without a trace on any network.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)
# Keeps what the recorder gives, and when it began by the page's clock.
_KEEP_BLOBS = """
{
  const Recorder = window.MediaRecorder;
  window.recorded = { startMs: null, blobs: [] };
  window.MediaRecorder = class extends Recorder {
    constructor(...rest) {
      super(...rest);
      this.addEventListener("start", () => (window.recorded.startMs ??= performance.now()));
      this.addEventListener("dataavailable", ({ data }) => window.recorded.blobs.push(data));
    }
  };
}
"""
# The text of some elements together, with one space between two words.
_TEXT_OF = """
(ids) => ids.map((id) => document.querySelector(`[data-testid=${id}]`).innerText)
  .join(" ").replace(/\\s+/g, " ")
"""
_TAKE_BLOBS = """
async () => {
  const bytes = new Uint8Array(await new Blob(window.recorded.blobs).arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 30000) {
    text += String.fromCharCode(...bytes.subarray(at, at + 30000));
  }
  return btoa(text);
}
"""
# The last is what tests map to loopback where a page must not be secure.
_LOOPBACK = {"localhost", "127.0.0.1", "insecure.test"}
_WITHOUT_HOST = {"data", "blob", "about"}


def executable() -> str:
    """Return the browser's path. Without one the test fails where $CI is set, else is skipped."""
    path = chromium()
    if path is None and os.environ.get("CI"):
        pytest.fail(missing())
    if path is None:
        pytest.skip(missing())
    return path


def microphone(
    folder: Path,
    recording: Recording,
    before_s: float = 0.5,
    after_s: float = 1.0,
    until_s: float | None = None,
) -> Path:
    """Write a recording as the browser's fake microphone plays it, and return the wav file.

    Args:
        folder: where it goes.
        recording: what is spoken.
        before_s: seconds of silence before it.
        after_s: seconds of silence after it, which then lasts: past the file's end the fake
            microphone repeats its last few milliseconds, so that they must not be sound.
        until_s: play only so many seconds of the recording.
    """
    parts = [
        np.zeros(round(before_s * RATE_HZ), np.float32),
        recording.samples()[: None if until_s is None else round(until_s * RATE_HZ)],
        np.zeros(round(after_s * RATE_HZ), np.float32),
    ]
    pcm = (np.concatenate(parts).clip(-1, 1) * 32767).astype(np.int16).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
    frame.sample_rate = RATE_HZ
    resampler = av.AudioResampler("s16", "mono", MICROPHONE_HZ)
    resampled = [*resampler.resample(frame), *resampler.resample(None)]
    path = folder / f"{recording.path.stem}.wav"
    samples = np.concatenate([part.to_ndarray().ravel() for part in resampled])
    soundfile.write(path, samples, MICROPHONE_HZ, subtype="PCM_16")
    return path


@contextlib.contextmanager
def browser(
    playwright: Playwright, profile: Path, plays: Path | None = None, flags: Sequence[str] = ()
) -> Iterator[BrowserContext]:
    """Run a browser of its own.

    Args:
        playwright: what drives it.
        profile: its folder; one that was used before still has what pages stored.
        plays: what its microphone hears, once, from the moment it is opened; absent: beeps.
        flags: more of them.
    """
    sound = [f"--use-file-for-fake-audio-capture={plays}%noloop"] if plays else []
    context = playwright.chromium.launch_persistent_context(
        profile,
        executable_path=executable(),
        args=[*FLAGS, *sound, *flags],
        permissions=_PERMISSIONS,
        locale=_LOCALE,
    )
    context.set_default_timeout(ACTION_MS)
    with contextlib.closing(context):
        yield context


@contextlib.contextmanager
def shared_browser(playwright: Playwright) -> Iterator[Browser]:
    """Run a browser for many pages that listen to nothing; its microphone beeps."""
    shared = playwright.chromium.launch(executable_path=executable(), args=FLAGS)
    with contextlib.closing(shared):
        yield shared


@contextlib.contextmanager
def window(shared: Browser) -> Iterator[BrowserContext]:
    """Open a window in it that knows nothing of the others: no storage, no cookies."""
    context = shared.new_context(permissions=_PERMISSIONS, locale=_LOCALE)
    context.set_default_timeout(ACTION_MS)
    with contextlib.closing(context):
        yield context


class TranscriberPage:
    """The page by its `data-testid`s.

    Attributes:
        page: Playwright's, for what is not wrapped.
        complaints: errors of the console and of scripts so far.
        external: requests that left the machine, or tried to.
    """

    def __init__(self, context: BrowserContext) -> None:
        self.complaints: list[str] = []
        self.external: list[str] = []
        self._allowed: list[str] = []
        context.add_init_script(_KEEP_BLOBS)
        self.page: Page = context.new_page()
        self.page.on("console", self._note_console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"{error}\n{error.stack}"))
        context.on("request", self._note_request)

    def open(self, url: str) -> None:
        """Load it, and wait until it can record."""
        self.page.goto(url)
        self.page.wait_for_selector("html:not([data-loading])")

    def __getitem__(self, test_id: str) -> Locator:
        """Return an element by its `data-testid`."""
        return self.page.get_by_test_id(test_id)

    def record(self) -> None:
        """Start recording, and wait until the microphone is open."""
        self["record"].click()
        self.wait_for_state("recording")

    def stop(self) -> None:
        """Stop recording, and wait until every word is final."""
        self["record"].click()
        self.wait_for_state("finished")

    def wait_for_state(self, state: str, timeout_s: float = WORDS_S) -> None:
        """Wait until the client is in a state, as `recording` or `finished`."""
        self.page.wait_for_selector(f'body[data-state="{state}"]', timeout=timeout_s * 1000)

    def wait_for_connection(self, connection: str, timeout_s: float = WORDS_S) -> None:
        """Wait until the client says so of its server, as `ok`, `switched` or `waiting`."""
        self.page.wait_for_selector(
            f'body[data-connection="{connection}"]', timeout=timeout_s * 1000
        )

    def wait_for_server(self, name: str, timeout_s: float = WORDS_S) -> None:
        """Wait until the page names this server as the one in use."""
        self._wait_for_text(["server"], re.escape(name), timeout_s)

    def wait_for_pending(self, seconds: float, timeout_s: float = WORDS_S) -> None:
        """Wait until so many seconds of sound wait to be sent."""
        self.page.wait_for_function(
            "([seconds]) => Number(document.querySelector"
            "('[data-testid=pending-seconds]').dataset.value) >= seconds",
            arg=[seconds],
            timeout=timeout_s * 1000,
        )

    def final_text(self) -> str:
        """Return the words that stay."""
        return self["final"].inner_text()

    def partial_text(self) -> str:
        """Return the words that may still change."""
        return self["partial"].inner_text()

    def wait_for_partial(self, pattern: str = r"\w", timeout_s: float = WORDS_S) -> None:
        """Wait until the words that may still change match a pattern."""
        self._wait_for_text(["partial"], pattern, timeout_s)

    def wait_until_final(self, pattern: str, timeout_s: float = WORDS_S) -> None:
        """Wait until the final text matches a pattern, whatever the case."""
        self._wait_for_text(["final"], pattern, timeout_s)

    def wait_for_words(self, pattern: str, timeout_s: float = WORDS_S) -> None:
        """Wait until the text, final and what follows it, matches a pattern."""
        self._wait_for_text(["final", "partial"], pattern, timeout_s)

    def recorded(self) -> bytes:
        """Return the file that the browser's recorder made since the page was loaded."""
        return base64.b64decode(self.page.evaluate(_TAKE_BLOBS))

    def errors(self, reference: str, language: str = "en") -> Errors:
        """Compare the final text with another."""
        return errors(reference, self.final_text(), language)

    def allow(self, pattern: str) -> None:
        """Expect complaints that match: a browser reports each failed request in the console."""
        self._allowed.append(pattern)

    def assert_clean(self) -> None:
        """Assert that nothing went wrong unseen, and that no request left the machine."""
        unexpected = [
            complaint
            for complaint in self.complaints
            if not any(re.search(pattern, complaint) for pattern in self._allowed)
        ]
        assert not unexpected, "\n".join(unexpected)
        assert not self.external, self.external

    def _wait_for_text(self, test_ids: list[str], pattern: str, timeout_s: float) -> None:
        """Wait until the text of these elements together matches, whatever its case and spaces."""
        try:
            self.page.wait_for_function(
                f"([ids, words]) => new RegExp(words, 'i').test(({_TEXT_OF})(ids))",
                arg=[test_ids, pattern],
                timeout=timeout_s * 1000,
            )
        except TimeoutError as error:
            text = self.page.evaluate(_TEXT_OF, test_ids)
            raise AssertionError(f"{pattern!r} is not in {text!r}") from error

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            place = message.location
            self.complaints.append(f"{message.type}: {message.text} ({place.get('url')})")

    def _note_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in _WITHOUT_HOST and parts.hostname not in _LOOPBACK:
            self.external.append(request.url)
