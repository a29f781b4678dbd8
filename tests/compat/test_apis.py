"""Which APIs of other services are answered is a setting."""

from __future__ import annotations

import pytest

from config.settings import Settings
from tests.support.server import running
from transcriber.api import application
from transcriber.compat.apis import APIS, chosen
from transcriber.service import Service


def routes(compat: str) -> set[str]:
    app = application.build(Service(Settings(data_dir="", compat=compat)))
    theirs = {"openai", "whisper_cpp", "asr_webservice"}
    return {
        rule.rule for rule in app.url_map.iter_rules() if rule.endpoint.partition(".")[0] in theirs
    }


def test_all_are_answered_unless_told_otherwise() -> None:
    assert chosen(Settings().compat) == list(APIS.values())


@pytest.mark.parametrize(
    "compat, answered",
    [
        ("", set()),
        ("whisper.cpp", {"/inference"}),
        (" asr-webservice , whisper.cpp, whisper.cpp", {"/inference", "/asr", "/detect-language"}),
    ],
)
def test_only_those_that_are_named_are_answered(compat: str, answered: set[str]) -> None:
    assert routes(compat) == answered


def test_one_that_does_not_exist_stops_the_start() -> None:
    with (
        pytest.raises(AssertionError, match=r"COMPAT: 'deepgram' is not one of openai, whisper"),
        running({"MODEL": "/nowhere/at-all", "COMPAT": "openai,deepgram"}),
    ):
        pytest.fail("it started")
