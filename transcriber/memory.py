"""Keeping the process small: what native libraries keep of memory that is done with.

Many threads take turns with large, short-lived arrays, and glibc gives each thread an arena of its
own: memory then grows with the number of threads, not with what is in use. Other C libraries are
left as they are. Returning large blocks at once saves more still, but it made every model pass
half as slow again, as the system clears each page anew. So what is free is returned now and then:
without that a worker that decodes without a break grew by 400 MB an hour.

oneDNN, which CTranslate2 computes with on a CPU, compiles code for each length of audio that it
meets and keeps it, 0.6 MB each, for the newest 1,024; windows come in any length. Keeping few costs
no time that could be measured, as new lengths come all the time anyway.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any

from transcriber.periodic import Periodic

# From glibc's malloc.h.
_M_ARENA_MAX = -8
_ARENAS = 2
_KEPT_PRIMITIVES = "64"
TRIM_EVERY_S = 60.0


def keep_small() -> None:
    """Tell the native libraries to keep little; call it before a model is loaded."""
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", _KEPT_PRIMITIVES)
    mallopt = _of_libc("mallopt")
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)


def trimmer() -> Periodic:
    """Return what gives freed memory back to the system, once a minute."""
    trim = _of_libc("malloc_trim")
    return Periodic("memory-trimmer", TRIM_EVERY_S, lambda: trim(0) if trim else None)


def _of_libc(name: str) -> Any:
    """Return a function of glibc; None where another C library runs."""
    if not sys.platform.startswith("linux"):
        return None
    return getattr(ctypes.CDLL(None), name, None)
