"""The files of deploy/ are what the programs that read them take, and start what they say."""

from __future__ import annotations

import dataclasses
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from config.settings import Settings
from tests.support.server import COMMAND, ROOT

UNIT = (ROOT / "deploy" / "live-transcription.service").read_text(encoding="utf-8")
TRY_S = 60


def checked(*command: str) -> None:
    """Run a program that checks something, if there is one."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    ran = subprocess.run(command, capture_output=True, text=True, timeout=TRY_S)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "live-transcription.service"
    python = "/opt/live-transcription/.venv/bin/python"
    assert python in UNIT
    here = UNIT.replace(python, sys.executable).replace("/opt/live-transcription", str(ROOT))
    unit.write_text(here, encoding="utf-8")
    checked("systemd-analyze", "verify", "--man=no", str(unit))


@pytest.mark.parametrize("file", ["Procfile", "unit"])
def test_the_command_is_the_one_that_everybody_starts(file: str) -> None:
    line = (ROOT / "Procfile").read_text(encoding="utf-8") if file == "Procfile" else UNIT
    (written,) = re.findall(r"^(?:web: |ExecStart=)(.+)$", line, re.MULTILINE)
    assert shlex.split(written)[-3:] == COMMAND[-3:]


def test_nginx_takes_the_site_with_its_certificate(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=talk.example"]
    checked("openssl", *made, "-keyout", str(key), "-out", str(certificate))
    site = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    folder = "/etc/letsencrypt/live/talk.example"
    site = site.replace(f"{folder}/fullchain.pem", str(certificate))
    site = site.replace(f"{folder}/privkey.pem", str(key))
    around = f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{\n{site}\n}}\n"
    (tmp_path / "nginx.conf").write_text(around, encoding="utf-8")
    checked("nginx", "-t", "-q", "-e", "stderr", "-c", str(tmp_path / "nginx.conf"))


def test_caddy_takes_its_file() -> None:
    checked("caddy", "validate", "--adapter", "caddyfile", "--config", "deploy/Caddyfile")


def test_the_unit_sets_what_there_is_to_set() -> None:
    names = set(re.findall(r"^Environment=(\w+)=", UNIT, re.MULTILINE))
    ours = {field.name.upper() for field in dataclasses.fields(Settings)}
    assert names - ours == {"XDG_CACHE_HOME", "HF_HOME", "CUDA_CACHE_PATH"}
