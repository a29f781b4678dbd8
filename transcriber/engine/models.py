"""The loaded models: one for everything, and perhaps a smaller one for the partial lane."""

from __future__ import annotations

from dataclasses import dataclass, replace

from transcriber.engine import lanes
from transcriber.engine.model import SpeechModel
from transcriber.engine.window import Decoded, Lane, Listener, Window


@dataclass(frozen=True)
class Models:
    """What decodes: `partial` only the partial windows that it suits, `main` all others."""

    main: SpeechModel
    partial: SpeechModel | None = None

    def decode(self, window: Window, listener: Listener) -> Decoded:
        """Decode one window: a pure function of it and of the models that are loaded."""
        language = self._partial_language(window)
        if self.partial is None or language is None:
            return lanes.decode(self.main, window, listener)
        return lanes.decode(self.partial, replace(window, language=language), listener)

    def _partial_language(self, window: Window) -> str | None:
        """Return the language that the partial model decodes a window in; None: it does not.

        While a session's language is unknown the main model decodes its partial windows too: what
        they are found to be in is kept for the whole session, small models are worse at finding it,
        and one for English only would find English in everything.
        """
        if self.partial is None or window.lane is not Lane.PARTIAL:
            return None
        language = window.language if self.main.multilingual else "en"
        return language if language in self.partial.languages else None
