"""What the tests of the journal have in common."""

from __future__ import annotations

import pytest


class Clock:
    """Seconds since 1970, as a test wants them."""

    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()
