"""What can go wrong on the way to a model's files.

WeightsError
  +- ModelNotFound        nothing has that name
  +- WeightsUnavailable   the model exists, but no source could deliver it now
  +- WeightsCorrupt       files are there, but they are damaged, incomplete or not the right ones
  +- SourceFailed         one source failed; the search goes on, so this never leaves `resolve`
       +- NoSuchRepository   the hub says that it has no such model
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class WeightsError(Exception):
    """A model can't be had; the message is fit for the person who runs the service."""


class ModelNotFound(WeightsError):
    """The name is no folder, no Whisper size and no model on the hub."""


class WeightsCorrupt(WeightsError):
    """Files of a model are missing or differ in size or digest from what they must be."""


class SourceFailed(WeightsError):
    """One source can't deliver the model; the message says why."""


class NoSuchRepository(SourceFailed):
    """The hub answers that it has no such model, or none that may be seen without a login."""


@dataclass(frozen=True)
class Attempt:
    """One source that was tried in vain, and why it failed."""

    source: str
    reason: str


class WeightsUnavailable(WeightsError):
    """No source could deliver the model.

    Attributes:
        attempts: the sources tried, in order, each with its reason.
        how_to_mend: a sentence that says what would help.
    """

    def __init__(self, name: str, attempts: Sequence[Attempt], how_to_mend: str) -> None:
        tried = " ".join(f"{each.source}: {each.reason.rstrip('.')}." for each in attempts)
        super().__init__(f"No source has the model {name}. {tried} {how_to_mend}")
        self.attempts = tuple(attempts)
        self.how_to_mend = how_to_mend
