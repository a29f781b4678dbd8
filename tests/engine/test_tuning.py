"""The compute type for a CPU is measured once and remembered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from transcriber.engine import tuning
from transcriber.engine.tuning import OTHER, USUAL, compute_type


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "measured.json"


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was measured, where float32 takes half the time of int8."""
    asked: list[str] = []

    def work(path: Path, kind: str, threads: int) -> object:
        asked.append(kind)
        return lambda: {USUAL: 0.2, OTHER: 0.1}[kind]

    monkeypatch.setattr(tuning, "_work", work)
    return asked


def test_real_weights_are_measured_and_the_result_remembered(weights: Path, memory: Path) -> None:
    found = compute_type(weights, "tiny.en", 1, memory)
    assert found in (USUAL, OTHER)
    (key,) = known = json.loads(memory.read_text())
    assert known[key] == found
    assert "tiny.en with 1 threads" in key


def test_the_faster_one_is_taken(weights: Path, memory: Path, measured: list[str]) -> None:
    assert compute_type(weights, "tiny.en", 1, memory) == OTHER
    assert measured == [USUAL, OTHER]


def test_what_is_known_is_not_measured_again(
    weights: Path, memory: Path, measured: list[str]
) -> None:
    for _ in range(2):
        assert compute_type(weights, "tiny.en", 1, memory) == OTHER
    assert measured == [USUAL, OTHER]
    compute_type(weights, "tiny.en", 2, memory)
    assert len(measured) == 4  # other threads are another question


@pytest.mark.parametrize("text", ["", "[]", '{"tiny.en": 3', '{"tiny.en": "float64"}'])
def test_a_spoilt_memory_is_no_obstacle(
    weights: Path, memory: Path, measured: list[str], text: str
) -> None:
    memory.parent.mkdir()
    memory.write_text(text)
    assert compute_type(weights, "tiny.en", 1, memory) == OTHER
    assert compute_type(weights, "tiny.en", 1, memory) == OTHER
    assert len(measured) == 2


def test_where_nothing_can_be_written_it_is_measured_each_time(
    weights: Path, tmp_path: Path, measured: list[str]
) -> None:
    (tmp_path / "file").touch()
    for _ in range(2):
        assert compute_type(weights, "tiny.en", 1, tmp_path / "file" / "measured.json") == OTHER
    assert len(measured) == 4


def test_a_large_model_is_not_loaded_in_float32(
    tmp_path: Path, memory: Path, measured: list[str]
) -> None:
    with (tmp_path / "model.bin").open("wb") as file:
        file.truncate(10**9)
    assert compute_type(tmp_path, "large-v3", 1, memory) == USUAL
    assert not measured
