"""Keeping the process small: how the C library keeps freed memory.

Many threads take turns with large, short-lived arrays, and glibc gives each thread an arena of its
own: memory then grows with the number of threads, not with what is in use. Other C libraries are
left as they are. Returning large blocks at once saves more still, but it made every model pass
half as slow again, as the system clears each page anew.
"""

from __future__ import annotations

import ctypes
import sys

# From glibc's malloc.h.
_M_ARENA_MAX = -8
_ARENAS = 2


def keep_small() -> None:
    """Tell the allocator to share few arenas."""
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)
