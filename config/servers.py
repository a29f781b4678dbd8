"""The servers that the page may use, preferred first: from `SERVERS`, else from `servers.json`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from config.settings import SettingError

SERVERS_FILE = Path(__file__).with_name("servers.json")
# The server that the page came from, wherever that is.
THIS_SERVER = "."
MAX_NAME_CHARS = 80

_EXAMPLE = '[{"name": "Public", "url": "https://a.example"}, {"name": "Local", "url": "."}]'
_SPACE_OR_CONTROL = re.compile(r"[\s\x00-\x1f\x7f\\]")


@dataclass(frozen=True)
class ServerEntry:
    """One server: what people see, and its address without a slash at the end, or `.`."""

    name: str
    url: str


def read_servers(setting: str, file: Path = SERVERS_FILE) -> tuple[ServerEntry, ...]:
    """Return the servers of the setting `SERVERS`, or of the file where that is empty.

    Raises:
        SettingError: the list can't be used; the message names it and says what would do.
    """
    if setting:
        return _parse(setting, "SERVERS")
    where = f"{file.parent.name}/{file.name}"
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{where} can't be read ({error}); mend it or set SERVERS") from None
    return _parse(text, where)


def _parse(text: str, where: str) -> tuple[ServerEntry, ...]:
    try:
        items = json.loads(text)
    except ValueError as error:
        raise SettingError(f"{where} is not JSON ({error}); write it as {_EXAMPLE}") from None
    if not isinstance(items, list) or not items:
        raise SettingError(f"{where} is not a list of servers; write it as {_EXAMPLE}")
    servers = tuple(_entry(item, f"{where}, server {n}") for n, item in enumerate(items, 1))
    urls = [server.url for server in servers]
    for url in urls:
        if urls.count(url) > 1:
            raise SettingError(f"{where} lists {url} twice; leave one of them out")
    return servers


def _entry(item: Any, where: str) -> ServerEntry:
    """Return a server given as an object or as its address alone."""
    if isinstance(item, str):
        item = {"url": item}
    if not isinstance(item, dict) or not item.keys() <= {"name", "url"}:
        raise SettingError(f"{where}: write an address, or an object with name and url")
    url = _url(item.get("url"), where)
    name = item.get("name", "This server" if url == THIS_SERVER else urlsplit(url).netloc)
    if not isinstance(name, str) or not 0 < len(name.strip()) <= MAX_NAME_CHARS:
        raise SettingError(f"{where}: its name is a text of 1 to {MAX_NAME_CHARS} characters")
    return ServerEntry(name.strip(), url)


def _url(value: Any, where: str) -> str:
    wanted = f'write an address such as https://a.example, or "{THIS_SERVER}" for the page\'s own'
    if not isinstance(value, str) or not value.strip():
        raise SettingError(f"{where} has no url; {wanted}")
    url = value.strip().rstrip("/")
    if url == THIS_SERVER:
        return url
    if not _is_web_address(url):
        raise SettingError(f"{where}: {value!r} is no http or https address; {wanted}")
    if "@" in urlsplit(url).netloc:
        # Whoever opens the page would read them.
        raise SettingError(f"{where}: its url holds a user name or password; leave them out")
    if "?" in url or "#" in url:
        raise SettingError(f"{where}: {value!r} has a query or a fragment; leave it out")
    return url


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number, a broken IPv6 address
        return False
    return bool(usable) and not _SPACE_OR_CONTROL.search(url)
