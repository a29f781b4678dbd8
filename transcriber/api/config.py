"""What the page needs to know before it begins: servers, languages, limits."""

from __future__ import annotations

import dataclasses

from flask import Blueprint, Response, jsonify

import transcriber
from transcriber.api.service import service

blueprint = Blueprint("config", __name__)


@blueprint.get("/config.json")
def config() -> Response:
    """Tell what there is to choose from; never waits for the model."""
    settings = service().settings
    return jsonify(
        {
            "version": transcriber.__version__,
            "instance_id": service().instance_id,
            "model": service().engine.state.model,
            "servers": [dataclasses.asdict(server) for server in service().servers],
            "languages": list(service().engine.languages()),
            "limits": {
                "max_upload_mb": settings.max_upload_mb,
                "max_audio_s": settings.max_audio_s,
            },
        }
    )
