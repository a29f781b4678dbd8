"""As a package: pip builds and installs it, and it runs from anywhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from configparser import ConfigParser
from importlib import import_module
from pathlib import Path

import pytest
import requests

from tests.support.server import ROOT, free_port, wait_for

TIMEOUT_S, ANSWER_S = 120.0, 20.0
# What git has of it, without what tests and builds leave there.
PARTS = ("app.py", "config", "static", "transcriber", "pyproject.toml", "requirements.txt")
OFFLINE = ("--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the package was installed into, without what it needs."""
    source = tmp_path_factory.mktemp("source")
    for part in (*PARTS, "README.md", "LICENSE"):
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, source / part)
    target = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "-q", *OFFLINE, "--target", str(target)]
    subprocess.run([*command, str(source)], check=True, timeout=TIMEOUT_S)
    return target


def without_the_checkout(installed: Path) -> Mapping[str, str]:
    return {**os.environ, "PYTHONPATH": str(installed)}


def test_the_console_script_is_the_command_line(installed: Path) -> None:
    scripts = ConfigParser()
    scripts.read(next(installed.glob("*.dist-info/entry_points.txt")))
    module, _, name = scripts["console_scripts"]["live-transcription"].partition(":")
    assert callable(getattr(import_module(module), name))


def test_it_serves_the_page_from_anywhere(installed: Path, tmp_path: Path) -> None:
    port = free_port()
    words = ["serve", "--host", "127.0.0.1", "--port", str(port), "--model", str(tmp_path)]
    process = subprocess.Popen(
        [sys.executable, "-m", "transcriber", *words],
        cwd=tmp_path,
        env={**without_the_checkout(installed), "DATA_DIR": ""},
    )
    try:
        wait_for(lambda: process.poll() is not None or answers(port), TIMEOUT_S)
        for path in ("/", "/static/live-transcriber.js", "/static/page/messages/ru.js"):
            assert requests.get(f"http://127.0.0.1:{port}{path}", timeout=ANSWER_S).ok
        health = requests.get(f"http://127.0.0.1:{port}/health", timeout=ANSWER_S).json()
        assert health["status"] in ("starting", "model_failed")
    finally:
        process.terminate()
        assert process.wait(30) == 0


def answers(port: int) -> bool:
    """Tell whether somebody serves there."""
    try:
        return requests.get(f"http://127.0.0.1:{port}/health/live", timeout=ANSWER_S).ok
    except (requests.ConnectionError, requests.Timeout):
        return False
