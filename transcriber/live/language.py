"""Which language a session is in: given, or detected once there is enough speech, then kept."""

from __future__ import annotations

# From this much audio on, Whisper's detector is right in practice; below, it guesses.
ENOUGH_S = 3.0
# A shorter stretch decides only if the detector leaves no doubt.
SURE = 0.9
# With enough audio the winner needs to be more likely than all others together.
LIKELY = 0.5


class LanguageChoice:
    """Keeps the language of one session."""

    def __init__(self, given: str | None) -> None:
        self.fixed = given
        self.latest = given  # the best guess so far, to be shown

    def heard(self, language: str, probability: float, seconds: float) -> None:
        """Take the detector's finding on a window of `seconds` that holds speech."""
        if self.fixed is not None:
            return
        self.latest = language
        if seconds >= ENOUGH_S and probability >= (LIKELY if seconds >= 2 * ENOUGH_S else SURE):
            self.fixed = language
