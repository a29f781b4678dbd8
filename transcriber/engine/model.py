"""Whisper on CTranslate2: one loaded model, shared by all workers.

Everything that is the same for every service on Whisper (tokenizer, features, fallback ladder,
word alignment) is faster-whisper's; the choices of live transcription are in `lanes`.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import _LANGUAGE_CODES, Tokenizer
from faster_whisper.transcribe import get_ctranslate2_storage

from transcriber.engine.device import Device
from transcriber.engine.resume import resuming
from transcriber.engine.slots import Slotted
from transcriber.engine.together import Calls
from transcriber.engine.window import Window

log = logging.getLogger(__name__)

WHISPER_LANGUAGES: tuple[str, ...] = tuple(_LANGUAGE_CODES)
FRAMES_PER_S = 100  # mel frames
FULL_CONTEXT_S = 30
# Stock weights break in shorter windows, and need silence after the speech
# (docs/when-words-become-final.md).
SHORT_CONTEXT_S = 15
CONTEXT_MARGIN_S = 3
# Less is no evidence that somebody speaks another language than before.
EVIDENCE_S, EVIDENCE_PROB = 3.0, 0.9
_MEASURED_SHORT = ("tiny.en", "base")


class SpeechModel:
    """A loaded model; its methods may be called from several threads at once.

    Args:
        path: folder with the CTranslate2 files.
        name: what to call it in replies.
        device: where it runs.
        workers: how many passes may run in the model at the same time.
        cpu_threads: threads of one pass on a CPU.
        partial_context: `15`, `30` or `auto`, the encoder window for utterances that go on.
        slots: how many calls are made at once, of all models that share them; None: any number.

    Raises:
        RuntimeError, ValueError: CTranslate2 can't load the files or run on the device.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        device: Device,
        workers: int,
        cpu_threads: int,
        partial_context: str = "auto",
        slots: threading.Semaphore | None = None,
    ) -> None:
        self.name = name
        self.device = device
        self.whisper: Any = WhisperModel(
            str(path),
            device=device.name,
            compute_type=device.compute_type,
            cpu_threads=cpu_threads,
            num_workers=workers,
            local_files_only=True,
        )
        token_id = self.whisper.hf_tokenizer.token_to_id
        begin = token_id("<|startoftranscript|>"), token_id("<|notimestamps|>")
        if slots is not None:
            self.whisper.model = Slotted(self.whisper.model, slots)
        self.whisper.model = Calls(self.whisper.model, *begin)
        # On CUDA the second copy would take the memory of batches, and has not been measured.
        self.resuming: Any = None
        if device.name == "cpu":
            self.resuming = self._resuming(path, workers, cpu_threads, slots)
        self.multilingual: bool = self.whisper.model.is_multilingual
        self.languages = self._known_languages()
        short = name in _MEASURED_SHORT if partial_context == "auto" else partial_context == "15"
        self._short_everywhere = partial_context == "15"
        self.open_context_s = SHORT_CONTEXT_S if short else FULL_CONTEXT_S
        self._tokenizers: dict[tuple[str, str], Tokenizer] = {}
        self._lock = threading.Lock()

    def _resuming(
        self, path: Path, workers: int, cpu_threads: int, slots: threading.Semaphore | None
    ) -> Any:
        try:
            return resuming(self.whisper, path, workers, cpu_threads, slots)
        except (OSError, RuntimeError, ValueError):
            log.warning("Final text will be fed to the model word by word", exc_info=True)
            return None

    def _known_languages(self) -> tuple[str, ...]:
        """Return the codes of the languages it was trained in; Cantonese came with `large-v3`."""
        if not self.multilingual:
            return ("en",)
        token_id = self.whisper.hf_tokenizer.token_to_id
        return tuple(code for code in WHISPER_LANGUAGES if token_id(f"<|{code}|>") is not None)

    def encode(self, audio: Any, least_context_s: int | None) -> tuple[Any, int]:
        """Return the encoder's output for at most 30 s of audio, and its own mel frames.

        Args:
            audio: float32, shape (n,), 16 kHz.
            least_context_s: the shortest encoder window, which grows with the audio; None for
                Whisper's own 30 s.
        """
        features = self.whisper.feature_extractor(audio)[..., :-1]
        frames = min(features.shape[-1], FULL_CONTEXT_S * FRAMES_PER_S)
        context = FULL_CONTEXT_S * FRAMES_PER_S
        if least_context_s is not None:
            wanted = frames + CONTEXT_MARGIN_S * FRAMES_PER_S
            context = min(context, max(least_context_s * FRAMES_PER_S, wanted))
        padded = np.zeros((1, features.shape[0], context), np.float32)
        padded[0, :, :frames] = features[:, :frames]
        return self.whisper.model.encode(get_ctranslate2_storage(padded)), frames

    def context_s(self, window: Window) -> int:
        """Return the shortest encoder window for an utterance that goes on, in seconds.

        The short one is known to be safe in English alone: in Russian it cost `base` five words in
        a hundred.
        """
        english = not self.multilingual or window.language == "en"
        return self.open_context_s if english or self._short_everywhere else FULL_CONTEXT_S

    def language(self, window: Window, encoded: Any) -> tuple[str, float]:
        """Return the language to decode a window in, detected unless given, and how sure."""
        if not self.multilingual:
            return "en", 1.0
        if window.language is not None:
            return window.language, 1.0
        detected = self.whisper.model.detect_language(encoded)[0]
        found = {token[2:-2]: float(probability) for token, probability in detected}
        likeliest = max(found, key=found.__getitem__)
        expected = window.expected_language
        enough = window.seconds - window.prefix_s >= EVIDENCE_S
        if (
            expected is not None
            and expected in found
            and not (enough and found[likeliest] >= EVIDENCE_PROB)
        ):
            return expected, found[expected]
        return likeliest, found[likeliest]

    def prompt(self, tokenizer: Tokenizer, window: Window) -> list[int]:
        """Return the tokens before the text: hotwords, the text before, language and task."""
        text = window.prompt_text
        tokens: list[int] = self.whisper.get_prompt(
            tokenizer,
            tokenizer.encode(" " + text) if text else [],
            without_timestamps=True,
            hotwords=window.options.hotwords or None,
        )
        return tokens

    def tokenizer(self, language: str, task: str) -> Tokenizer:
        """Return the tokenizer for a language and task; made once, since it is costly to make."""
        with self._lock:
            key = (language, task)
            if key not in self._tokenizers:
                self._tokenizers[key] = Tokenizer(
                    self.whisper.hf_tokenizer, self.multilingual, task=task, language=language
                )
            return self._tokenizers[key]
