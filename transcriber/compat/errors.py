"""Errors in the shape that another service gives them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response

_PROBLEM = "application/problem+json"


def translate(blueprint: Blueprint, shape: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Give all errors of a blueprint's routes in a shape of its own, as plain JSON.

    Args:
        shape: makes it of a problem; see `transcriber.api.errors`.
    """

    def translated(response: Response) -> Response:
        if response.mimetype == _PROBLEM:
            problem = json.loads(response.get_data())
            response.set_data(json.dumps(shape(problem), ensure_ascii=False))
            response.mimetype = "application/json"
        return response

    blueprint.after_request(translated)
