"""The page and its modules: static files, with the headers that keep the page to itself."""

from __future__ import annotations

import mimetypes

from flask import Flask, Response, request

# The page talks to whatever servers its user names, and Hugging Face shows a Space in a frame.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self' http: https:",
        "media-src 'self' blob:",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self' https://huggingface.co https://*.hf.space",
    )
)
_OF_HTML = {
    "Content-Security-Policy": _POLICY,
    # A watch link is a secret in the address.
    "Referrer-Policy": "no-referrer",
    # `self` holds in a frame too, as far as the page around it allows the same.
    "Permissions-Policy": (
        "microphone=(self), clipboard-write=(self), screen-wake-lock=(self), "
        "camera=(), geolocation=()"
    ),
}
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
    """Serve the page at `/` and mark the replies of static files."""
    for suffix, media_type in _MEDIA_TYPES.items():
        mimetypes.add_type(media_type, suffix)
    app.add_url_rule("/", "index", lambda: app.send_static_file("index.html"))
    app.after_request(_mark)


def is_file() -> bool:
    """Tell whether this request asks for the page or one of its files."""
    return request.endpoint in ("static", "index")


def _mark(response: Response) -> Response:
    if is_file() and response.mimetype == "text/html":
        response.headers.update(_OF_HTML)
    return response
