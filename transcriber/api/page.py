"""The page and its modules: static files."""

from __future__ import annotations

import mimetypes

from flask import Flask, request

# What the machine's own table says differs, and `nosniff` makes browsers insist.
_MEDIA_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}


def install(app: Flask) -> None:
    """Serve the page at `/`, and its files with the media types that browsers insist on."""
    for suffix, media_type in _MEDIA_TYPES.items():
        mimetypes.add_type(media_type, suffix)
    app.add_url_rule("/", "index", lambda: app.send_static_file("index.html"))


def is_file() -> bool:
    """Tell whether this request asks for the page or one of its files."""
    return request.endpoint in ("static", "index")
