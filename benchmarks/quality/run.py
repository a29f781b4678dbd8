"""What one system gave on one recording, whatever the system is."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.support.recordings import Recording


@dataclass(frozen=True)
class Word:
    """A word as a system told it, with its times in the recording.

    Attributes:
        text: as the system tells it, with or without the space before it.
        probability: 0 to 1; None where the system tells none.
    """

    text: str
    start_s: float
    end_s: float
    probability: float | None = None


@dataclass(frozen=True)
class Shown:
    """What stood on the screen from a moment on, until the next one.

    Attributes:
        at_s: when, on the clock on which the audio begins at 0.
        final: all final text so far; it only grows.
        partial: what stood after it.
        stable_chars: so many first characters of `partial` were told to be stable.
    """

    at_s: float
    final: str
    partial: str
    stable_chars: int = 0


@dataclass
class Run:
    """One system on one recording.

    Attributes:
        text: the final text.
        words: its words, where the system tells their times.
        log: every shown text in order of time. Empty for systems that are not live.
        timed: whether the times in `log` mean something: false where chunks were not paced.
        chunk_ends_s: the audio's own time at the end of each chunk, in order.
        batch_ends_s: the same for the chunks there would have been with nobody late; where they
            wait for an answer, several gather in one.
        seams_s: where the final text was put together from separate decodes.
        model_s: seconds in the model.
        cpu_s: CPU seconds of the whole process.
        reply_ms: the server's own time for each chunk.
        languages: (seconds of audio that were not silence, language), reply by reply.
    """

    system: str
    recording: Recording
    text: str
    words: list[Word] = field(default_factory=list)
    log: list[Shown] = field(default_factory=list)
    timed: bool = False
    chunk_ends_s: list[float] = field(default_factory=list)
    batch_ends_s: list[float] = field(default_factory=list)
    seams_s: list[float] = field(default_factory=list)
    model_s: float = 0.0
    cpu_s: float = 0.0
    reply_ms: list[int] = field(default_factory=list)
    languages: list[tuple[float, str | None]] = field(default_factory=list)

    @property
    def audio_s(self) -> float:
        """Length of the recording in seconds."""
        return self.recording.duration_s

    @property
    def borders_s(self) -> list[float]:
        """Where one chunk ends and the next begins."""
        return self.chunk_ends_s[:-1]
