"""GET /openapi.json: the API described (OpenAPI 3.1), from the models that check and answer."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from flask import Blueprint, Flask, Response, current_app, jsonify
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

import transcriber
from transcriber.api.errors import TABLE
from transcriber.api.fields import SESSION_ID, described
from transcriber.api.operations import (
    CODES_OF_ALL,
    CODES_OF_HTTP,
    Answer,
    Operation,
)
from transcriber.api.parts import AUDIO_FIELDS
from transcriber.api.replies import ProblemReply
from transcriber.audio.containers import ACCEPTED_NAMES

blueprint = Blueprint("openapi", __name__)

Schema = dict[str, Any]
_PROBLEM = "application/problem+json"


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """Tell what requests there are, what they take and what they give."""
    return jsonify(current_app.extensions["openapi"]())


def install(app: Flask, operations: Sequence[Operation]) -> None:
    """Describe these operations, once somebody asks."""
    app.register_blueprint(blueprint)
    app.extensions["openapi"] = functools.cache(lambda: document(operations))


def document(operations: Sequence[Operation]) -> Schema:
    """Return the description of some operations."""
    paths: dict[str, Schema] = defaultdict(dict)
    for operation in operations:
        paths[operation.template][operation.method] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Live transcription",
            "version": transcriber.__version__,
            "description": "Live speech to text over plain HTTP: audio in pieces by POST, words out"
            " as they settle.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "."}],
        "tags": [{"name": name} for name in dict.fromkeys(one.tag for one in operations)],
        "paths": dict(paths),
        "components": {
            "schemas": _models(operations),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _models(operations: Iterable[Operation]) -> Schema:
    models: set[type[BaseModel]] = {ProblemReply}
    for operation in operations:
        models.add(operation.error)
        models.update(*(answer.models for answer in operation.answers.values()))
    _, definitions = models_json_schema(
        [(model, "validation") for model in sorted(models, key=lambda model: model.__name__)],
        ref_template="#/components/schemas/{model}",
    )
    schemas: Schema = definitions["$defs"]
    return schemas


def _described(operation: Operation) -> Schema:
    needs_key = not operation.is_open
    codes = (*CODES_OF_HTTP, *operation.codes, *(CODES_OF_ALL if needs_key else ()))
    told: Schema = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": _parameters(operation),
        "responses": {
            **_problems(codes, operation.error),
            **{str(status): _answer(one) for status, one in operation.answers.items()},
        },
        # Where no keys are set, none is needed either.
        "security": [{"key": []}, {}] if needs_key else [],
    }
    if operation.form is not None:
        told["requestBody"] = _audio_body(_form(operation))
    return told


def _parameters(operation: Operation) -> list[Schema]:
    in_path = operation.variable
    schemas = {"session_id": {"type": "string", "pattern": SESSION_ID}}
    parameters: list[Schema] = []
    if in_path:
        schema = schemas.get(in_path, {"type": "string", "minLength": 1})
        parameters.append({"name": in_path, "in": "path", "required": True, "schema": schema})
    for name, schema in (described(operation.query) if operation.query else {}).items():
        parameters.append({"name": name, "in": "query", "schema": schema})
    for name, what in operation.headers.items():
        told = {"in": "header", "description": what, "schema": {"type": "string"}}
        parameters.append({"name": name, **told})
    about = {"in": "query", "description": "With audio as the raw body; else in the form."}
    for name, schema in _form(operation).items():
        parameters.append({"name": name, **about, "schema": schema})
    return parameters


def _form(operation: Operation) -> Schema:
    """Return the fields that come with audio."""
    lists = {
        name: {"type": "array", "items": {"type": "string", "enum": list(choices)}}
        for name, choices in operation.lists.items()
    }
    return {**described(operation.form), **lists} if operation.form else {}


def _audio_body(fields: Schema) -> Schema:
    file: Schema = {"type": "string", "format": "binary"}
    files = {name: {"type": "array", "items": file} for name in AUDIO_FIELDS}
    form = {"type": "object", "properties": {**files, **fields}}
    return {
        "description": f"Audio: {', '.join(ACCEPTED_NAMES)}.",
        "content": {
            "multipart/form-data": {"schema": form},
            "application/octet-stream": {"schema": file},
            "audio/*": {"schema": file},  # only `audio/L16;rate=R;channels=C` means something
        },
    }


def _answer(answer: Answer) -> Schema:
    references = [{"$ref": f"#/components/schemas/{model.__name__}"} for model in answer.models]
    content: Schema = {media_type: {"schema": {}} for media_type in answer.texts}
    if references:
        only_one = len(references) == 1
        content["application/json"] = {
            "schema": references[0] if only_one else {"anyOf": references}
        }
    return {"description": answer.what, **({"content": content} if content else {})}


def _problems(codes: tuple[str, ...], error: type[BaseModel]) -> Schema:
    """Return the answers for errors, each status once."""
    by_status: dict[int, list[str]] = defaultdict(list)
    for code in codes:
        by_status[TABLE[code].status].append(code)
    problem = {_PROBLEM: _reference(ProblemReply)}
    own = problem if error is ProblemReply else {"application/json": _reference(error)}
    return {
        str(status): {
            "description": "; ".join(f"`{code}`: {TABLE[code].title}" for code in told) + ".",
            # What is no HTTP is no operation's.
            "content": {**own, **(problem if set(told) & set(CODES_OF_HTTP) else {})},
        }
        for status, told in sorted(by_status.items())
    }


def _reference(model: type[BaseModel]) -> Schema:
    return {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}
