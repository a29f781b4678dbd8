"""Weights from the hub: cut off, killed, asked for twice, and never anything broken."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import pytest

from tests.support.server import wait_for
from tests.support.weights import FILES, MODEL_BYTES, START_S, UNPINNED, Place, assert_whole
from transcriber.engine.weights import ModelNotFound, Progress, ResolvedModel, WeightsUnavailable


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
