"""What a session's replies tell, put in order: they overtake each other, and repeat themselves."""

from __future__ import annotations

from transcriber.client.replies import Reply, Segment


class Gathering:
    """See the module.

    Args:
        settled_s: where what is new begins, on the session's clock.

    Attributes:
        told: how many segments are here, without a hole.
        settled_s: up to where the audio is final as those segments, or silence.
        complete: whether the session is over and all of it is here.
        latest: the newest reply, None before the first.
    """

    def __init__(self, settled_s: float) -> None:
        self.told = 0
        self.settled_s = settled_s
        self.complete = False
        self.latest: Reply | None = None
        self._early: dict[int, Segment] = {}  # that came before their turn
        self._claims: list[Reply] = []  # that tell of segments which are not here yet

    def take(self, reply: Reply) -> list[Segment]:
        """Take a reply; return the segments that are new, in order and without a hole."""
        self._early |= {one.id: one for one in reply.segments if one.id >= self.told}
        fresh = []
        while self.told in self._early:
            fresh.append(self._early.pop(self.told))
            self.told += 1
        self._settle(fresh, reply)
        if self.latest is None or reply.revision >= self.latest.revision:
            self.latest = reply
        return fresh

    @property
    def known_revision(self) -> int | None:
        """The newest revision if all of its segments are here, else None."""
        latest = self.latest
        if latest is None or self.told < latest.settled_segments:
            return None
        return latest.revision

    def _settle(self, fresh: list[Segment], reply: Reply) -> None:
        """Settle what is here, never more: a replay begins where this ends."""
        self._claims.append(reply)
        if fresh:
            self.settled_s = max(self.settled_s, fresh[-1].end)
        for claim in self._claims:
            if claim.settled_segments == self.told:
                self.settled_s = max(self.settled_s, claim.settled_s)
                self.complete = self.complete or claim.final
        self._claims = [claim for claim in self._claims if claim.settled_segments > self.told]
