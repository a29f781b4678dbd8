"""The models are not asked more at once than there are slots."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.server import wait_for
from transcriber.engine.slots import Slotted


class Model:
    """Knows how many calls are made of it at once at most, and lets none go before `gate`."""

    n_mels = 80

    def __init__(self) -> None:
        self.most = self.now = 0
        self.gate = threading.Semaphore(0)
        self._lock = threading.Lock()

    def generate(self, text: str, *, beam_size: int = 1) -> str:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        assert self.gate.acquire(timeout=10)
        with self._lock:
            self.now -= 1
        if text == "bad":
            raise RuntimeError("out of memory")
        return text * beam_size


@pytest.mark.parametrize("slots", [1, 2])
def test_so_many_calls_are_made_at_once_and_all_are_answered(slots: int) -> None:
    model, shared = Model(), threading.Semaphore(slots)
    first, second = Slotted(model, shared), Slotted(model, shared)
    with ThreadPoolExecutor(6) as threads:
        answers = [
            threads.submit((first, second)[at % 2].generate, str(at), beam_size=2)
            for at in range(6)
        ]
        wait_for(lambda: all(one.running() for one in answers) and model.now == slots, 10)
        model.gate.release(6)
        assert [one.result(10) for one in answers] == ["00", "11", "22", "33", "44", "55"]
    assert model.most == slots


def test_a_call_that_fails_gives_its_slot_back() -> None:
    model, shared = Model(), threading.Semaphore(1)
    slotted = Slotted(model, shared)
    model.gate.release(2)
    with pytest.raises(RuntimeError, match="out of memory"):
        slotted.generate("bad")
    assert slotted.generate("good") == "good"


def test_what_is_no_call_waits_for_nobody() -> None:
    taken = threading.Semaphore(0)
    assert Slotted(Model(), taken).n_mels == 80
