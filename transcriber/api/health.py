"""Health, for clients that choose a server, load balancers and people."""

from __future__ import annotations

import dataclasses
from typing import Any

from flask import Blueprint, Response, jsonify

import transcriber
from transcriber.api.service import service

blueprint = Blueprint("health", __name__)


@blueprint.get("/health")
def health() -> Response:
    """Tell how the service is: 200 if it can be used, 503 if not. Never waits for the model."""
    body = _body()
    response = jsonify(body)
    response.status_code = 200 if body["status"] in ("ok", "degraded") else 503
    return response


@blueprint.get("/health/live")
def live() -> Response:
    """Tell that the process is up, whatever the model does."""
    return jsonify({"status": "live"})


def _body() -> dict[str, Any]:
    engine, pool = service().engine.state, service().engine.pool_state
    sessions, pace = service().store.state(), service().store.pace
    lanes = service().engine.pool.times.figures()
    full = service().queue_full or sessions.active >= sessions.limit
    storage = service().storage_problem
    status, detail = "ok", engine.detail
    if engine.stage == "failed":
        status = "model_failed"
    elif service().draining:
        status, detail = "draining", "The service is shutting down; use another server."
    elif engine.stage == "starting":
        status = "starting"
    elif pool.stuck_s > 0:
        status, detail = "stuck", f"A model call is {pool.stuck_s:.0f} s over its time."
    elif storage is not None:
        status, detail = "degraded", f"Sessions can't be written down: {storage}."
    elif engine.degraded or full:
        status = "degraded"
        detail = detail or "All places are taken; new sessions get 503 for now."
    return {
        "status": status,
        "detail": detail,
        "instance_id": service().instance_id,
        "version": transcriber.__version__,
        "model": engine.model,
        "partial_model": engine.partial_model,
        "device": engine.device,
        "compute_type": engine.compute_type,
        "accepting": status in ("ok", "degraded") and not full and storage is None,
        "workers": {"size": pool.size, "busy": pool.busy},
        "queue": {"depth": service().queue_depth, "limit": service().queue_limit},
        "sessions": {"active": sessions.active, "limit": sessions.limit},
        "oldest_job_s": round(pool.oldest_job_s, 3),
        "latency_ms": dataclasses.asdict(service().chunk_times.spread()),
        "lanes": {lane.value: dataclasses.asdict(figures) for lane, figures in lanes.items()},
        "partial_interval_s": pace.interval_s,
        "suggested_chunk_ms": pace.suggested_chunk_ms,
        "archive": _archive(),
    }


def _archive() -> dict[str, Any] | None:
    state = service().archive
    return {"waiting": state.waiting, "problem": state.problem} if state is not None else None
