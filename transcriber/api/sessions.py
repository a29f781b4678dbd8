"""Reading, downloading and deleting sessions and uploads; the same to read for watchers."""

from __future__ import annotations

import re
from collections.abc import Callable

from flask import Blueprint, Response, jsonify, request

from config import logs
from transcriber.api.errors import Problem
from transcriber.api.fields import (
    MAX_WAIT_S,
    StateQuery,
    TranscriptQuery,
    checked_session_id,
    read,
)
from transcriber.api.render import snapshot_json, text_response
from transcriber.api.service import service
from transcriber.live.errors import UnknownSession
from transcriber.live.readable import Readable, log_name

blueprint = Blueprint("sessions", __name__)


@blueprint.get("/sessions/<session_id>")
def session(session_id: str) -> Response:
    """Return the state and the new segments of a session; waits for news if asked to."""
    return _state(lambda: _own(session_id), own=True)


@blueprint.get("/watch/<watch_id>")
def watch(watch_id: str) -> Response:
    """The same for whoever was given the watch id, which gives no right to write."""
    return _state(lambda: _watched(watch_id), own=False)


@blueprint.get("/sessions/<session_id>/transcript")
def transcript(session_id: str) -> Response:
    """Return what is final so far in one of the formats."""
    return _transcript(_own(session_id), own=True)


@blueprint.get("/watch/<watch_id>/transcript")
def watched_transcript(watch_id: str) -> Response:
    """The same for a watcher."""
    return _transcript(_watched(watch_id), own=False)


@blueprint.delete("/sessions/<session_id>")
def delete(session_id: str) -> Response:
    """Remove everything of a session."""
    gone = _own(session_id)
    service().store.delete(gone.id)
    gone.ledger.wait_written()
    return Response(status=204)


def _own(session_id: str) -> Readable:
    logs.note_session(log_name(checked_session_id(session_id)))
    return service().store.get(session_id)


def _watched(watch_id: str) -> Readable:
    try:
        found = service().store.watched(watch_id)
    except UnknownSession:
        raise Problem(
            "unknown-session",
            "Nothing is to be read under this id: it is wrong, or the session is gone.",
            at_field="watch_id",
        ) from None
    logs.note_session(found.log_name)
    return found


def _state(find: Callable[[], Readable], own: bool) -> Response:
    found = find()
    query = read(StateQuery, request.args.to_dict())
    known = _known_revision()
    if query.wait:
        with service().waiting(min(query.wait, MAX_WAIT_S)) as wait_s:
            found.wait_change(known, query.after, wait_s)
        found = find()  # it may have been deleted meanwhile
    snapshot = found.told(query.after)
    if known == snapshot.revision:
        response = Response(status=304)
    else:
        response = jsonify(snapshot_json(found, snapshot, own))
    response.set_etag(str(snapshot.revision))
    return response


def _known_revision() -> int | None:
    """Read the revision the reader has from `If-None-Match`."""
    match = re.fullmatch(r'(?:W/)?"?([0-9]{1,15})"?', request.headers.get("If-None-Match", ""))
    return int(match[1]) if match else None


def _transcript(found: Readable, own: bool) -> Response:
    query = read(TranscriptQuery, request.args.to_dict())
    snapshot = found.told()
    if query.format == "json":
        return jsonify(snapshot_json(found, snapshot, own))
    return text_response(snapshot.segments, query.format, query.word_timestamps)
