"""The WSGI application: `gunicorn -c config/gunicorn.conf.py "app:create_app()"`."""

from __future__ import annotations

import logging

from flask import Flask

from config import logs
from config.settings import Settings
from transcriber.api.application import build
from transcriber.memory import keep_small
from transcriber.service import Service


def create_app(settings: Settings | None = None) -> Flask:
    """Return the application, with its model loading in the background.

    Args:
        settings: the settings; read from the environment if None.

    Raises:
        SettingError: a setting can't be used.
    """
    keep_small()
    settings = settings or Settings.from_env()
    logs.set_up(settings.log_level, settings.log_format, bool(settings.log_text))
    service = Service(settings, on_ready=lambda: _announce(settings, service))
    app = build(service)  # before any thread starts: it may find a setting that can't be used
    service.start()
    return app


def _announce(settings: Settings, service: Service) -> None:
    state = service.engine.state
    logging.getLogger("transcriber").info(
        "Serving %s (%s, %s). Open http://localhost:%d",
        state.model,
        state.device,
        state.compute_type,
        settings.port,
    )
