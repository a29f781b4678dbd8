"""Errors in the shape that another service gives them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request

_PROBLEM = "application/problem+json"


def translate(
    blueprint: Blueprint,
    paths: tuple[str, ...],
    shape: Callable[[dict[str, Any]], dict[str, Any]],
) -> None:
    """Give all errors below some paths in a shape of their own, as plain JSON.

    Also where no route or method is: those are no blueprint's.

    Args:
        paths: what the addresses begin with.
        shape: makes it of a problem; see `transcriber.api.errors`.
    """

    def translated(response: Response) -> Response:
        if response.mimetype == _PROBLEM and request.path.startswith(paths):
            problem = json.loads(response.get_data())
            response.set_data(json.dumps(shape(problem), ensure_ascii=False))
            response.mimetype = "application/json"
        return response

    blueprint.after_app_request(translated)
