"""All runs of one system taken together."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.quality import measures
from benchmarks.quality.alignment import Delay, delays, spoken
from benchmarks.quality.measures import Flicker, Places
from benchmarks.quality.run import Run
from tests.support.scores import Errors


@dataclass
class Summary:
    """One system over all recordings: every figure counts all words together.

    Attributes:
        difference: its texts against those of the whole files.
        borders, seams: errors at chunk borders, and where the final text was put together.
        judged: (probability, whether it is right) of every word.
        starts_s, ends_s: errors of word times.
    """

    system: str
    errors: Errors = field(default_factory=Errors)
    difference: Errors = field(default_factory=Errors)
    borders: Places = field(default_factory=Places)
    seams: Places = field(default_factory=Places)
    flicker: Flicker = field(default_factory=Flicker)
    judged: list[tuple[float, bool]] = field(default_factory=list)
    starts_s: list[float] = field(default_factory=list)
    ends_s: list[float] = field(default_factory=list)
    delays: list[Delay] = field(default_factory=list)
    reply_ms: list[int] = field(default_factory=list)
    model_s: float = 0.0
    cpu_s: float = 0.0
    audio_s: float = 0.0
    recordings: int = 0

    def add(self, run: Run, whole_text: str | None) -> None:
        """Take in one run; `whole_text` is what the whole file gave, None: not known."""
        recording = run.recording
        said = spoken(recording)
        language = recording.language
        if recording.text:
            self.errors += measures.text_errors(recording.text, run.text, language)
        if whole_text is not None:
            self.difference += measures.text_errors(whole_text, run.text, language)
        self.borders += measures.border_errors(said, run.text, run.borders_s)
        self.seams += measures.border_errors(said, run.text, run.seams_s)
        self.judged += measures.judged_words(said, run.words) if said.words else []
        starts_s, ends_s = measures.time_errors_s(said, run.words)
        self.starts_s += starts_s
        self.ends_s += ends_s
        if run.timed:
            self.delays += delays(said, run.log, run.batch_ends_s)
            words = measures.word_count(recording.text, "")
            self.flicker += measures.flicker(run.log, words)
            self.reply_ms += run.reply_ms
        self.model_s += run.model_s
        self.cpu_s += run.cpu_s
        self.audio_s += run.audio_s
        self.recordings += 1

    def shown_s(self, *, less_batch: bool = False) -> list[float]:
        """Return the delay of each word that was shown, with or without waiting for its chunk."""
        return [
            one.shown_s - (one.batch_s if less_batch else 0)
            for one in self.delays
            if one.shown_s is not None
        ]

    def final_s(self, *, less_batch: bool = False) -> list[float]:
        """Return the same for each word that became final."""
        return [
            one.final_s - (one.batch_s if less_batch else 0)
            for one in self.delays
            if one.final_s is not None
        ]

    def as_json(self) -> dict[str, Any]:
        """Return every figure, and what it was computed from."""
        figures = {
            "wer": self.errors.wer if self.errors.words else None,
            "difference": self.difference.wer if self.difference.words else None,
            "near_borders": self.borders.near,
            "elsewhere": self.borders.elsewhere,
            "near_seams": self.seams.near,
            "flicker": self.flicker.rate,
            "stable_taken_percent": self.flicker.stable_rate,
            "calibration_error": measures.calibration_error(self.judged),
            "shown_p50_p95_max_s": measures.percentiles(self.shown_s(), 50, 95, 100),
            "final_p50_p95_max_s": measures.percentiles(self.final_s(), 50, 95, 100),
            "shown_less_batch_p50_p95_max_s": measures.percentiles(
                self.shown_s(less_batch=True), 50, 95, 100
            ),
            "final_less_batch_p50_p95_max_s": measures.percentiles(
                self.final_s(less_batch=True), 50, 95, 100
            ),
            "longest_partial_s": measures.longest_partial_s(self.delays),
            "start_error_p50_p95_s": measures.percentiles(self.starts_s, 50, 95),
            "end_error_p50_p95_s": measures.percentiles(self.ends_s, 50, 95),
            "model_s_per_s": self.model_s / self.audio_s,
            "cpu_s_per_s": self.cpu_s / self.audio_s,
        }
        bins = [dataclasses.asdict(one) for one in measures.calibration(self.judged)]
        raw = {
            name: getattr(self, name)
            for name in ("system", "recordings", "audio_s", "model_s", "cpu_s", "reply_ms")
        }
        counts = {
            name: dataclasses.asdict(getattr(self, name))
            for name in ("errors", "borders", "seams", "flicker")
        }
        every = [dataclasses.asdict(one) for one in self.delays]
        return raw | {"figures": figures, "counts": counts, "calibration": bins, "delays": every}


def summaries(runs: Sequence[Run]) -> list[Summary]:
    """Return a summary per system, in the order in which they ran."""
    whole = whole_texts(runs)
    found: dict[str, Summary] = {}
    for run in runs:
        summary = found.setdefault(run.system, Summary(run.system))
        summary.add(run, whole.get(str(run.recording.path)))
    return list(found.values())


def whole_texts(runs: Sequence[Run]) -> Mapping[str, str]:
    """Return the text of each whole file by its path: faster-whisper's, else the upload's."""
    texts: dict[str, str] = {}
    for system in ("uploaded", "whole file"):
        # Its name may be followed by the variant's.
        own = [run for run in runs if run.system.startswith(system)]
        texts |= {str(run.recording.path): run.text for run in own}
    return texts
