"""The servers that the page may use: from the setting or the file, and what is said of bad ones."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from config.servers import SERVERS_FILE, ServerEntry, read_servers
from config.settings import SettingError
from tests.support.server import ROOT

PUBLIC = ServerEntry("Public", "https://a.example")


def test_the_file_as_it_comes_names_this_server_and_a_local_one() -> None:
    urls = [server.url for server in read_servers("")]
    assert urls == [".", "http://localhost:7860"]


def test_the_setting_goes_before_the_file(tmp_path: Path) -> None:
    setting = '[{"name": "Public", "url": "https://a.example/"}]'
    assert read_servers(setting, tmp_path / "none.json") == (PUBLIC,)


def test_addresses_alone_get_names() -> None:
    servers = read_servers('[".", "http://192.168.0.7:8000/speech/"]')
    assert servers == (
        ServerEntry("This server", "."),
        ServerEntry("192.168.0.7:8000", "http://192.168.0.7:8000/speech"),
    )


@pytest.mark.parametrize(
    "setting, said",
    [
        ("https://a.example", "SERVERS is not JSON"),
        ("[{'url': '.'}]", "SERVERS is not JSON"),
        ('{"url": "."}', "SERVERS is not a list"),
        ("[]", "SERVERS is not a list"),
        ("[7]", "SERVERS, server 1: write an address"),
        ('[".", {"name": "no url"}]', "SERVERS, server 2 has no url"),
        ('[{"url": ".", "adress": 1}]', "SERVERS, server 1: write an address"),
        ('[{"url": ".", "name": ""}]', "SERVERS, server 1: its name"),
        ('[{"url": ".", "name": 1}]', "SERVERS, server 1: its name"),
        ('["ftp://a.example"]', "no http or https address"),
        ('["javascript:alert(1)"]', "no http or https address"),
        ('["//a.example"]', "no http or https address"),
        ('["/speech"]', "no http or https address"),
        ('["https://"]', "no http or https address"),
        ('["https://a.example:many"]', "no http or https address"),
        ('["https://a .example"]', "no http or https address"),
        ('["https://me:secret@a.example"]', "a user name or password"),
        ('["https://a.example/?key=1"]', "a query or a fragment"),
        ('["https://a.example/#top"]', "a query or a fragment"),
        ('["https://a.example", "https://a.example/"]', "lists https://a.example twice"),
    ],
)
def test_what_can_not_be_used_is_refused_by_name(setting: str, said: str) -> None:
    with pytest.raises(SettingError, match=re.escape(said)):
        read_servers(setting)


def test_a_password_is_not_repeated_where_logs_would_show_it() -> None:
    with pytest.raises(SettingError) as refused:
        read_servers('["https://me:secret@a.example"]')
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("text", [None, "[", '["ftp://a.example"]'])
def test_a_bad_file_is_named(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "config" / SERVERS_FILE.name
    file.parent.mkdir()
    if text is not None:
        file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingError, match=r"^config/servers\.json"):
        read_servers("", file)


def test_a_bad_setting_stops_the_start() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "gunicorn", "-c", "config/gunicorn.conf.py", "app:create_app()"],
        cwd=ROOT,
        env={"SERVERS": "a.example"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode != 0
    assert "SERVERS is not JSON" in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr
