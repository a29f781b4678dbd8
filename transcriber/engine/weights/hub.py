"""Download from the Hugging Face hub, or from anything at HF_ENDPOINT that speaks like it.

The hub's own library answers what there is and carries login, proxy and certificates. It doesn't
go on with a download that was cut off in an earlier run, so the bytes are fetched here.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from concurrent import futures
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx2
from huggingface_hub import HfApi, constants, get_session, hf_hub_url, hf_raise_for_status
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError
from huggingface_hub.hf_api import RepoSibling
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # lazily there

from transcriber.engine.weights import files
from transcriber.engine.weights.errors import NoSuchRepository, SourceFailed, WeightsCorrupt
from transcriber.engine.weights.manifest import FileSpec, ModelSpec
from transcriber.engine.weights.progress import Reporter

log = logging.getLogger(__name__)
T = TypeVar("T")

_COMMIT = re.compile(r"[0-9a-f]{40}")
_RANGE_NOT_SATISFIABLE = 416
_PARTIAL_CONTENT = 206


@dataclass(frozen=True)
class Hub:
    """How to reach the hub.

    Attributes:
        endpoint: its address; None for the library's own, which is HF_ENDPOINT or the public one.
        answer_limit_s: the longest wait for its first answer, all told. A blocked hub costs this.
        stall_limit_s: the longest silence within a download.
    """

    endpoint: str | None
    answer_limit_s: float
    stall_limit_s: float = 30.0

    @property
    def address(self) -> str:
        """The address without a slash at its end."""
        return (self.endpoint or constants.ENDPOINT).rstrip("/")


@dataclass(frozen=True)
class Snapshot:
    """A model at one commit on the hub."""

    commit: str
    files: tuple[FileSpec, ...]


def download(
    spec: ModelSpec, hub: Hub, work: Path, report: Reporter
) -> tuple[Path, tuple[FileSpec, ...]]:
    """Download a model into a folder in `work`; one begun there earlier is gone on with.

    Returns:
        The folder, and its files, all verified.

    Raises:
        NoSuchRepository: the hub has no such model.
        SourceFailed: the hub can't be reached, refuses, or breaks off.
        WeightsCorrupt: what it sent is not what it or the manifest says.
        OSError: the disk is full or can't be written.
    """
    report("asking", "hub")
    try:
        snapshot = _within(hub.answer_limit_s, lambda: _ask(spec, hub))
        folder = work / f"hub-{snapshot.commit}"
        folder.mkdir(parents=True, exist_ok=True)
        total = sum(file.bytes for file in snapshot.files)
        before = 0

        def on_bytes(done: int) -> None:
            report("downloading", "hub", done, total)

        for file in snapshot.files:
            url = hf_hub_url(spec.repo, file.name, revision=snapshot.commit, endpoint=hub.address)
            _complete(url, folder / file.name, file, hub, files.after(before, on_bytes))
            before += file.bytes
    except httpx2.HTTPError as error:
        raise SourceFailed(f"{hub.address} broke off: {_text(error)}") from error
    return folder, snapshot.files


def _within(limit_s: float, work: Callable[[], T]) -> T:
    """Run `work` in a thread and wait for it no longer than the limit.

    The limits of sockets are not enough: they count anew for each address of a host and for each
    byte that drips in, and a look-up of its name has none.
    """
    pool = futures.ThreadPoolExecutor(1, thread_name_prefix="hub-asking")
    try:
        return pool.submit(work).result(limit_s)
    except futures.TimeoutError:
        raise SourceFailed(f"no answer within {limit_s:g} s") from None
    finally:
        # Not waited for: the limits of its sockets end the thread a little later.
        pool.shutdown(wait=False)


def _ask(spec: ModelSpec, hub: Hub) -> Snapshot:
    """Return what the hub has of a model, in one request."""
    try:
        info = HfApi(endpoint=hub.address).model_info(
            spec.repo, revision=spec.revision, files_metadata=True, timeout=hub.answer_limit_s
        )
    except GatedRepoError as error:
        raise SourceFailed(f"{spec.repo} needs a login, HF_TOKEN: {_text(error)}") from error
    except RepositoryNotFoundError as error:
        raise NoSuchRepository(f"{hub.address} has no model {spec.repo}") from error
    except httpx2.TimeoutException as error:
        raise SourceFailed(f"no answer within {hub.answer_limit_s:g} s") from error
    except (httpx2.HTTPError, OSError) as error:
        raise SourceFailed(f"{hub.address} can't be reached: {_text(error)}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        # A login page of a network, for one, answers everything with its own page.
        raise SourceFailed(f"{hub.address} doesn't answer like a hub: {_text(error)}") from error
    commit = info.sha or ""
    if not _COMMIT.fullmatch(commit):
        raise SourceFailed(f"{hub.address} names no commit of {spec.repo}")
    return Snapshot(commit, spec.files or _told(info.siblings or []))


def _told(siblings: list[RepoSibling]) -> tuple[FileSpec, ...]:
    """Return the files of a model as the hub describes them."""
    told = [_file(sibling) for sibling in siblings if files.of_a_model(sibling.rfilename)]
    missing = files.lacking([file.name for file in told])
    if missing:
        raise SourceFailed(f"it is no CTranslate2 model: it has no {', '.join(missing)}")
    return tuple(told)


def _file(sibling: RepoSibling) -> FileSpec:
    if sibling.lfs is not None:
        return FileSpec(sibling.rfilename, sibling.lfs.size, sibling.lfs.sha256)
    if sibling.size is None or sibling.blob_id is None:
        raise SourceFailed(f"the hub tells no size and digest of {sibling.rfilename}")
    return FileSpec(sibling.rfilename, sibling.size, sibling.blob_id, "git-blob")


def _complete(
    url: str, path: Path, file: FileSpec, hub: Hub, on_bytes: Callable[[int], None]
) -> None:
    """Download what is still missing of a file and verify all of it.

    A file that turns out wrong is removed, so that no later try goes on with it. If part of it
    was left by an earlier run, that part may be at fault, and it is fetched once more.
    """
    inherited = _size(path) > 0
    try:
        _fetch_rest(url, path, file, hub, on_bytes)
        files.verify_digest(path, file, lambda _: None)
    except WeightsCorrupt:
        path.unlink(missing_ok=True)
        if not inherited:
            raise
        _complete(url, path, file, hub, on_bytes)


def _fetch_rest(
    url: str, path: Path, file: FileSpec, hub: Hub, on_bytes: Callable[[int], None]
) -> None:
    """Fetch until the file has its size; after a break, go on as long as each try brings more."""
    if _size(path) > file.bytes:
        path.unlink()
    while (have := _size(path)) < file.bytes:
        try:
            _append(url, path, file, hub, on_bytes)
        except httpx2.TransportError as error:
            if _size(path) <= have:
                raise
            log.info("Going on with %s after a break: %s", file.name, _text(error))
        else:
            if _size(path) < file.bytes:
                raise WeightsCorrupt(f"{file.name} ends after {_size(path)} of {file.bytes} bytes")


def _append(
    url: str, path: Path, file: FileSpec, hub: Hub, on_bytes: Callable[[int], None]
) -> None:
    """Ask once for the bytes that are missing and write them as they come."""
    have = _size(path)
    # A compressed answer has other bytes at the same place.
    headers = {**build_hf_headers(), "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    timeout = httpx2.Timeout(hub.stall_limit_s, connect=hub.answer_limit_s)
    with get_session().stream("GET", url, headers=headers, timeout=timeout) as response:
        if response.status_code == _RANGE_NOT_SATISFIABLE:
            raise WeightsCorrupt(f"{file.name} is shorter on the hub than it must be")
        hf_raise_for_status(response)
        goes_on = response.status_code == _PARTIAL_CONTENT
        with path.open("ab" if goes_on else "wb") as target:
            done = have if goes_on else 0
            # Blocks as they arrive: a fixed size would lose the last one at a break.
            for block in response.iter_bytes():
                done += len(block)
                if done > file.bytes:
                    raise WeightsCorrupt(f"{file.name} is longer on the hub than it must be")
                target.write(block)
                on_bytes(done)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _text(error: Exception) -> str:
    """Return the first line of an error's message, or its kind if it has none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
