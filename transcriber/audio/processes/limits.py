"""How long a decoder process may run."""

from __future__ import annotations

import resource


def allow(seconds: int) -> None:
    """Let the process run for so much longer; then the system ends it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime) + seconds + 1
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))
