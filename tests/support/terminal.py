"""A command in a terminal, and all that it shows there."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Sequence

from tests.support.server import ROOT, wait_for

WAIT_S = 60.0
_ROWS, _COLUMNS = 24, 80


class Terminal:
    """A command in a terminal of 80 columns."""

    def __init__(self, command: Sequence[str]) -> None:
        self._read, write = pty.openpty()
        fcntl.ioctl(write, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
        self._shown = b""
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=write, stderr=write
        )
        os.close(write)

    def read_until(self, text: str) -> None:
        """Read what is shown until a text is among it."""

        def is_there() -> bool:
            self._shown += os.read(self._read, 4096)
            return text in self._shown.decode(errors="replace")

        wait_for(is_there, WAIT_S)

    def read_all(self) -> str:
        """Return all that was shown, once the command has ended."""
        while True:
            try:
                self._shown += os.read(self._read, 4096)
            except OSError:  # that is how a terminal says that nobody writes any more
                os.close(self._read)
                return self._shown.decode()
