"""No more calls of the models at once than there are cores for.

More would only take turns, each of them slower.
"""

from __future__ import annotations

import threading
from typing import Any

_CALLS = frozenset({"encode", "detect_language", "generate", "align"})


class Slotted:
    """A CTranslate2 Whisper whose calls wait for a free slot.

    Args:
        model: `ctranslate2.models.Whisper`.
        slots: of all models that share them.
    """

    def __init__(self, model: Any, slots: threading.Semaphore) -> None:
        self._model = model
        self._slots = slots

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._model, name)
        if name not in _CALLS:
            return found

        def call(*given: Any, **options: Any) -> Any:
            with self._slots:
                return found(*given, **options)

        return call
