"""How much memory the graphics cards have, and how much of it is in use."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import pynvml

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class GpuMemory:
    """Bytes of one NVIDIA card, used by all processes together.

    Attributes:
        gpu: its number, as the driver counts.
    """

    gpu: int
    used: int
    total: int


class GpuMemories:
    """Asks the driver, where there is one; the answer takes well under a millisecond."""

    def __init__(self) -> None:
        try:
            pynvml.nvmlInit()
            numbers = range(pynvml.nvmlDeviceGetCount())
            self._handles = [pynvml.nvmlDeviceGetHandleByIndex(number) for number in numbers]
        except pynvml.NVMLError as error:
            log.debug("No NVIDIA driver tells of its cards: %s", error)
            self._handles = []

    def read(self) -> list[GpuMemory]:
        """Return the memory of each card; none where none tells of it."""
        told = []
        for number, handle in enumerate(self._handles):
            try:
                memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
            except pynvml.NVMLError as error:
                log.warning("Card %d does not tell of its memory: %s", number, error)
            else:
                told.append(GpuMemory(number, int(memory.used), int(memory.total)))
        return told
