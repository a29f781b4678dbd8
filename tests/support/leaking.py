"""The application as it must not be: each session leaves something behind for ever."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import Any

from flask import Flask, Response, request

import app

LEAK_MB, CHILD_EVERY = 8, 10
_kept: list[Any] = []
_wait = [sys.executable, "-c", "import sys; sys.stdin.read()"]


def create_app() -> Flask:
    """Return the application, with a leak of each kind in what answers a chunk."""
    leaking = app.create_app()
    leaking.after_request(_leak)
    return leaking


def _leak(response: Response) -> Response:
    if request.path == "/transcribe":
        forgotten = threading.Thread(target=threading.Event().wait, daemon=True)
        forgotten.start()
        if len(_kept) % CHILD_EVERY == 0:
            _kept.append(subprocess.Popen(_wait, stdin=subprocess.PIPE))
        _kept.append((forgotten, os.open(os.devnull, os.O_RDONLY), b"x" * (LEAK_MB << 20)))
    return response
