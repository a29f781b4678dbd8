"""Weights: every source in turn, and that nothing broken is ever taken for a model."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import venv
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import huggingface_hub
import pytest

from tests.support.hub import COMMIT, Hub, running_hub
from tests.support.server import ROOT, free_port, wait_for
from tests.support.wheels import build_wheel, only_from
from transcriber.engine.weights import (
    ModelNotFound,
    Progress,
    ResolvedModel,
    WeightsCorrupt,
    WeightsUnavailable,
    resolve,
)
from transcriber.engine.weights.manifest import FileSpec, ModelSpec, Package, load_pins
from transcriber.engine.weights.packages import Pip

PINNED, UNPINNED = "Systran/faster-whisper-tiny", "acme/own-whisper"
CACHED = PINNED.replace("/", "--")
REQUIREMENT, INSIDE = "tiny-weights==1.0", "tiny_weights/data"
FILES = {
    "model.bin": bytes(range(256)) * 400,
    "config.json": b'{"alignment_heads": []}',
    "tokenizer.json": b'{"version": "1.0"}',
    "vocabulary.txt": b"a\nb\nc\n",
}
MODEL_BYTES = len(FILES["model.bin"])
PIN = ModelSpec(
    name="tiny",
    repo=PINNED,
    revision=COMMIT,
    files=tuple(
        FileSpec(name, len(data), hashlib.sha256(data).hexdigest()) for name, data in FILES.items()
    ),
    packages=(Package(REQUIREMENT, INSIDE),),
)
START_S = 30.0


@dataclass
class Place:
    """A machine of its own: a folder of models, a hub, a folder of wheels, the hub's cache."""

    models: Path
    wheels: Path
    hub_cache: Path
    hub: Hub

    def resolve(
        self,
        name: str = "tiny",
        *,
        endpoint: str | None = None,
        pin: ModelSpec = PIN,
        progress: Callable[[Progress], None] = lambda _: None,
        offline: bool = False,
        pip: Pip | None = None,
    ) -> ResolvedModel:
        """Look for a model, with this place's hub unless told otherwise."""
        return resolve(
            name,
            models_dir=self.models,
            hub_endpoint=endpoint or self.hub.url,
            offline=offline,
            progress=progress,
            pins=[pin],
            hub_cache_dir=self.hub_cache,
            hub_answer_limit_s=1.5,
            pip=pip or Pip(environ={**os.environ, **only_from(self.wheels)}),
        )

    def add_wheel(self, **changes: bytes) -> None:
        """Put a package with the model's files into the folder of wheels."""
        files = {**FILES, **{name.replace("_", "."): data for name, data in changes.items()}}
        inside = {f"{INSIDE}/{name}": data for name, data in files.items()}
        build_wheel(self.wheels, REQUIREMENT, inside)

    def models_there(self) -> list[str]:
        """Return the names of the models in the cache."""
        return sorted(path.name for path in self.models.iterdir() if path.name[0] != ".")

    def left_behind(self) -> list[str]:
        """Return what lies beside the models and is no lock."""
        return [path.name for path in self.models.glob(".*") if path.suffix != ".lock"]

    def fetch(self, log: Path) -> subprocess.Popen[bytes]:
        """Start a process that fetches the model that is not pinned."""
        own = {
            "HF_HOME": str(self.models / "../hub-home"),
            "HF_HUB_CACHE": str(self.hub_cache),
            "HF_ENDPOINT": self.hub.url,
            "MODELS_DIR": str(self.models),
        }
        with log.open("wb") as stream:
            return subprocess.Popen(
                [sys.executable, "-m", "transcriber.engine.fetch", UNPINNED],
                cwd=ROOT,
                env={**os.environ, **own},
                stdout=stream,
                stderr=subprocess.STDOUT,
            )


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A place where nothing was downloaded yet."""
    (tmp_path / "wheels").mkdir()
    with running_hub({PINNED: FILES, UNPINNED: FILES}) as hub:
        yield Place(tmp_path / "models", tmp_path / "wheels", tmp_path / "hub-cache", hub)
        huggingface_hub.close_session()


def assert_whole(found: ResolvedModel) -> None:
    """Assert that a folder holds the model, byte for byte."""
    assert {name: (found.path / name).read_bytes() for name in FILES} == FILES


def write_model(folder: Path) -> Path:
    """Put the model's files into a folder."""
    folder.mkdir(parents=True)
    for name, data in FILES.items():
        (folder / name).write_bytes(data)
    return folder


def closed_port() -> str:
    """Return the address of a hub that can't be reached."""
    return f"http://127.0.0.1:{free_port()}"


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


# ---- The hub ----


@pytest.mark.parametrize("name", ["tiny", UNPINNED])
def test_a_model_comes_from_the_hub_with_nothing_left_beside_it(place: Place, name: str) -> None:
    found = place.resolve(name)
    assert found.source == "hub"
    assert_whole(found)
    assert {path.name for path in found.path.iterdir()} == {*FILES, ".files.json"}
    assert place.left_behind() == []
    assert place.resolve(name).source == "cache"
    assert len(place.hub.downloads("model.bin")) == 1


def test_progress_never_goes_back(place: Place) -> None:
    place.hub.cut["model.bin"] = 1000
    told: list[Progress] = []
    place.resolve(progress=told.append)
    place.resolve(progress=told.append)
    assert list(dict.fromkeys(one.stage for one in told)) == [
        "asking",
        "downloading",
        "checking",
    ]
    loading = [one.done_bytes for one in told if one.stage == "downloading"]
    assert loading == sorted(loading)
    assert loading[-1] == told[-1].total_bytes == sum(map(len, FILES.values()))
    assert told[-1].message == "Checking the files of tiny from the local cache, 0.1 of 0.1 MB."


def test_a_connection_that_breaks_off_is_taken_up_where_it_ended(place: Place) -> None:
    place.hub.cut["model.bin"] = 50_000
    assert_whole(place.resolve())
    assert [one.range for one in place.hub.downloads("model.bin")] == ["", "bytes=50000-"]


@pytest.mark.parametrize("name", ["tiny", UNPINNED])
def test_a_cut_off_download_never_counts_and_the_next_try_goes_on(place: Place, name: str) -> None:
    place.hub.cut["model.bin"] = 1000
    place.hub.cut_again = True
    with pytest.raises(WeightsUnavailable, match=r"hub: .*503"):
        place.resolve(name)
    assert place.models_there() == []
    place.hub.mend()
    assert_whole(place.resolve(name))
    assert place.hub.downloads("model.bin")[-1].range == "bytes=1000-"


def test_a_wrong_beginning_left_by_an_earlier_try_is_fetched_again(place: Place) -> None:
    place.hub.cut["model.bin"] = 1000
    place.hub.cut_again = True
    with pytest.raises(WeightsUnavailable):
        place.resolve()
    place.hub.mend()
    next(place.models.rglob("model.bin")).write_bytes(bytes(900))
    assert_whole(place.resolve())
    assert [one.range for one in place.hub.downloads("model.bin")][-2:] == ["bytes=900-", ""]


@pytest.mark.parametrize("status", [401, 404, 500, 503])
def test_a_hub_that_answers_with_an_error_is_named_at_once(place: Place, status: int) -> None:
    place.hub.status = status
    with pytest.raises(WeightsUnavailable, match=rf"hub: .*({status}|has no model)"):
        place.resolve()


def test_a_model_that_the_hub_does_not_have_is_not_found(place: Place) -> None:
    with pytest.raises(ModelNotFound, match="has no model acme/nothing"):
        place.resolve("acme/nothing")


def test_a_process_killed_in_the_middle_leaves_nothing_that_counts(
    place: Place, tmp_path: Path
) -> None:
    place.hub.hold["model.bin"] = MODEL_BYTES // 2
    process = place.fetch(tmp_path / "log")
    try:
        assert place.hub.holding.wait(START_S), (tmp_path / "log").read_text()
        wait_for(lambda: any(place.models.rglob("model.bin")), START_S, lambda: "nothing written")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert place.models_there() == []
    place.hub.mend()
    found = place.resolve(UNPINNED)
    assert found.source == "hub"
    assert_whole(found)
    assert place.left_behind() == []


def test_two_processes_at_once_share_one_download(place: Place, tmp_path: Path) -> None:
    place.hub.hold["model.bin"] = MODEL_BYTES // 2
    logs = [tmp_path / "first.log", tmp_path / "second.log"]
    processes = [place.fetch(logs[0])]
    try:
        assert place.hub.holding.wait(START_S), logs[0].read_text()
        processes.append(place.fetch(logs[1]))
        wait_for(lambda: "Waiting for" in logs[1].read_text(), START_S, logs[1].read_text)
        place.hub.release.set()
        assert [process.wait(START_S) for process in processes] == [0, 0]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    last = {log.read_text().splitlines()[-1] for log in logs}
    assert last == {f"{UNPINNED} is in {place.models / 'acme--own-whisper'}"}
    assert all(len(place.hub.downloads(name)) == 1 for name in FILES)


def test_threads_of_one_process_share_one_download_too(place: Place) -> None:
    found: list[ResolvedModel] = []
    threads = [threading.Thread(target=lambda: found.append(place.resolve())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.source for one in found) == ["cache", "cache", "cache", "hub"]
    assert len(place.hub.downloads("model.bin")) == 1


# ---- The packages ----


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
