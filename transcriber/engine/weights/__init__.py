"""Weights: which files a model needs, where they come from, and whether they are the right ones.

folder -> own cache -> the hub's local cache -> the hub -> packages that carry the same files
"""

from transcriber.engine.weights.errors import (
    Attempt,
    ModelNotFound,
    WeightsCorrupt,
    WeightsError,
    WeightsUnavailable,
)
from transcriber.engine.weights.progress import Progress
from transcriber.engine.weights.resolve import ResolvedModel, resolve

__all__ = [
    "Attempt",
    "ModelNotFound",
    "Progress",
    "ResolvedModel",
    "WeightsCorrupt",
    "WeightsError",
    "WeightsUnavailable",
    "resolve",
]
