"""Which language a session is in: given, or detected once there is enough speech, then kept."""

from __future__ import annotations

# From this much audio on, Whisper's detector is right in practice; below, it guesses.
ENOUGH_S = 3.0
# A shorter stretch decides only if the detector leaves no doubt.
SURE = 0.9
# With enough audio the winner needs to be more likely than all others together.
LIKELY = 0.5


class LanguageChoice:
    """Keeps the language of one session.

    Args:
        given: the client's, None to detect it.
        each_utterance: whether it is detected anew in each utterance, for people who switch; the
            former one stays until there is evidence of another.

    Attributes:
        fixed: the language to decode in, None while it has to be detected.
        expected: the language of the utterances before, None where that means nothing.
        latest: the one to be shown.
    """

    def __init__(self, given: str | None, each_utterance: bool = False) -> None:
        self.fixed = self.latest = given
        self.expected: str | None = None
        self.each_utterance = each_utterance and given is None

    def new_utterance(self) -> None:
        """A pause has ended an utterance: the next may be in another language."""
        if self.each_utterance:
            self.fixed, self.expected = None, self.latest

    def heard(
        self, language: str, probability: float, seconds: float, earlier: bool = False
    ) -> None:
        """Take the detector's finding on a window of `seconds` that holds speech.

        `earlier`: of an utterance before the present one, in which it need not hold.
        """
        if self.fixed is not None:
            return
        if seconds >= ENOUGH_S or probability >= SURE:
            self.latest = language  # a guess on a syllable is not worth showing
        if seconds >= ENOUGH_S and probability >= (LIKELY if seconds >= 2 * ENOUGH_S else SURE):
            if earlier:
                self.expected = language
            else:
                self.fixed = language
