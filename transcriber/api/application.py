"""The Flask application: routes, errors, CORS, and what every reply carries."""

from __future__ import annotations

import functools
import logging
import re
import secrets
import threading
import time
from pathlib import Path
from typing import Any

from flask import Flask, Response, g, request
from flask_cors import CORS

from config import logs
from config.deadlines import deadlines
from transcriber.api import (
    access,
    config,
    errors,
    headers,
    health,
    metrics,
    openapi,
    page,
    sessions,
    transcribe,
)
from transcriber.api.body import limit_sending
from transcriber.api.operations import OPERATIONS
from transcriber.api.refusals import refusal
from transcriber.api.render import state_json
from transcriber.api.service import service
from transcriber.compat import apis as compat
from transcriber.service import Service

log = logging.getLogger(__name__)

_STATIC = Path(__file__).parents[2] / "static"
_EXPOSED_HEADERS = [
    *("X-Request-Id", "Retry-After", "ETag", "Location"),
    *("Preference-Applied", "Idempotent-Replay"),
]
_ALLOWED_HEADERS = [
    *("Authorization", "Content-Type", "Prefer", "If-None-Match", "X-Request-Id"),
    *(r"x-stainless-[a-z-]+", r"openai-[a-z-]+"),  # OpenAI's own client in a page sends them
]
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
# A refused upload is read to its end for this long, because a client that is still sending would
# otherwise see a broken connection instead of the answer.
_LINGER_S = 2.0
_LINGER_BLOCK = 1 << 18
_lingering = threading.Semaphore(8)


def build(service: Service) -> Flask:
    """Return the WSGI application for a service.

    Raises:
        SettingError: `COMPAT` names an API that there is not.
    """
    app = Flask(__name__, static_folder=str(_STATIC), static_url_path="/static")
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.extensions["transcriber"] = service
    service.describe = lambda stored, snapshot: state_json(service, stored, snapshot, own=True)
    app.extensions["refusal"] = refusal  # for what never becomes a request
    CORS(
        app,
        resources={
            # Any page may import the client; which of them it may then talk to is set below.
            r"/static/.*": {"origins": "*", "send_wildcard": True},
            r"/.*": {"origins": service.origins},
        },
        expose_headers=_EXPOSED_HEADERS,
        allow_headers=_ALLOWED_HEADERS,
        # A page from the internet may use the server on its reader's own machine.
        allow_private_network=True,
        max_age=600,
    )
    for module in (transcribe, sessions, health, config, metrics):
        app.register_blueprint(module.blueprint)
    others = compat.chosen(service.settings.compat)
    for other in others:
        app.register_blueprint(other.blueprint)
    also = [operation for other in others for operation in other.operations]
    openapi.install(app, (*OPERATIONS, *also))
    page.install(app)
    errors.install(app)
    app.before_request(_begin)
    access.install(app)
    app.after_request(_finish)
    app.teardown_request(lambda error: logs.end())
    return app


def _begin() -> None:
    sent = request.headers.get("X-Request-Id", "")
    g.request_id = sent if _REQUEST_ID.fullmatch(sent) else secrets.token_hex(8)
    g.started_s = time.monotonic()
    logs.begin(g.request_id)


def _finish(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.request_id
    if not page.is_file() or response.status_code >= 400:
        response.headers["Cache-Control"] = "no-store"
    headers.mark(response)
    limit_sending(response)
    if response.status_code >= 400 and _has_body():
        # After the reply has gone out, so that it is not kept waiting.
        response.call_on_close(functools.partial(_read_to_end, request.environ))
    route, took_s = str(request.url_rule or "-"), time.monotonic() - g.started_s
    service().metrics.note_request(route, request.method, response.status_code, took_s)
    # Probes come every few seconds and would bury the rest.
    level = logging.DEBUG if request.blueprint in ("health", "metrics") else logging.INFO
    log.log(
        level,
        "%s %s %d %.0f ms",
        request.method,
        route,
        response.status_code,
        1000 * took_s,
    )
    return response


def _has_body() -> bool:
    return bool(request.content_length or request.headers.get("Transfer-Encoding"))


def _read_to_end(environ: dict[str, Any]) -> None:
    """Read what a refused request still sends, for a short while, if not too many do."""
    stream, connection = environ.get("wsgi.input"), environ.get("gunicorn.socket")
    if stream is None or not _lingering.acquire(blocking=False):
        return
    watch = deadlines.watch(connection, _LINGER_S) if connection is not None else None
    deadline_s = time.monotonic() + _LINGER_S
    try:
        while time.monotonic() < deadline_s and stream.read(_LINGER_BLOCK):
            pass
    except OSError:
        log.debug("The client stopped sending a refused request")
    finally:
        _lingering.release()
        if watch is not None:
            deadlines.done(watch)
