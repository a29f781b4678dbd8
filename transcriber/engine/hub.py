"""The model hub and its local cache, by its own library."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import huggingface_hub
import requests
from huggingface_hub import constants
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

log = logging.getLogger(__name__)

# A blocked hub should cost seconds, not minutes: it has to answer something within this time.
PROBE_S = 4.0
_FILES = ["model.bin", "config.json", "preprocessor_config.json", "tokenizer.json", "vocabulary.*"]
_REPORT_EVERY_S = 0.5

Report = Callable[[str, int], None]


class HubError(Exception):
    """The hub can't be reached or does not give the model; the message says which."""


def cached_snapshot(repository: str, revision: str | None) -> Path | None:
    """Return the model's folder in the hub library's own cache, or None."""
    try:
        path = huggingface_hub.snapshot_download(
            repository, revision=revision, local_files_only=True, allow_patterns=_FILES
        )
    except (LocalEntryNotFoundError, OSError, ValueError):
        return None
    return Path(str(path))


def download(
    repository: str, revision: str | None, folder: Path, endpoint: str | None, report: Report
) -> None:
    """Download a model's files into `folder`, going on where an earlier try was cut off.

    Args:
        repository: `owner/name`.
        revision: a commit, or None for the newest.
        folder: where the files go; kept if this fails.
        endpoint: address of the hub; None for the public one.
        report: told a message and how many bytes are there.

    Raises:
        HubError: it could not be downloaded.
    """
    endpoint = (endpoint or constants.ENDPOINT).rstrip("/")
    report(f"Asking the model hub for {repository}.", 0)
    _probe(endpoint)
    with _watched(folder, lambda done: report(f"Downloading {repository} from the hub.", done)):
        try:
            huggingface_hub.snapshot_download(
                repository,
                revision=revision,
                local_dir=folder,
                endpoint=endpoint,
                allow_patterns=_FILES,
                etag_timeout=PROBE_S,
            )
        except HfHubHTTPError as error:
            raise HubError(f"the hub answered {error.response.status_code}") from None
        except Exception as error:  # noqa: BLE001 (errors of several HTTP stacks come through)
            raise HubError(f"the download broke off ({error})") from None


def _probe(endpoint: str) -> None:
    try:
        requests.head(endpoint, timeout=(PROBE_S, PROBE_S), allow_redirects=False).close()
    except requests.RequestException as error:
        raise HubError(f"it can't be reached ({type(error).__name__})") from None


@contextmanager
def _watched(folder: Path, report: Callable[[int], None]) -> Iterator[None]:
    """Report the size of a folder while it grows."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_REPORT_EVERY_S):
            report(_size(folder))

    thread = threading.Thread(target=watch, name="download-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:  # it was just moved to its place
            log.debug("%s is gone", path)
    return total
