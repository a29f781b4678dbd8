"""Settings and a hub for servers that must not find a model's weights."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

from config.settings import Settings

# Nobody listens there.
CLOSED_HUB = "http://127.0.0.1:9"


def without_weights(folder: Path, hub: str) -> dict[str, object]:
    """Return settings under which weights come from nowhere but the folder and the hub."""
    return {
        "DEVICE": "cpu",
        "MODELS_DIR": folder,
        "HF_HOME": folder / "hub-cache",
        "HF_ENDPOINT": hub,
        "PIP_NO_INDEX": 1,
    }


def put_tiny_en(folder: Path) -> None:
    """Put `tiny.en` into the folder; a server must have fetched it before."""
    (folder / "tiny.en").symlink_to(Settings.from_env().models_path() / "tiny.en")


@contextlib.contextmanager
def silent_hub() -> Iterator[str]:
    """Give the address of a model hub that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
