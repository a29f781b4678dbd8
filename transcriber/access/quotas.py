"""How much each key and each address may use."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from config.settings import Settings
from transcriber.access.allowance import Allowance
from transcriber.live.owners import Owner

MINUTE_S, DAY_S, SOON_S = 60.0, 86_400.0, 5.0

What = Literal["requests", "audio"]


class OverQuota(Exception):
    """A key or an address has used what it may.

    Attributes:
        what: requests in a minute, or seconds of audio in a day.
        whose: `key` or `address`.
        limit: how much there may be.
        retry_after_s: when there is room again, in seconds.
    """

    def __init__(self, what: What, whose: str, limit: float, retry_after_s: float) -> None:
        super().__init__(f"{limit:g} {what} for each {whose}")
        self.what = what
        self.whose = whose
        self.limit = limit
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class _Kind:
    """What one kind of client may use."""

    requests: Allowance
    audio: Allowance
    most_sessions: int


class Quotas:
    """Counts requests and audio; sessions are counted where they live.

    A client is known by its address, and by the name of its key if it has one: as an `Owner`, named
    `address 192.0.2.7` or `key alice`. Each has to keep within its own quota.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        def kind(requests: int, audio_s: float, sessions: int) -> _Kind:
            return _Kind(
                Allowance(requests, MINUTE_S, clock), Allowance(audio_s, DAY_S, clock), sessions
            )

        self._kinds = {
            "key": kind(
                settings.key_requests_per_minute,
                settings.key_audio_s_per_day,
                settings.key_sessions,
            ),
            "address": kind(
                settings.address_requests_per_minute,
                settings.address_audio_s_per_day,
                settings.address_sessions,
            ),
        }

    def owner(self, kind: Literal["key", "address"], name: str) -> Owner:
        """Return who a session belongs to, and how many may."""
        return Owner(kind, name, self._kinds[kind].most_sessions)

    def note_request(self, owner: Owner) -> None:
        """Count a request.

        Raises:
            OverQuota: it is one too many; then it does not count.
        """
        allowance = self._kinds[owner.kind].requests
        wait_s = allowance.take(owner.name, 1)
        if wait_s:
            raise OverQuota("requests", owner.kind, allowance.most, wait_s)

    def check_audio(self, owner: Owner, expected_s: Callable[[Owner], float]) -> None:
        """Check that a second of audio may come, besides what is on its way already.

        Args:
            owner: who wants to send it.
            expected_s: tells how much is on its way; asked only where there is a limit.

        Raises:
            OverQuota: the day's audio is used up.
        """
        allowance = self._kinds[owner.kind].audio
        if not allowance.most:
            return
        wait_s = allowance.wait_s(owner.name, 1.0)
        if not wait_s and allowance.wait_s(owner.name, 1.0 + expected_s(owner)):
            wait_s = SOON_S  # what is on its way may turn out to be less
        if wait_s:
            raise OverQuota("audio", owner.kind, allowance.most, wait_s)

    def note_audio(self, owner: Owner, seconds: float) -> None:
        """So many seconds of audio have come."""
        self._kinds[owner.kind].audio.note(owner.name, seconds)
