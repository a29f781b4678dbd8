"""The service behind the proxies of deploy/, as the files there set them up."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.support.server import ROOT, Server, free_port, running, wait_for

START_S = 30.0
REQUESTS_PER_MINUTE = 100
# What a distribution's nginx.conf has around the sites.
_AROUND = """
pid {folder}/pid;
error_log stderr;
daemon off;
events {{}}
http {{
    include /etc/nginx/mime.types;
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {sites}
}}
"""


def nginx(folder: Path, port: int, behind: int) -> list[str]:
    """Write the site without TLS on a port, and return the command that serves it."""
    site = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    site = site.replace("127.0.0.1:7860", f"127.0.0.1:{behind}")
    site = site.replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")
    site = re.sub(r" *ssl_certificate.*\n", "", site)
    site = site.replace("listen 80;", f"listen 127.0.0.1:{free_port()};")
    path = folder / "nginx.conf"
    path.write_text(_AROUND.format(folder=folder, sites=site), encoding="utf-8")
    return ["nginx", "-p", str(folder), "-c", str(path)]


def caddy(folder: Path, port: int, behind: int) -> list[str]:
    """Write the site without TLS on a port, and return the command that serves it."""
    site = (ROOT / "deploy" / "Caddyfile").read_text(encoding="utf-8")
    site = site.replace("127.0.0.1:7860", f"127.0.0.1:{behind}")
    site = site.replace("\ntalk.example {", f"\nhttp://127.0.0.1:{port} {{")
    path = folder / "Caddyfile"
    path.write_text("{\n\tadmin off\n}\n" + site, encoding="utf-8")
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(path)]


PROXIES: dict[str, Callable[[Path, int, int], list[str]]] = {"nginx": nginx, "caddy": caddy}


@contextmanager
def in_front(proxy: str, server: Server, folder: Path) -> Iterator[str]:
    """Run a proxy in front of a server, and give its address."""
    if shutil.which(proxy) is None:
        pytest.skip(f"{proxy} is not installed")
    port = free_port()
    command = PROXIES[proxy](folder, port, server.port)
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(lambda: _answers(url), START_S, lambda: (folder / "log").read_text())
            yield url
        finally:
            process.terminate()


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/health/live", timeout=5).ok
    except requests.ConnectionError:
        return False


@pytest.fixture(scope="module")
def behind() -> Iterator[Server]:
    """A server that knows of its proxy, and takes no more than 16 MiB."""
    settings = {
        "MODEL": "tiny.en",
        "TRUSTED_PROXIES": "127.0.0.1",
        "MAX_UPLOAD_MB": 16,
        "ADDRESS_REQUESTS_PER_MINUTE": REQUESTS_PER_MINUTE,
    }
    with running(settings) as started:
        started.wait_until_ready()
        yield started


@pytest.fixture(scope="module", params=sorted(PROXIES))
def url(
    request: pytest.FixtureRequest, behind: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of the service behind each of the proxies."""
    with in_front(request.param, behind, tmp_path_factory.mktemp(request.param)) as address:
        yield address
