"""The project's own cache: one folder per model, complete or not there at all.

A model is put together in a work folder beside its place and renamed into it as the last step, so
that nothing half done is ever seen under the model's name, whenever the process ends.

    models/
      owner--name/             a complete model, with the list of its files
      .owner--name.work/       being put together; kept after a cut-off, to go on from
      .owner--name.lock        held by whoever puts it together
"""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from transcriber.engine.weights.errors import WeightsCorrupt
from transcriber.engine.weights.files import sha256_of
from transcriber.engine.weights.manifest import FileSpec, ModelSpec

_LIST = ".files.json"


class Cache:
    """The place of one model in the cache.

    Args:
        models_dir: the folder of all models; made when something is fetched.
        spec: the model.
    """

    def __init__(self, models_dir: Path, spec: ModelSpec) -> None:
        self._models_dir = models_dir
        self._spec = spec
        self.folder = models_dir / spec.folder_name
        self.work = models_dir / f".{spec.folder_name}.work"
        self._lock_path = models_dir / f".{spec.folder_name}.lock"

    def files(self) -> tuple[FileSpec, ...] | None:
        """Return what the cached files must be, or None if the model isn't cached.

        Raises:
            WeightsCorrupt: the folder is there, but its own list of files can't be read.
        """
        if not self.folder.is_dir():
            return None
        try:
            listed = json.loads((self.folder / _LIST).read_text(encoding="utf-8"))["files"]
            files = tuple(FileSpec.from_json(name, values) for name, values in listed.items())
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise WeightsCorrupt("the cached folder has no readable list of its files") from None
        return self._spec.files or files

    @contextmanager
    def locked(self, on_wait: Callable[[], None]) -> Iterator[None]:
        """Hold the model's lock, among processes and among threads alike.

        Args:
            on_wait: called once if another holds the lock.

        Raises:
            OSError: the folder can't be made or written.
        """
        self._models_dir.mkdir(parents=True, exist_ok=True)
        # The file is never removed: two could then hold locks on two files of the same name.
        with self._lock_path.open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                on_wait()
                fcntl.flock(lock, fcntl.LOCK_EX)
            # Closing the file, or the end of the process, gives the lock back.
            yield

    def install(self, staged: Path, files: Sequence[FileSpec]) -> Path:
        """Make a verified folder in `work` the cached model, in place of any older one.

        Call it only while holding the lock.

        Raises:
            OSError: the disk is full or can't be written.
        """
        listed = {
            file.name: {"bytes": file.bytes, "sha256": _sha256(staged / file.name, file)}
            for file in files
        }
        content = json.dumps({"repo": self._spec.repo, "files": listed}, indent=1)
        (staged / _LIST).write_text(content + "\n", encoding="utf-8")
        if self.folder.exists():
            # Moved first: a folder that is half removed must not keep the model's name.
            self.folder.rename(self.work / "damaged")
        staged.rename(self.folder)
        shutil.rmtree(self.work, ignore_errors=True)
        return self.folder


def _sha256(path: Path, file: FileSpec) -> str:
    return file.digest if file.algorithm == "sha256" else sha256_of(path)
