"""The page, the page of the API's description, and their modules: static files."""

from __future__ import annotations

import functools
import mimetypes
from importlib import resources

from flask import Flask, request, send_from_directory

# What the machine's own table says differs, and `nosniff` makes browsers insist.
_MEDIA_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
# What draws the description, as it comes with its package; two of its files do.
_SWAGGER_UI = str(resources.files("flask_swagger_ui") / "dist")
_SWAGGER_UI_RULE = "/static/swagger-ui/<any('swagger-ui-bundle.js', 'swagger-ui.css'):path>"
_ENDPOINTS = ("static", "index", "docs", "swagger-ui")


def install(app: Flask) -> None:
    """Serve `/`, `/docs` and what they load, with the media types that browsers insist on."""
    for suffix, media_type in _MEDIA_TYPES.items():
        mimetypes.add_type(media_type, suffix)
    app.add_url_rule("/", "index", lambda: app.send_static_file("index.html"))
    app.add_url_rule("/docs", "docs", lambda: app.send_static_file("docs.html"))
    send = functools.partial(send_from_directory, _SWAGGER_UI)
    app.add_url_rule(_SWAGGER_UI_RULE, "swagger-ui", send)


def is_file() -> bool:
    """Tell whether this request asks for a page or one of its files."""
    return request.endpoint in _ENDPOINTS
