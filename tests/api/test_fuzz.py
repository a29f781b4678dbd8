"""Requests that nobody thought of, made up from the OpenAPI description: none breaks anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.chunks import JFK
from tests.support.live import TIMEOUT_S
from tests.support.recordings import blobs, encode
from tests.support.server import Server, running
from transcriber.api.operations import OPERATIONS, Operation
from transcriber.compat.apis import APIS

QUICK, MANY = 20, 1000
# A 500 is in no operation's description, while every deliberate 5xx is.
CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
AUDIO = [encode(JFK.samples()[:8000]), blobs("webm-opus")[0], blobs("mp4-opus")[0], b""]
# Files are audio, damaged audio, or anything.
FILES = (
    st.sampled_from(AUDIO)
    | st.builds(lambda data, cut: data[:cut], st.sampled_from(AUDIO), st.integers(0, 3000))
    | st.binary(max_size=200)
)


@pytest.fixture(scope="module")
def fuzzed() -> Iterator[Server]:
    """A server whose sessions are soon over."""
    with running({"MODEL": "tiny.en", "SESSION_TTL_S": 1, "REPLY_WAIT_S": 2}) as started:
        started.wait_until_ready(600)
        yield started


@pytest.fixture(scope="module")
def description(fuzzed: Server) -> schemathesis.BaseSchema:
    """What that server says of itself."""
    schemathesis.openapi.format("binary", FILES)
    described: schemathesis.BaseSchema = schemathesis.openapi.from_url(f"{fuzzed.url}/openapi.json")
    return described


def fuzz(
    schema: schemathesis.BaseSchema, operation: Operation, mode: GenerationMode, examples: int
) -> None:
    """Send so many requests; each reply has to be one that the description knows."""
    path = operation.template
    requests = schema[path][operation.method].as_strategy(generation_mode=mode)

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=requests)
    def ask(case: schemathesis.Case[Any]) -> None:
        response = case.call(timeout=TIMEOUT_S)
        case.validate_response(response, checks=CHECKS)

    ask()


MODES = [
    pytest.param(operation, mode, id=f"{operation.name}-{mode.value}")
    for operation in (*OPERATIONS, *(one for api in APIS.values() for one in api.operations))
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    # What takes nothing, or any name, can't be given anything wrong.
    if mode is GenerationMode.POSITIVE or operation.form or operation.variable not in (None, "name")
]


@pytest.mark.parametrize("operation, mode", MODES)
def test_no_request_gets_what_is_not_described(
    description: schemathesis.BaseSchema, operation: Operation, mode: GenerationMode
) -> None:
    fuzz(description, operation, mode, QUICK)


@pytest.mark.soak
@pytest.mark.parametrize("operation, mode", MODES)
def test_nor_do_many(
    description: schemathesis.BaseSchema, operation: Operation, mode: GenerationMode
) -> None:
    fuzz(description, operation, mode, MANY)
