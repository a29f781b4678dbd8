"""Several windows in one call of the model, though each is decoded as if it were alone.

A GPU decodes sixteen windows in hardly more time than one. So the decodes of one job run side by
side, each in a thread of its own, and whenever all of them wait for the model, what they ask for is
asked at once: calls that CTranslate2 can take as one batch in one call, the others one by one. Who
is done leaves, and holds up nobody; who needs a second search asks alone, or with others that need
one, too. The code that decodes a window knows nothing of that.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import ctranslate2
import numpy as np

_local = threading.local()


@dataclass(eq=False)
class _Encoded:
    """What the encoder made of several windows; on the CPU once it was asked for."""

    storage: Any
    array: Any = None

    def row(self, at: int) -> Any:
        if self.array is None:
            self.array = _array(self.storage)
        return self.array[at : at + 1]


@dataclass(frozen=True)
class _Row:
    """One window of what was encoded together."""

    encoded: _Encoded
    at: int


@dataclass(eq=False)
class _Call:
    """A call that waits to be made.

    Attributes:
        key: calls with the same may be made as one.
        make: makes calls with the same key; returns an answer for each.
        given: what this one is about.
    """

    key: tuple[Any, ...]
    make: Callable[[list[Any]], list[Any]]
    given: Any
    answer: Any = None
    error: BaseException | None = None
    done: bool = False


class Calls:
    """A CTranslate2 Whisper whose calls from the threads of `run_together` are made together.

    From any other thread it is the model itself.

    Args:
        model: `ctranslate2.models.Whisper`.
        start: the token that CTranslate2 takes for the start of the transcript: it has to stand at
            the same place in all prompts of a batch.
        no_timestamps: the token that has to stand in all of them, or in none.
    """

    def __init__(self, model: Any, start: int, no_timestamps: int) -> None:
        self._model = model
        self._start = start
        self._no_timestamps = no_timestamps

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def encode(self, features: Any, **options: Any) -> Any:
        """Encode features of shape (1, mels, frames)."""
        batch = _batch()
        if batch is None:
            return self._model.encode(features, **options)

        def make(given: list[Any]) -> list[Any]:
            joined = np.concatenate([_array(one) for one in given])
            encoded = _Encoded(self._model.encode(_storage(joined), **options))
            return [_Row(encoded, at) for at in range(len(given))]

        return batch.call(_Call((id(self), "encode", *features.shape), make, features))

    def detect_language(self, encoded: Any) -> Any:
        """Detect the language of each window."""
        return self._model.detect_language(_joined([encoded]))

    def generate(self, encoded: Any, prompts: list[list[int]], **options: Any) -> Any:
        """Search for the text of a window; `max_length` may be that of another in the batch."""
        batch = _batch()
        if batch is None or len(prompts) > 1:
            return self._model.generate(_joined([encoded]), prompts, **options)
        longest = options.pop("max_length")
        key = tuple((name, _hashable(options[name])) for name in sorted(options))
        place = prompts[0].index(self._start), self._no_timestamps in prompts[0]

        def make(given: list[Any]) -> list[Any]:
            rows, texts, lengths = zip(*given, strict=True)
            answers = self._model.generate(
                _joined(rows), list(texts), max_length=max(lengths), **options
            )
            return [[answer] for answer in answers]

        given = encoded, prompts[0], longest
        call = _Call((id(self), "generate", _frames(encoded), *place, *key), make, given)
        return batch.call(call)

    def align(
        self,
        encoded: Any,
        start_sequence: Sequence[int],
        text_tokens: list[list[int]],
        num_frames: int,
        **options: Any,
    ) -> Any:
        """Align the words of a window with its audio."""
        batch = _batch()
        if batch is None or len(text_tokens) > 1:
            return self._model.align(
                _joined([encoded]), start_sequence, text_tokens, num_frames, **options
            )

        def make(given: list[Any]) -> list[Any]:
            rows, texts, frames = zip(*given, strict=True)
            answers = self._model.align(
                _joined(rows), start_sequence, list(texts), list(frames), **options
            )
            return [[answer] for answer in answers]

        key = id(self), "align", _frames(encoded), *start_sequence, *sorted(options.items())
        return batch.call(_Call(key, make, (encoded, text_tokens[0], num_frames)))


def beside(name: str, at: int) -> str:
    """Return the name of a worker's thread that runs one of its tasks."""
    return f"{name}.{at}"


def run_together(tasks: Sequence[Callable[[], None]]) -> None:
    """Run tasks side by side, the calls that they make of a `Calls` together; wait for all.

    A task must not wait for another one, nor raise.
    """
    batch = _Batch(len(tasks))
    name = threading.current_thread().name
    threads = [
        threading.Thread(target=batch.run, args=(task,), name=beside(name, at), daemon=True)
        for at, task in enumerate(tasks)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@dataclass(eq=False)
class _Batch:
    """Threads that meet whenever all of them wait for the model."""

    active: int
    waiting: list[_Call] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def run(self, task: Callable[[], None]) -> None:
        _local.batch = self
        try:
            task()
        finally:
            _local.batch = None
            with self.changed:
                self.active -= 1
                self._make_if_all_wait()

    def call(self, call: _Call) -> Any:
        with self.changed:
            self.waiting.append(call)
            self._make_if_all_wait()
            self.changed.wait_for(lambda: call.done)
        if call.error is not None:
            raise call.error
        return call.answer

    def _make_if_all_wait(self) -> None:
        """Make all calls that wait, if nobody is left who could make another one."""
        if not self.waiting or len(self.waiting) < self.active:
            return
        calls, self.waiting = self.waiting, []
        for key in dict.fromkeys(call.key for call in calls):
            _make([call for call in calls if call.key == key])
        self.changed.notify_all()


def _make(calls: list[_Call]) -> None:
    """Make calls that have the same key; what the model raises, all of them raise."""
    try:
        answers = calls[0].make([call.given for call in calls])
        for call, answer in zip(calls, answers, strict=True):
            call.answer = answer
    except Exception as error:  # noqa: BLE001 - those who asked get it
        for call in calls:
            call.error = error
    for call in calls:
        call.done = True


def _batch() -> _Batch | None:
    return getattr(_local, "batch", None)


def _frames(encoded: Any) -> int:
    storage = encoded.encoded.storage if isinstance(encoded, _Row) else encoded
    return int(storage.shape[1])


def _joined(encoded: Sequence[Any]) -> Any:
    """Return windows as one batch; without a copy where they were encoded as this very batch."""
    first = encoded[0]
    if not isinstance(first, _Row):
        if len(encoded) == 1:
            return first
        return _storage(np.concatenate([_array(one) for one in encoded]))
    whole = first.encoded
    rows = [(one.encoded, one.at) for one in encoded]
    if rows == [(whole, at) for at in range(whole.storage.shape[0])]:
        return whole.storage
    return _storage(np.concatenate([one.encoded.row(one.at) for one in encoded]))


def _array(storage: Any) -> Any:
    return np.asarray(storage.to_device(ctranslate2.Device.cpu))


def _storage(array: Any) -> Any:
    return ctranslate2.StorageView.from_array(np.ascontiguousarray(array))


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
