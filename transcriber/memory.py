"""Keeping the process small: how the C library hands memory back.

Many threads take turns with large, short-lived arrays. glibc gives each thread an arena of its own
and, once it has seen a large block freed, keeps such blocks for reuse: memory then grows with the
number of threads, not with what is in use. Other C libraries are left as they are.
"""

from __future__ import annotations

import ctypes
import sys

# From glibc's malloc.h.
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
_ARENAS = 2
_MMAP_FROM_BYTES = 256 * 1024


def keep_small() -> None:
    """Tell the allocator to share few arenas and to return large blocks when they are freed."""
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)
        mallopt(_M_MMAP_THRESHOLD, _MMAP_FROM_BYTES)
