"""`file`: whole recordings, one after the other."""

from __future__ import annotations

import argparse
import errno
import itertools
import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from transcriber.cli.common import Commands, addresses, decoding_options, expect_a_server
from transcriber.cli.rendering import ENDINGS, FORMATS, rendered
from transcriber.cli.status import Exit, complain, told
from transcriber.client import ClientError, Progress, Transcription, transcribe

# What is looked for in a folder; a file that is named may be called anything.
SUFFIXES = {".webm", ".ogg", ".oga", ".opus", ".mp4", ".m4a", ".wav", ".flac", ".mp3"}

_BAR = "{desc}: {percentage:3.0f}%|{bar}| {n:.0f} of {total_fmt} s [{elapsed}<{remaining}]"


def add(
    commands: Commands, servers: argparse.ArgumentParser, decoding: argparse.ArgumentParser
) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "file",
        parents=[servers, decoding],
        help="transcribe whole recordings",
        description="Transcribe recordings, and print their text or write it to a folder.",
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", type=Path, help="a file or a folder")
    parser.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    parser.add_argument(
        "--output-dir", type=Path, metavar="DIR", help="write NAME.txt, NAME.srt … there"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Transcribe all, whatever becomes of one of them."""
    found, missing = recordings(options.paths)
    for error in missing:
        complain(error)
    expect_a_server(options)
    targets = _targets(found, options) if options.output_dir else {}
    status = Exit.FAILED if missing else Exit.OK
    for number, (path, _) in enumerate(found):
        try:
            result = _transcribed(path, options)
        except (OSError, ClientError) as error:
            complain(told(error) if isinstance(error, OSError) else f"{path}: {told(error)}")
            status = Exit.FAILED
            if isinstance(error, ClientError) and _is_hopeless(error):
                return Exit.NO_SERVER
            continue
        about = {"language": result.language, "duration": result.duration_s}
        text = rendered(result.segments, options.format, **about)
        if targets:
            _write(targets[path], text)
        else:
            if len(found) > 1:
                print(f"{'' if number == 0 else chr(10)}==> {path} <==")
            print(text, end="", flush=True)
    return status


def recordings(paths: Sequence[Path]) -> tuple[list[tuple[Path, Path]], list[str]]:
    """Return the recordings, each with its name below a path that was given, and what is wrong."""
    found: list[tuple[Path, Path]] = []
    wrong: list[str] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(one for one in path.rglob("*") if one.suffix.lower() in SUFFIXES)
            found += [(one, one.relative_to(path)) for one in inside]
            if not inside:
                wrong.append(f"{path}: no recording in it ({', '.join(sorted(SUFFIXES))})")
        elif path.exists():
            found.append((path, Path(path.name)))
        else:
            wrong.append(f"{path}: {os.strerror(errno.ENOENT)}")
    return found, wrong


def _targets(found: Sequence[tuple[Path, Path]], options: argparse.Namespace) -> dict[Path, Path]:
    """Return where the text of each goes: no two to one place.

    Those that differ by their ending only keep it; those of one name get a number.
    """
    ending = ENDINGS[options.format]
    plain = Counter(name.with_suffix(ending) for _, name in found)
    targets: dict[Path, Path] = {}
    for path, name in found:
        short = name.with_suffix(ending)
        numbered = (Path(f"{name}-{number}{ending}") for number in itertools.count(2))
        first = short if plain[short] == 1 else Path(f"{name}{ending}")
        places = (options.output_dir / one for one in itertools.chain([first], numbered))
        targets[path] = next(one for one in places if one not in targets.values())
    return targets


def _transcribed(path: Path, options: argparse.Namespace) -> Transcription:
    from tqdm import tqdm  # slow to import, which other commands need not wait for

    with tqdm(
        total=None,
        desc=path.name,
        unit="s",
        bar_format=_BAR,
        leave=False,
        disable=not sys.stderr.isatty(),
    ) as bar:
        return transcribe(
            path,
            addresses(options),
            on_progress=_telling(bar),
            on_problem=_complaining_once(path),
            **decoding_options(options),
        )


def _telling(bar: Any) -> Callable[[Progress], None]:
    def tell(progress: Progress) -> None:
        if progress.duration_s is not None:
            bar.total = round(progress.duration_s)
            bar.n = min(round(progress.done_s), bar.total)
            bar.refresh()

    return tell


def _complaining_once(path: Path) -> Callable[[ClientError], None]:
    """Return what tells of each trouble once, however often it comes back."""
    told: set[str] = set()

    def tell(error: ClientError) -> None:
        what = f"{path}: {error.server}: {error}"
        if what not in told:
            told.add(what)
            complain(what)

    return tell


def _write(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    print(target, flush=True)


def _is_hopeless(error: ClientError) -> bool:
    """Tell whether the other recordings would find nobody either."""
    return error.code == "no-server" or getattr(error, "status", None) == 0
