"""The archive that the settings choose."""

from __future__ import annotations

import functools
import logging

from config.settings import SettingError, Settings
from transcriber.archive.archiver import Archiver
from transcriber.archive.storage import Storage, StorageProblem
from transcriber.archive.transcript import Describe
from transcriber.audio.processes.children import Children
from transcriber.audio.processes.remote_remux import remux_apart
from transcriber.journal.journal import SqlJournal

log = logging.getLogger(__name__)


def chosen_archiver(
    settings: Settings, journal: SqlJournal | None, decoders: Children, describe: Describe
) -> Archiver | None:
    """Return what takes ended sessions to the archive; None if there shall be none.

    Raises:
        SettingError: the archive can't be used as it is named.
    """
    address, folder = settings.archive(), settings.data_path()
    if journal is None or folder is None:
        return None
    if address is None:
        if waiting := journal.unarchived.count():
            log.warning(
                "%d sessions wait for an archive, and ARCHIVE_URL names none: they stay in %s",
                waiting,
                folder,
            )
        return None
    try:
        storage = Storage(address)
    except StorageProblem as problem:
        raise SettingError(f"ARCHIVE_URL can't be used: {problem}") from None
    remux = functools.partial(remux_apart, decoders)
    return Archiver(journal, storage, remux, describe, folder)
