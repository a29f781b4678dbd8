"""One server: what is known of it, and whether it can be used.

The rules are those of `static/client/server.js`.
"""

from __future__ import annotations

import math
import time
from urllib.parse import urlsplit

from transcriber.client.errors import RequestError
from transcriber.client.wire import Wire

# So many failures in a row, and a server is left.
_FAILURES_TO_LEAVE = 3
# So many good probes in a row, and a better server is returned to.
_GOOD_PROBES_TO_RETURN = 3
# A server that is well by its health but fails to take audio is shunned, longer each time.
_FIRST_SHUN_S, _MOST_SHUN_S = 15.0, 240.0
# Requests that fail together fail once.
_ONE_FAILURE_S = 0.25
# A server that refused this recording may be another one after a while.
_REFUSED_S = 60.0


class Server:
    """See the module. All of it is used from one thread.

    Attributes:
        wire: the connections to it.
        detail: what is in the way, if anything.
        good_probes, bad_probes: in a row.
        failed_posts: in a row.
        overdue: whether a chunk waits for its answer for too long.
        accepting: whether it takes new sessions.
        recovered: whether the last probe was the first good one after bad ones.
        probed_s: when it was probed last; `probing` while it is.
        latency_s: round trip of the last good probe.
    """

    def __init__(self, url: str, key: str = "") -> None:
        self.wire = Wire(url, key)
        self.detail = ""
        self.good_probes = self.bad_probes = self.failed_posts = 0
        self.overdue = self.recovered = self.probing = False
        self.accepting = True
        self.probed_s = -math.inf
        self.latency_s: float | None = None
        self._shunned_until_s = self._refused_until_s = self._failed_s = -math.inf
        self._shun_s = _FIRST_SHUN_S
        self._refusal: str | None = None
        self._ever_good = self._is_asked = False

    @property
    def url(self) -> str:
        """Return its address."""
        return self.wire.url

    @property
    def name(self) -> str:
        """Return what to call it."""
        return urlsplit(self.url).netloc

    @property
    def refused(self) -> bool:
        """Whether it refused this recording a short while ago."""
        return time.monotonic() < self._refused_until_s

    @property
    def known(self) -> bool:
        """Whether it has been asked."""
        return self.refused or self._is_asked

    @property
    def is_dead(self) -> bool:
        """Whether probes say so: three that failed, or one that confirms what a request found."""
        in_doubt = self.failed_posts > 0 or self.overdue or not self._ever_good
        return self.bad_probes >= _FAILURES_TO_LEAVE or (self.bad_probes > 0 and in_doubt)

    @property
    def is_shunned(self) -> bool:
        """Whether it seems well, but has failed to take audio."""
        return time.monotonic() < self._shunned_until_s

    @property
    def is_down(self) -> bool:
        """Whether a session there should be given up if there is another server."""
        return self.is_dead or self.is_shunned

    @property
    def is_usable(self) -> bool:
        """Whether a new session can be begun there."""
        return not self.refused and self.accepting and not self.is_dead and self.good_probes > 0

    @property
    def is_beyond_doubt(self) -> bool:
        """Whether nothing speaks against it, or it has not been asked yet."""
        if not self.known:
            return True
        has_failed = self.bad_probes > 0 or self.failed_posts > 0 or self.overdue
        return self.is_usable and not self.is_shunned and not has_failed

    @property
    def is_steady(self) -> bool:
        """Whether it has been well for long enough to be returned to."""
        steady = self.good_probes >= _GOOD_PROBES_TO_RETURN
        return self.is_usable and not self.is_shunned and steady

    def well_probed(self, latency_s: float, accepting: bool) -> None:
        """A probe found it well."""
        self.latency_s, self.accepting = latency_s, accepting
        self.recovered = self.bad_probes > 0
        self._is_asked = self._ever_good = True
        self.good_probes += 1
        self.bad_probes = 0
        if not self.is_shunned and not self.refused:
            self.detail = "" if accepting else "it is full"

    def badly_probed(self, detail: str) -> None:
        """A probe failed."""
        self.good_probes = 0
        self.bad_probes += 1
        self._is_asked = True
        self.detail = detail

    def post_failed(self, error: RequestError) -> None:
        """A chunk was not answered."""
        now = time.monotonic()
        if now - self._failed_s < _ONE_FAILURE_S:
            return
        self._failed_s = now
        self.failed_posts += 1
        seems_well = self.bad_probes == 0 and self.good_probes > 0
        if self.failed_posts < _FAILURES_TO_LEAVE or not seems_well:
            return
        self._shunned_until_s = now + self._shun_s
        self._shun_s = min(2 * self._shun_s, _MOST_SHUN_S)
        self.failed_posts = self.good_probes = 0
        self.detail = str(error)

    def post_answered(self) -> None:
        """A chunk was answered."""
        self.failed_posts = self.bad_probes = 0
        self._shunned_until_s = -math.inf
        self._shun_s = _FIRST_SHUN_S
        self.overdue = False
        self._refusal = None

    def begin(self) -> None:
        """A session begins there: what was overdue belongs to the one before."""
        self.failed_posts = 0
        self.overdue = False

    def refuse(self, error: RequestError) -> bool:
        """It will not have this recording; tell whether that is new."""
        is_new = error.code != self._refusal
        self._refusal = error.code
        self._refused_until_s = time.monotonic() + _REFUSED_S
        self.detail = str(error)
        return is_new
