"""The service that the present application serves."""

from __future__ import annotations

from typing import cast

from flask import current_app

from transcriber.service import Service


def service() -> Service:
    """Return the service of the application that handles this request."""
    return cast("Service", current_app.extensions["transcriber"])
