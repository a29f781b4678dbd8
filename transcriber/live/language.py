"""Which language a session is in: given, or detected once there is enough speech, then kept."""

from __future__ import annotations

from dataclasses import dataclass

# Whisper's detector guesses on less audio than this.
ENOUGH_S = 3.0
# On twice as much it decides only if it leaves no doubt: on 3 s of French it was wrong with 0.79.
SURE = 0.9
# With enough audio the winner needs to be more likely than all others together.
LIKELY = 0.5


@dataclass(frozen=True)
class LanguageState:
    """What is known of a session's language; see `LanguageChoice`.

    `guess` is the best finding that decided nothing: how good it is, and which.
    """

    fixed: str | None = None
    expected: str | None = None
    latest: str | None = None
    guess: tuple[float, str | None] = (0.0, None)


class LanguageChoice:
    """Keeps the language of one session.

    Args:
        given: the client's, None to detect it.
        each_utterance: whether it is detected anew in each utterance, for people who switch; the
            former one stays until there is evidence of another.

    Attributes:
        fixed: the language to decode in, None while it has to be detected.
        expected: the language of the utterances before, None where that means nothing.
        latest: the one to be shown. What is shown and then taken back is worse than none, so it
            is None until the detector is sure, or the session over.
    """

    def __init__(self, given: str | None, each_utterance: bool = False) -> None:
        self.fixed = self.latest = given
        self.expected: str | None = None
        self.each_utterance = each_utterance and given is None
        self._guess: tuple[float, str | None] = (0.0, None)  # how good it is, and what

    @property
    def state(self) -> LanguageState:
        """What is known so far."""
        return LanguageState(self.fixed, self.expected, self.latest, self._guess)

    def restore(self, state: LanguageState) -> None:
        """Go on with what an earlier process has found out."""
        self.fixed, self.expected = state.fixed, state.expected
        self.latest, self._guess = state.latest, state.guess

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
        self._guess = max(self._guess, (min(seconds, ENOUGH_S) * probability, language))
        decided = seconds >= ENOUGH_S and probability >= _needed(seconds)
        if decided or probability >= SURE:
            self.latest = language
        if decided and earlier:
            self.expected = language
        elif decided:
            self.fixed = language

    def end(self) -> None:
        """The session is over: show the best guess if it was never sure."""
        self.latest = self.latest or self._guess[1]


def _needed(seconds: float) -> float:
    """Return how probable a language has to be, heard in so much audio."""
    return LIKELY if seconds >= 2 * ENOUGH_S else SURE
