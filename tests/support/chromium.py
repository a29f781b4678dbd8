"""Which Chromium the tests of the page use: the system's, since no package of Python brings one.

`python -m tests.support.chromium` prints its path, or fails; the Makefile then installs one.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
_VERSION_S = 30.0


@functools.cache
def chromium() -> str | None:
    """Return the path of $CHROMIUM or else of the first browser that runs; None without one."""
    wanted = os.environ.get("CHROMIUM")
    for name in (wanted,) if wanted else NAMES:
        path = shutil.which(name)
        if path is not None and _runs(path):
            return path
    return None


def missing() -> str:
    """Return what to tell about a browser that was not found."""
    return f"no browser: set $CHROMIUM, or install one of {', '.join(NAMES)}"


def _runs(path: str) -> bool:
    """Tell whether it is more than a stub that asks to install a snap."""
    try:
        tried = subprocess.run([path, "--version"], capture_output=True, timeout=_VERSION_S)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return tried.returncode == 0


if __name__ == "__main__":
    if chromium() is None:
        sys.exit(missing())
    print(chromium())
