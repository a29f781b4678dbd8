"""This service, spoken to over HTTP as the page does."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import psutil

from benchmarks.quality.pieces import Pieces, cut
from benchmarks.quality.run import Run, Shown, Word
from tests.support.live import LiveSession, upload
from tests.support.recordings import Recording
from tests.support.server import Server

# As in static/client/session.js.
MOST_IN_FLIGHT = 3
MOST_CHUNK_S = 10.0


def uploaded(server: Server, recording: Recording, options: Mapping[str, str]) -> Run:
    """Upload a recording whole; words come from a second, untimed request."""
    run = Run("uploaded", recording, "")
    before_s = _cpu_s(server)
    body = _json(upload(server.url, recording.data, **options))
    run.cpu_s = _cpu_s(server) - before_s
    run.text = body["text"]
    run.model_s = body["timing_ms"]["model"] / 1000
    run.languages = [(_heard_s(body), body["language"])]
    again = _json(upload(server.url, recording.data, word_timestamps="true", **options))
    run.words = _words(again)
    return run


def live(
    server: Server,
    recording: Recording,
    options: Mapping[str, str],
    seconds: float,
    container: str,
    *,
    paced: bool,
) -> Run:
    """Post a recording as a live session, in chunks of so many seconds.

    Paced, each chunk is posted when its audio is over, without waiting for the replies before it;
    else each follows the reply to the one before at once, and only the text means something.
    """
    run = Run(f"live {container} {seconds:g} s", recording, "", timed=paced)
    pieces = cut(recording.samples(), seconds, container)
    run.batch_ends_s = pieces.ends_s
    before_s = _cpu_s(server)
    poster = _Poster(LiveSession(server.url, dict(options)), pieces, run, paced)
    state = poster.post_all()
    run.cpu_s = _cpu_s(server) - before_s
    run.text = state["text"]
    run.words = _words(state)
    run.seams_s = [segment["end"] for segment in state["segments"][:-1]]
    return run


class _Poster:
    """Posts the pieces of one session and notes what comes back."""

    def __init__(self, session: LiveSession, pieces: Pieces, run: Run, paced: bool) -> None:
        self._session = session
        self._pieces = pieces
        self._run = run
        self._paced = paced
        self._lock = threading.Lock()
        self._early: dict[int, dict[str, Any]] = {}
        self._told = 0
        self._text = ""
        # The first chunk opens the session, so it goes alone.
        self._slots = threading.Semaphore(1)
        self._start_s = time.monotonic()

    def post_all(self) -> dict[str, Any]:
        """Post everything; return the session's last state."""
        sent: list[Future[None]] = []
        first, count = 0, len(self._pieces.ends_s)
        with ThreadPoolExecutor(MOST_IN_FLIGHT) as threads:
            while first < count:
                self._wait_for(self._pieces.ends_s[first])
                self._slots.acquire()
                end = self._gathered(first) if self._paced else first + 1
                self._run.chunk_ends_s.append(self._pieces.ends_s[end - 1])
                body, final = self._pieces.body(first, end), end == count
                sent.append(threads.submit(self._post, len(sent), body, final))
                first = end
        for future in sent:
            future.result()
        state = self._session.wait_ended()
        self._note_rest(state["text"].strip())
        audio = state["audio_seconds"]
        left_s = audio["received"] - audio["final"] - audio["silence"] - audio["pending"]
        assert abs(left_s) < 0.01, audio
        return state

    def _wait_for(self, audio_s: float) -> None:
        if self._paced:
            time.sleep(max(0.0, audio_s - self._now_s()))

    def _gathered(self, first: int) -> int:
        """Return the piece after the last that has ended by now; all go as one chunk."""
        ends_s = self._pieces.ends_s
        now_s, most_s = self._now_s(), ends_s[first] + MOST_CHUNK_S
        end = first + 1
        while end < len(ends_s) and ends_s[end] <= min(now_s, most_s):
            end += 1
        return end

    def _post(self, sequence: int, body: bytes, final: bool) -> None:
        try:
            reply = _json(self._session.post(sequence, body, final=final))
            with self._lock:
                self._note(sequence, reply, self._now_s())
        finally:
            first_of_many = sequence == 0 and self._paced
            self._slots.release(MOST_IN_FLIGHT if first_of_many else 1)

    def _note(self, sequence: int, reply: dict[str, Any], at_s: float) -> None:
        """Show what a reply told, once all before it are here."""
        self._early[sequence] = reply
        while (told := self._early.pop(self._told, None)) is not None:
            self._told += 1
            self._text += told["text"]
            self._run.log.append(Shown(at_s, self._text, told["partial"], told["stable_chars"]))
            self._run.model_s += told["timing_ms"]["model"] / 1000
            self._run.reply_ms.append(told["timing_ms"]["total"])
            self._run.languages.append((_heard_s(told), told["language"]))

    def _note_rest(self, text: str) -> None:
        """Where the last reply was a 202, the session's state told the rest."""
        told = self._text.strip()
        assert text.startswith(told), (told, text)
        if text != told:
            self._text += text[len(told) :]
            self._run.log.append(Shown(self._now_s(), self._text, ""))

    def _now_s(self) -> float:
        return time.monotonic() - self._start_s


def _json(response: Any) -> dict[str, Any]:
    assert response.ok, response.text
    body: dict[str, Any] = response.json()
    return body


def _words(body: Mapping[str, Any]) -> list[Word]:
    return [
        Word(word["word"], word["start"], word["end"], word["probability"])
        for segment in body["segments"]
        for word in segment.get("words") or []
    ]


def _heard_s(body: Mapping[str, Any]) -> float:
    """Return how many seconds came that were not silence."""
    audio = body["audio_seconds"]
    return float(audio["received"] - audio["silence"])


def _cpu_s(server: Server) -> float:
    """Return the CPU seconds that the server's processes have used so far."""
    master = psutil.Process(server.process.pid)
    times = [one.cpu_times() for one in [master, *master.children(recursive=True)]]
    return float(sum(one.user + one.system for one in times))
