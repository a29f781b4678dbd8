"""Which device, compute type and models suit a machine."""

from __future__ import annotations

import logging
import os

import ctranslate2
import pytest

from transcriber.engine import device as module
from transcriber.engine.device import Device, choose_device, cores, model_candidates

CPU, CUDA = Device("cpu", "int8"), Device("cuda", "float16")


@pytest.fixture
def no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a GPU."""
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 0)
    monkeypatch.setattr(module, "_has_driver", lambda: False)


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a GPU and all it needs."""
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 1)
    monkeypatch.setattr(
        ctranslate2, "get_supported_compute_types", lambda name: {"float16", "int8_float16"}
    )
    monkeypatch.setattr(module, "_load_cublas", lambda: True)


@pytest.mark.usefixtures("no_cuda")
def test_without_a_gpu_auto_is_the_cpu_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    assert choose_device("auto", "auto") == CPU
    assert not caplog.records


@pytest.mark.usefixtures("cuda")
def test_with_a_gpu_auto_is_cuda() -> None:
    assert choose_device("auto", "auto") == CUDA
    assert choose_device("cuda", "int8_float16") == Device("cuda", "int8_float16")


@pytest.mark.usefixtures("cuda")
def test_the_cpu_may_be_wished_for() -> None:
    assert choose_device("cpu", "auto") == CPU


@pytest.mark.usefixtures("no_cuda")
@pytest.mark.parametrize("compute_type", ["auto", "float16"])
def test_cuda_that_cant_be_used_falls_back_with_one_warning(
    compute_type: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert choose_device("cuda", compute_type) == CPU
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


@pytest.mark.usefixtures("cuda")
def test_a_missing_cublas_is_named_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_load_cublas", lambda: False)
    assert choose_device("cuda", "auto") == CPU
    assert "nvidia-cublas-cu12" in caplog.text


@pytest.mark.usefixtures("cuda")
def test_a_driver_that_raises_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> int:
        raise RuntimeError("driver too old")

    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", broken)
    assert choose_device("auto", "auto").name == "cpu"


def test_a_compute_type_that_the_device_can_t_do_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"^COMPUTE_TYPE='float16' can't be done by the cpu"):
        choose_device("cpu", "float16")


@pytest.mark.parametrize(
    "model, device, core_count, expected",
    [
        ("auto", CPU, 2, ["base", "tiny.en"]),
        ("auto", CPU, 4, ["base", "tiny.en"]),
        ("auto", CPU, 5, ["small", "base", "tiny.en"]),
        ("auto", CUDA, 2, ["large-v3-turbo", "base", "tiny.en"]),
        ("medium", CPU, 2, ["medium"]),
    ],
)
def test_models_are_tried_in_order_and_a_named_one_has_no_substitute(
    model: str, device: Device, core_count: int, expected: list[str]
) -> None:
    assert model_candidates(model, device, core_count) == expected


def test_cores_are_those_that_this_process_may_use() -> None:
    assert 1 <= cores() <= (os.cpu_count() or 1)
