"""What is told of the memory of graphics cards, where the driver tells of any."""

from __future__ import annotations

from types import SimpleNamespace

import pynvml
import pytest

from transcriber.gpu import GpuMemories, GpuMemory

GIB = 1 << 30


@pytest.fixture
def two_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver with two cards, the second of which has fallen off the bus."""

    def memory(number: int) -> SimpleNamespace:
        if number:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
        return SimpleNamespace(used=3 * GIB, total=80 * GIB)

    monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetCount", lambda: 2)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByIndex", lambda number: number)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetMemoryInfo", memory)


def test_without_a_driver_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", fail)
    assert GpuMemories().read() == []


@pytest.mark.usefixtures("two_cards")
def test_each_card_that_answers_tells_of_its_memory() -> None:
    assert GpuMemories().read() == [GpuMemory(0, 3 * GIB, 80 * GIB)]
