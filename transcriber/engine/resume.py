"""Going on behind final text at the price of the new words alone.

A forced prefix makes the model hear what is final without writing it again, but CTranslate2 feeds
it one token after the other, each as dear as a new one: three quarters of a pass. Only what stands
before `<|startoftranscript|>` is fed at once, and CTranslate2 looks in the vocabulary which token
that is. So the weights are loaded once more with a vocabulary in which the timestamp that ends the
prefix bears this name: everything before it is fed at once then. The tokens themselves go in and
come out as numbers, and mean what they always meant: segments of text between timestamps, as
Whisper was trained.
"""

from __future__ import annotations

import copy
import json
import tempfile
import threading
from pathlib import Path
from typing import Any

import ctranslate2

from transcriber.engine.slots import Slotted
from transcriber.engine.together import Calls
from transcriber.engine.window import PREFIX_S

TIMESTAMP_S = 0.02  # what one timestamp token is later than the one before
_START, _BEFORE_TIMES = "<|startoftranscript|>", "<|notimestamps|>"
_VOCABULARIES = ("vocabulary.json", "vocabulary.txt")


class _Resuming:
    """A CTranslate2 model whose prompts hold the end of their prefix where others begin."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def generate(self, encoded: Any, prompts: list[list[int]], **options: Any) -> Any:
        """Decode; `no_speech_prob` stays 0: it belongs to the place that was renamed."""
        options["return_no_speech_prob"] = False
        return self._model.generate(encoded, prompts, **options)


def resuming(
    whisper: Any,
    path: Path,
    workers: int,
    cpu_threads: int,
    slots: threading.Semaphore | None = None,
) -> Any:
    """Return a copy of a faster-whisper model that goes on `PREFIX_S` into its audio.

    Its prompts must end with `prefix_end` twice, and hold it nowhere else.

    Args:
        whisper: the loaded model.
        path: its folder.
        workers, cpu_threads, slots: as it was loaded with.

    Raises:
        OSError, RuntimeError, ValueError: the weights can't be loaded a second time.
    """
    loaded = whisper.model
    with tempfile.TemporaryDirectory(prefix="transcriber-") as scratch:
        folder = Path(scratch)
        for name in ("model.bin", "config.json"):
            (folder / name).symlink_to((path / name).resolve())
        source = next((path / name for name in _VOCABULARIES if (path / name).is_file()), None)
        if source is None:
            raise ValueError(f"{path} has none of {', '.join(_VOCABULARIES)}")
        words = _read(source)
        end, start = prefix_end(words.index(_BEFORE_TIMES) + 1), words.index(_START)
        words[end], words[start] = words[start], words[end]
        _write(folder / source.name, words)
        model: Any = ctranslate2.models.Whisper(
            scratch,
            device=loaded.device,
            compute_type=loaded.compute_type,
            inter_threads=workers,
            intra_threads=cpu_threads,
        )
        if slots is not None:
            model = Slotted(model, slots)
        again = copy.copy(whisper)
        again.model = _Resuming(Calls(model, end, words.index(_BEFORE_TIMES)))
    return again


def prefix_end(timestamp_begin: int) -> int:
    """Return the token of the time where a prefix ends; the argument is `<|0.00|>`'s."""
    return timestamp_begin + round(PREFIX_S / TIMESTAMP_S)


def _read(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        words: list[str] = json.loads(text)
        return words
    return text.removesuffix("\n").split("\n")


def _write(path: Path, words: list[str]) -> None:
    as_json = path.suffix == ".json"
    text = json.dumps(words, ensure_ascii=False) if as_json else "\n".join(words) + "\n"
    path.write_text(text, encoding="utf-8")
