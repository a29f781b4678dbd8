"""How far the way to a model has come, for a terminal and for `/health`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Source = Literal["folder", "cache", "hub-cache", "hub", "packages"]
Stage = Literal["waiting", "asking", "downloading", "unpacking", "checking"]

_MB = 1_000_000
_DOING: dict[Stage, str] = {
    "waiting": "Waiting for another process that fetches {name}",
    "asking": "Asking the {source} for {name}",
    "downloading": "Downloading {name} from the {source}",
    "unpacking": "Unpacking {name} from the {source}",
    "checking": "Checking the files of {name} from the {source}",
}
_CALLED: dict[Source, str] = {
    "folder": "folder",
    "cache": "local cache",
    "hub-cache": "hub's local cache",
    "hub": "hub",
    "packages": "package index",
}


@dataclass(frozen=True)
class Progress:
    """One step on the way to a model.

    Attributes:
        stage: what is being done.
        source: where the files come from.
        done_bytes: never less than what was told before for the same stage and source.
        total_bytes: what `done_bytes` ends at; None where it isn't known. A download of packages
            is measured against the unpacked files, so it may end a little early.
        message: all of it as one sentence.
    """

    stage: Stage
    source: Source
    done_bytes: int
    total_bytes: int | None
    message: str


def ignore(progress: Progress) -> None:
    """Do nothing with progress."""


class Reporter:
    """Tells the progress of one search; keeps it from going back.

    Args:
        name: what to call the model.
        tell: called with each step, in the thread that makes it.
    """

    def __init__(self, name: str, tell: Callable[[Progress], None]) -> None:
        self._name = name
        self._tell = tell
        self._lock = threading.Lock()
        self._most: dict[tuple[Stage, Source], int] = {}

    def __call__(
        self, stage: Stage, source: Source, done_bytes: int = 0, total_bytes: int | None = None
    ) -> None:
        """Report one step; a download that starts over stays at the most that was told before."""
        with self._lock:
            done_bytes = max(done_bytes, self._most.get((stage, source), 0))
            if total_bytes is not None:
                done_bytes = min(done_bytes, total_bytes)
            self._most[stage, source] = done_bytes
            message = _DOING[stage].format(name=self._name, source=_CALLED[source])
            if total_bytes is not None:
                message += f", {done_bytes / _MB:.1f} of {total_bytes / _MB:.1f} MB"
            self._tell(Progress(stage, source, done_bytes, total_bytes, f"{message}."))
