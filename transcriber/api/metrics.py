"""GET /metrics: figures for Prometheus."""

from __future__ import annotations

from flask import Blueprint, Response, request

from transcriber.api.service import service

blueprint = Blueprint("metrics", __name__)


@blueprint.get("/metrics")
def metrics() -> Response:
    """Tell what was counted and how things are; never waits for the model."""
    body, content_type = service().metrics.render(request.headers.get("Accept", ""))
    return Response(body, content_type=content_type)
