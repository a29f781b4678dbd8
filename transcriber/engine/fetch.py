"""Fetch a model ahead of the first start: `python -m transcriber.engine.fetch NAME`.

An image build runs it, so that the service finds the model in MODELS_DIR and starts without a
network. It ends with 1 and the reason if the model can't be had.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

from config.settings import SettingError, Settings
from transcriber.engine.weights import Progress, WeightsError, resolve

# A build log keeps every line, so progress is told this often at most.
LINE_EVERY_S = 2.0


def main(argv: list[str] | None = None) -> int:
    """Fetch the model named on the command line and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m transcriber.engine.fetch", description="Fetch a model into MODELS_DIR."
    )
    parser.add_argument("name", help="a Whisper size, such as base, or a hub name, owner/name")
    name = parser.parse_args(argv).name
    try:
        settings = Settings.from_env()
        found = resolve(
            name,
            models_dir=settings.models_path(),
            hub_endpoint=settings.hf_endpoint or None,
            progress=_printer(),
        )
    except (SettingError, WeightsError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{name} is in {found.path}", flush=True)
    return 0


def _printer() -> Callable[[Progress], None]:
    """Return a function that prints progress, a line at a time and not too often."""
    last_s = -LINE_EVERY_S

    def tell(progress: Progress) -> None:
        nonlocal last_s
        now_s = time.monotonic()
        if now_s - last_s >= LINE_EVERY_S:
            last_s = now_s
            print(progress.message, flush=True)

    return tell


if __name__ == "__main__":
    sys.exit(main())
