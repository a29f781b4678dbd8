"""Why a chunk or a session is refused.

SessionError
  +- UnknownSession     no such session; one begins with sequence 0
  +- SessionEnded       its last chunk has come
  +- SessionExpired     it was left alone for too long, or deleted
  +- TooManySessions    the limit is reached; try again later
  +- TooManyOfOwner     the one who asks has as many sessions as it may; try again later
  +- QueueFull          as many recordings wait as may; try again later
  +- SequenceReused     other bytes came under this sequence before
  +- SequenceGap        too far ahead of what has come
  +- SequenceGivenUp    was waited for and given up; the transcript has a gap there
  +- SessionTooLong     the session has reached the longest audio that is allowed
  +- NotLive            an upload has this id: it came whole, and takes no chunks
  +- ServiceStopping    the service stops before the upload was done
  +- StorageError       sessions can't be written down at the moment
     +- StorageFull     there is no room for more
"""

from __future__ import annotations


class SessionError(Exception):
    """A request that the session can't take; nothing was stored."""


class UnknownSession(SessionError):
    """No session has this id."""


class SessionEnded(SessionError):
    """The session's final chunk has come."""


class SessionExpired(SessionError):
    """The session is gone: expired or deleted."""


class TooManySessions(SessionError):
    """As many sessions as allowed are active."""


class TooManyOfOwner(SessionError):
    """Whoever asks has as many active sessions as allowed."""

    def __init__(self, kind: str, limit: int) -> None:
        super().__init__(f"at most {limit} at once for each {kind}")
        self.kind = kind
        self.limit = limit


class QueueFull(SessionError):
    """As many recordings wait for their turn as allowed."""


class SequenceReused(SessionError):
    """The same sequence with other bytes."""


class SequenceGap(SessionError):
    """Too far ahead; `next_sequence` is the one to send."""

    def __init__(self, next_sequence: int) -> None:
        super().__init__(f"the next sequence is {next_sequence}")
        self.next_sequence = next_sequence


class SequenceGivenUp(SessionError):
    """The chunk came after its gap had been given up."""


class SessionTooLong(SessionError):
    """No more audio fits into this session."""

    def __init__(self, limit_s: float) -> None:
        super().__init__(f"a session holds at most {limit_s:g} s of audio")
        self.limit_s = limit_s


class NotLive(SessionError):
    """The id belongs to an upload, which takes no chunks."""


class ServiceStopping(SessionError):
    """The service stops, and the upload was not done yet."""


class StorageError(SessionError):
    """What has to be written down can't be at the moment."""


class StorageFull(StorageError):
    """There is no room for more audio where sessions are written down."""
