"""A whole recording while it is being decoded: how long it is, and its audio, block by block."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack
from typing import BinaryIO, cast

from transcriber.audio.decode import Part, decode_recording
from transcriber.audio.duration import duration_s
from transcriber.audio.resample import NO_SAMPLES, Samples

# Larger files wait on disk for their turn.
_IN_MEMORY_BYTES = 8 << 20


class Opened:
    """See the module; opening has decoded the beginning already.

    Attributes:
        duration_s: how long it is, as far as its containers tell.
        blocks: float32 arrays, 16 kHz mono; may raise `AudioError`.
    """

    def __init__(
        self,
        duration_s: float | None,
        blocks: Generator[Samples, None, None],
        close: Callable[[], object],
    ) -> None:
        self.duration_s = duration_s
        self._close = close
        self._rest = blocks
        try:
            self.blocks = itertools.chain([next(blocks, NO_SAMPLES)], blocks)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Free what it holds."""
        self._rest.close()
        self._close()


# Takes seekable files, as `decode_recording` has them, and the most seconds of audio; the files may
# go away afterwards. Raises what that raises, and OSError where there is no room for a copy.
OpenRecording = Callable[[Sequence[Part], float], Opened]


def open_here(parts: Sequence[Part], max_s: float) -> Opened:
    """Open a recording in this process; see `OpenRecording`."""
    with ExitStack() as files:
        copies = [Part(_copy(part.data, files), part.pcm) for part in parts]
        seconds = duration_s(copies, max_s)
        blocks = cast("Generator[Samples, None, None]", decode_recording(copies, max_s))
        return Opened(seconds, blocks, files.pop_all().close)
    raise AssertionError  # for mypy: ExitStack may swallow what is raised, this one does not


def _copy(data: BinaryIO, files: ExitStack) -> BinaryIO:
    file = files.enter_context(tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES))  # noqa: SIM115
    shutil.copyfileobj(data, file)
    file.seek(0)
    return cast("BinaryIO", file)
