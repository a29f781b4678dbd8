"""The terminal: lines that stay, and below them one that is written anew again and again."""

from __future__ import annotations

import shutil
import sys
import threading
import unicodedata

from transcriber.cli.status import complain

_CLEAR = "\r\x1b[2K"


class Screen:
    """Final lines go to standard output. The line below is for people only: it is on standard
    error, and only where both are a terminal.

    Use it as a context manager: at the end the line below is gone.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._below = ""
        self._live = sys.stdout.isatty() and sys.stderr.isatty()

    def add(self, line: str) -> None:
        """Add a line that stays."""
        with self._lock:
            self._erase()
            self._below = ""  # some of it is in that line now; what is left is shown anew
            print(line, flush=True)

    def show(self, text: str) -> None:
        """Show a text below: its end, where all of it is too long."""
        with self._lock:
            if text != self._below:
                self._below = text
                self._erase()
                self._draw()

    def note(self, message: object) -> None:
        """Say something that is not text."""
        with self._lock:
            self._erase()
            complain(message)
            self._draw()

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, *_: object) -> None:
        self.show("")

    def _erase(self) -> None:
        if self._live:
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()

    def _draw(self) -> None:
        if self._live and self._below:
            width = shutil.get_terminal_size().columns - 1
            sys.stderr.write(fitting(self._below.strip(), width))
            sys.stderr.flush()


def fitting(text: str, columns: int) -> str:
    """Return the end of a text that fits into so many columns, behind `…` where that cuts it."""
    if sum(map(_columns, text)) <= columns:
        return text
    kept, left = "", columns - 1
    for char in reversed(text):
        left -= _columns(char)
        if left < 0:
            break
        kept = char + kept
    while kept and _columns(kept[0]) == 0:  # a mark whose letter is cut off
        kept = kept[1:]
    return f"…{kept}"


def _columns(char: str) -> int:
    """Return how wide a terminal draws it, by Unicode's annex 11."""
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
