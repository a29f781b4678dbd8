"""Settings and a hub for servers that must not find a model's weights."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

from config.settings import Settings
from transcriber.engine.weights import resolve

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
    """Make the folder a model cache that holds `tiny.en` and nothing else."""
    cached = resolve("tiny.en", models_dir=Settings.from_env().models_path()).path
    (folder / cached.name).symlink_to(cached)


@contextlib.contextmanager
def silent_hub() -> Iterator[str]:
    """Give the address of a model hub that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
