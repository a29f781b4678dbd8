"""The page's files: locked down, always fresh, and importable from other pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tests.support.contract import problem
from tests.support.live import TIMEOUT_S
from tests.support.server import ROOT, Server, running

PAGE = "https://talk.example"
HTML = ["/", "/static/index.html", "/docs"]
MODULE = "/" + next((ROOT / "static").rglob("*.js")).relative_to(ROOT).as_posix()
FILES = {
    "/": "text/html; charset=utf-8",
    "/docs": "text/html; charset=utf-8",
    "/static/swagger-ui/swagger-ui.css": "text/css; charset=utf-8",
    "/static/swagger-ui/swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "/static/styles/theme.css": "text/css; charset=utf-8",
    MODULE: "text/javascript; charset=utf-8",
}


@pytest.fixture(scope="module")
def listed_server() -> Iterator[Server]:
    """A server whose API is for one page only; its model does not matter, so it has none."""
    with running({"MODEL": "/nowhere/at-all", "CORS_ORIGINS": PAGE}) as started:
        yield started


def get(server: Server, path: str, **headers: str) -> requests.Response:
    """Ask for a file."""
    return requests.get(server.url + path, headers=headers, timeout=TIMEOUT_S)


def policy(response: requests.Response) -> dict[str, str]:
    """Return the content security policy, sources by directive."""
    parts = response.headers["Content-Security-Policy"].split("; ")
    return dict(part.split(" ", 1) for part in parts)


@pytest.mark.parametrize("path", HTML)
def test_the_page_runs_nothing_that_is_not_its_own(server: Server, path: str) -> None:
    rules = policy(get(server, path))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["manifest-src"] == "'self'"
    assert rules["base-uri"] == rules["form-action"] == "'none'"
    assert not any("unsafe" in sources for sources in rules.values())


@pytest.mark.parametrize("path", HTML)
def test_the_page_may_talk_to_the_servers_that_its_user_names(server: Server, path: str) -> None:
    assert policy(get(server, path))["connect-src"] == "'self' http: https:"


@pytest.mark.parametrize("path", HTML)
def test_hugging_face_and_nobody_else_may_show_it_in_a_frame(server: Server, path: str) -> None:
    response = get(server, path)
    allowed = policy(response)["frame-ancestors"].split()
    assert allowed == ["'self'", "https://huggingface.co", "https://*.hf.space"]
    assert "X-Frame-Options" not in response.headers
    assert "microphone=(self)" in response.headers["Permissions-Policy"]


@pytest.mark.parametrize("path", HTML)
def test_the_address_with_its_watch_id_is_told_to_nobody(server: Server, path: str) -> None:
    assert get(server, path).headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("path", FILES)
def test_a_file_is_asked_for_again_but_sent_only_when_it_is_new(server: Server, path: str) -> None:
    first = get(server, path)
    assert first.headers["Cache-Control"] == "no-cache"
    again = get(server, path, **{"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert get(server, path, **{"If-None-Match": '"another"'}).status_code == 200


@pytest.mark.parametrize("path", FILES)
def test_files_have_the_media_type_that_browsers_insist_on(server: Server, path: str) -> None:
    response = get(server, path)
    assert response.headers["Content-Type"] == FILES[path]
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", [*FILES, "/health"])
def test_head_tells_the_same_without_the_body(server: Server, path: str) -> None:
    response = requests.head(server.url + path, timeout=TIMEOUT_S)
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["Content-Type"] == get(server, path).headers["Content-Type"]
    assert int(response.headers["Content-Length"]) > 0


def test_any_page_may_import_a_module_even_where_the_api_is_for_some(
    listed_server: Server,
) -> None:
    module = get(listed_server, MODULE, Origin="https://another.example")
    assert module.headers["Access-Control-Allow-Origin"] == "*"
    api = get(listed_server, "/health", Origin="https://another.example")
    assert "Access-Control-Allow-Origin" not in api.headers


def test_a_file_that_is_not_there_is_a_problem_like_others(server: Server) -> None:
    problem(get(server, "/static/nowhere.js"), 404, "not-found")
    problem(get(server, "/static/../config/settings.py"), 404, "not-found")


def test_of_the_library_that_draws_the_description_only_what_it_needs_is_served(
    server: Server,
) -> None:
    problem(get(server, "/static/swagger-ui/oauth2-redirect.html"), 404, "not-found")
    problem(get(server, "/static/swagger-ui/../flask_swagger_ui.py"), 404, "not-found")


def test_a_reply_of_the_api_is_no_page_for_anybody(server: Server) -> None:
    for path in ("/health", "/config.json", "/nowhere"):
        response = get(server, path)
        assert policy(response) == {"default-src": "'none'", "frame-ancestors": "'none'"}
        assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("path", FILES)
def test_pages_that_isolate_themselves_may_import_the_modules(server: Server, path: str) -> None:
    assert get(server, path).headers["Cross-Origin-Resource-Policy"] == "cross-origin"
