"""The documentation: its links lead somewhere, its commands work, and each page can be found."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.settings import Settings
from tests.support.server import ROOT, Server, running

PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]
_BLOCK = re.compile(
    r"(?P<not_run><!-- not run: [^>]+ -->\n)?^ *```(?P<language>sh|python)\n(?P<text>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)
_ADDRESS = re.compile(r"http://(localhost|127\.0\.0\.1):\d+|https://me-live\.hf\.space")
# What a reader of the Python lines has of his own.
_HIS_OWN = """
from tests.support.recordings import recording

def microphone():
    samples = recording("en/short-jfk.flac").samples()
    yield from (samples[at : at + 1600] for at in range(0, len(samples), 1600))
"""
_LINK = re.compile(r"(?<!`)\[[^\]]*\]\(([^)\s]+)\)")
COMMAND_S = 120
START_S = 600.0


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str = "sh") -> Iterator[str]:
    """Yield the commands of a page, but for those that are marked as not to be run here."""
    for block in _BLOCK.finditer(page.read_text(encoding="utf-8")):
        if block["language"] == "python" == language and not block["not_run"]:
            yield block["text"]
        elif block["language"] == "sh" == language and not block["not_run"]:
            yield "".join(line.strip() + "\n" for line in block["text"].splitlines())


def requests_of(page: Path) -> list[str]:
    """Return the blocks with requests to the service, less the lines that start one."""
    found = []
    for block in blocks(page):
        lines = [
            line
            for line in block.splitlines()
            if not line.endswith("make serve") and " -m transcriber serve" not in line
        ]
        if any(line.startswith("curl ") or " -m transcriber " in line for line in lines):
            found.append("\n".join(lines))
    return found


def anchors(page: Path) -> set[str]:
    """Return what GitHub makes of a page's headings."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.replace(" ", "-") for heading in plain}


@pytest.fixture(scope="module")
def documented() -> Iterator[Server]:
    """A server for all of them; without keys, so that one which is sent does no harm."""
    with running({"MODEL": "tiny.en", "MAX_SESSIONS": 50}) as started:
        started.wait_until_ready(START_S)
        yield started


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_to_files_and_headings_that_there_are(page: Path) -> None:
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        address, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", address):
            continue
        target = (page.parent / address).resolve() if address else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    linked = {link.partition("#")[0] for link in _LINK.findall(index)}
    pages = {page.name for page in PAGES if page.parent.name == "docs"} - {"README.md"}
    assert pages <= linked


@pytest.mark.parametrize(
    "page, commands",
    # What stands on two pages is run once.
    {commands: (page, commands) for page in PAGES for commands in requests_of(page)}.values(),
    ids=lambda value: name(value) if isinstance(value, Path) else None,
)
def test_requests_work_as_they_are_printed(
    documented: Server, tmp_path: Path, page: Path, commands: str
) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    here = re.sub(r"(localhost|127\.0\.0\.1):\d+", f"127.0.0.1:{documented.port}", commands)
    here = re.sub(r"^curl ", "curl --silent --show-error --fail-with-body ", here, flags=re.M)
    here = here.replace(".venv/bin/python", sys.executable)
    here = here.replace("--output-dir ", f"--output-dir {tmp_path}/")
    ran = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", here],
        cwd=ROOT,
        env={**os.environ, "NO_PROXY": "*", "TRANSCRIBER_SERVER": documented.url},
        capture_output=True,
        text=True,
        timeout=COMMAND_S,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout, "it says nothing"


@pytest.mark.parametrize(
    "page, code",
    [(page, code) for page in PAGES for code in blocks(page, "python")],
    ids=lambda value: name(value) if isinstance(value, Path) else None,
)
def test_python_works_as_it_is_printed(documented: Server, page: Path, code: str) -> None:
    here = _HIS_OWN + _ADDRESS.sub(documented.url, code)
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", here],
        cwd=ROOT,
        env={**os.environ, "NO_PROXY": "*"},
        capture_output=True,
        text=True,
        timeout=COMMAND_S,
    )
    assert ran.returncode == 0, ran.stderr
    assert "country" in ran.stdout


def test_what_is_not_run_says_why() -> None:
    reasons = [
        reason
        for page in PAGES
        for reason in re.findall(r"<!-- not run: (.+) -->", page.read_text(encoding="utf-8"))
    ]
    assert all(reason.startswith("needs ") for reason in reasons)


def test_targets_of_make_that_are_printed_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE)) | {".venv/.runtime"}
    for page in PAGES:
        for block in blocks(page):
            for target in re.findall(r"\bmake (?:-C \S+ )?([\w./]+)", block):
                assert target in targets, f"{name(page)}: make {target}"


def test_settings_in_commands_exist() -> None:
    known = {field.name.upper() for field in dataclasses.fields(Settings)}
    known.add("LD_LIBRARY_PATH")  # where cuBLAS is
    for page in PAGES:
        for line in page.read_text(encoding="utf-8").splitlines():
            before, serves, _ = line.partition(" make serve")
            quoted = r"'[^']*'|\"[^\"]*\""
            names = re.findall(r"\b([A-Z_]+)=", re.sub(quoted, "", before)) if serves else []
            assert known.issuperset(names), f"{name(page)}: {line}"
