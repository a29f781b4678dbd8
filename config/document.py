"""Writes docs/settings.md from `Settings`: `python -m config.document`, or `make docs`."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from config.settings import Settings

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"

_HEAD = """\
# Settings

Environment variables, all optional. [config/settings.py](../config/settings.py) defines them, and
`make docs` writes this page from it. A value that can't be used stops the start, with a sentence
that says what would do. An empty value counts as none, but where the last column says what it
means.
"""
_GROUP = re.compile(r"    # (.+)")
_FIELD = re.compile(r"    (\w+): \w+ = setting\(")


def document() -> str:
    """Return the page: a table for each group of settings, in the order of their definition."""
    fields = {field.name: field for field in dataclasses.fields(Settings)}
    lines = [_HEAD]
    for group, names in _groups():
        lines += [f"## {group}", "", "| name | default | from, to | |", "|---|---|---|---|"]
        lines += [_row(fields[name]) for name in names]
        lines.append("")
    return "\n".join(lines)


def _groups() -> Iterator[tuple[str, list[str]]]:
    """Yield each comment among the fields of `Settings`, with the fields below it."""
    group, names = "", list[str]()
    for line in inspect.getsource(Settings).splitlines():
        if begins := _GROUP.fullmatch(line):
            if names:
                yield group, names
            group, names = begins[1], []
        elif has := _FIELD.match(line):
            names.append(has[1])
    yield group, names


def _row(field: dataclasses.Field[Any]) -> str:
    least, most = field.metadata["least"], field.metadata["most"]
    span = " ".join(
        f"{word} {bound:g}" for word, bound in (("from", least), ("to", most)) if bound is not None
    )
    default = f"{field.default:g}" if isinstance(field.default, float) else field.default
    shown = f"`{default}`" if default != "" else "(empty)"
    return f"| `{field.name.upper()}` | {shown} | {span} | {field.metadata['doc']} |"


if __name__ == "__main__":
    PAGE.write_text(document(), encoding="utf-8")
