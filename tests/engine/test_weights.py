"""Weights that are there already, by what name, and that nothing broken is taken for a model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import huggingface_hub
import pytest

from tests.support.hub import COMMIT
from tests.support.weights import (
    FILES,
    MODEL_BYTES,
    PINNED,
    UNPINNED,
    Place,
    assert_whole,
    closed_port,
    write_model,
)
from transcriber.engine.weights import (
    ModelNotFound,
    ResolvedModel,
    WeightsCorrupt,
    WeightsUnavailable,
)
from transcriber.engine.weights.manifest import load_pins

# ---- A folder ----


def test_a_folder_is_used_as_it_is(place: Place, tmp_path: Path) -> None:
    folder = write_model(tmp_path / "mine")
    assert place.resolve(str(folder)) == ResolvedModel(str(folder), folder, "folder")
    assert not place.hub.requests
    assert not place.models.exists()


@pytest.mark.parametrize("missing", list(FILES))
def test_a_folder_that_lacks_a_file_is_refused(place: Place, tmp_path: Path, missing: str) -> None:
    folder = write_model(tmp_path / "mine")
    (folder / missing).unlink()
    with pytest.raises(WeightsCorrupt, match=f"lacks {missing}"):
        place.resolve(str(folder))


def test_a_folder_that_is_only_called_like_a_model_is_passed_over(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny").mkdir()
    assert place.resolve().source == "hub"


# ---- The caches ----


def test_a_cached_model_is_used_without_a_network(place: Place) -> None:
    path = place.resolve().path
    for name in ("tiny", PINNED):
        again = place.resolve(name, endpoint=closed_port(), offline=True)
        assert (again.path, again.source) == (path, "cache")


def test_a_cached_model_in_a_read_only_folder_is_used(place: Place) -> None:
    place.resolve()
    next(place.models.glob(".*.lock")).unlink()
    assert place.resolve(offline=True).source == "cache"
    assert not list(place.models.glob(".*"))


@pytest.mark.parametrize("name", ["tiny", UNPINNED])
@pytest.mark.parametrize(
    "damage", [lambda data: data[:-1], lambda data: bytes(len(data))], ids=["cut", "zeros"]
)
@pytest.mark.parametrize("file", ["model.bin", "tokenizer.json"])
def test_a_damaged_cache_is_repaired(
    place: Place, name: str, damage: Callable[[bytes], bytes], file: str
) -> None:
    path = place.resolve(name).path / file
    path.write_bytes(damage(path.read_bytes()))
    found = place.resolve(name)
    assert found.source == "hub"
    assert_whole(found)
    assert place.left_behind() == []


@pytest.mark.parametrize("content", ["", "[]", '{"files": {"../x": {}}}'])
def test_a_cached_folder_without_its_list_is_no_model(place: Place, content: str) -> None:
    path = place.resolve().path
    (path / ".files.json").write_text(content)
    assert place.resolve().source == "hub"


def test_a_damaged_cache_is_never_used_even_without_another_source(place: Place) -> None:
    path = place.resolve().path
    (path / "model.bin").write_bytes(bytes(MODEL_BYTES))
    with pytest.raises(WeightsUnavailable, match=r"cache: model\.bin is damaged"):
        place.resolve(endpoint=closed_port())


@pytest.mark.parametrize("name", ["tiny", UNPINNED])
def test_the_hubs_own_cache_is_used(place: Place, name: str) -> None:
    repo = PINNED if name == "tiny" else name
    huggingface_hub.snapshot_download(repo, cache_dir=place.hub_cache, endpoint=place.hub.url)
    found = place.resolve(name, offline=True)
    assert found.source == "hub-cache"
    assert found.path.is_relative_to(place.hub_cache)
    assert_whole(found)


@pytest.mark.parametrize("name", ["tiny", UNPINNED])
def test_a_damaged_file_in_the_hubs_own_cache_is_passed_over(place: Place, name: str) -> None:
    repo = PINNED if name == "tiny" else name
    huggingface_hub.snapshot_download(repo, cache_dir=place.hub_cache, endpoint=place.hub.url)
    next(place.hub_cache.rglob("snapshots/*/model.bin")).resolve().write_bytes(bytes(MODEL_BYTES))
    found = place.resolve(name)
    assert found.source == "hub"
    assert_whole(found)


# ---- Names ----


def test_an_unknown_name_is_refused_with_the_sizes_there_are(place: Place) -> None:
    with pytest.raises(ModelNotFound, match=r"no model 'bse'.* base,.* large-v3-turbo"):
        place.resolve("bse")
    assert not place.hub.requests


@pytest.mark.parametrize(
    "name",
    [
        *("", "../evil", "acme/..", "../../etc/passwd", "/no/such/folder", "acme/a/b", "acme\\a"),
        *("acme/a\n", "acme/..%2f..", "~nobody-at-all/model", "äcme/whisper", "a\0b/c"),
        *("acme/a..b", "acme/a--b", "a.b/c.", "acme/" + "x" * 97, ".acme/a", "acme/-a", "/"),
    ],
)
def test_an_odd_name_is_no_model(place: Place, name: str) -> None:
    with pytest.raises((ModelNotFound, WeightsCorrupt)):
        place.resolve(name)
    assert not place.models.exists()
    assert not place.hub.requests


@pytest.mark.parametrize("name", ["A/_b", "acme/" + "x" * 96, "a.b/c_.d"])
def test_a_hub_name_never_leaves_the_folder_of_models(
    place: Place, tmp_path: Path, name: str
) -> None:
    before = set(tmp_path.iterdir())
    with pytest.raises(ModelNotFound):
        place.resolve(name)
    assert set(tmp_path.iterdir()) - before == {place.models}
    assert [path.suffix for path in place.models.iterdir()] == [".lock"]


# ---- What is pinned ----


def test_the_pins_of_the_project_can_be_read() -> None:
    assert {pin.name: len(pin.packages) for pin in load_pins()} == {"tiny.en": 1, "base": 2}


@pytest.mark.parametrize(
    "change",
    [
        {"hub": "../evil"},
        {"files": {"../model.bin": {"bytes": 1, "sha256": "0"}}},
        {"packages": [{"requirement": "a==1", "folder": "../.."}]},
        {"join": {"model.bin": ["/etc/passwd"]}},
    ],
)
def test_a_pin_that_leads_out_of_its_folder_is_refused(
    tmp_path: Path, change: dict[str, object]
) -> None:
    model = {"name": "a", "hub": "a/b", "revision": COMMIT, "files": {}, "packages": []}
    path = tmp_path / "weights.json"
    path.write_text(json.dumps({"models": [{**model, **change}]}))
    with pytest.raises(ValueError, match=r"is no plain file name|leads out|is no hub name"):
        load_pins(path)
