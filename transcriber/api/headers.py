"""What every reply says, so that browsers do no more with it than is meant."""

from __future__ import annotations

from flask import Response

from transcriber.api import page

# The page talks to whatever servers its user names, and Hugging Face shows a Space in a frame.
_POLICY_OF_PAGE = "; ".join(
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
_OF_ALL = {
    "X-Content-Type-Options": "nosniff",
    # A watch link is a secret in the address.
    "Referrer-Policy": "no-referrer",
}
_OF_HTML = {
    "Content-Security-Policy": _POLICY_OF_PAGE,
    # `self` holds in a frame too, as far as the page around it allows the same.
    "Permissions-Policy": (
        "microphone=(self), clipboard-write=(self), screen-wake-lock=(self), "
        "camera=(), geolocation=()"
    ),
}
# Any page may import the client's modules.
_OF_FILES = {"Cross-Origin-Resource-Policy": "cross-origin"}
# Nobody has a reason to show these in a frame or as a picture; pages read them by CORS.
_OF_API = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def mark(response: Response) -> None:
    """Add them to a reply."""
    response.headers.update(_OF_ALL)
    response.headers.update(_OF_FILES if page.is_file() else _OF_API)
    if response.mimetype == "text/html":
        response.headers.update(_OF_HTML)
