"""Whole recordings: in blocks cut at pauses, only where there is speech, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tests.support.engine import FakeModel, pool_of, talk
from tests.support.recordings import RATE_HZ, Samples, recording
from transcriber.engine.window import DecodingOptions, Lane
from transcriber.live import recording as module
from transcriber.live.recording import Recording

TALK = talk()
SILENCE = np.zeros(6 * RATE_HZ, np.float32)


def numbers(run: Recording) -> list[int]:
    """Return the numbers of the words that were heard."""
    return [int(word.strip(" w.")) for word in run.transcript.text().split()]


def transcribe(
    audio: Samples, model: FakeModel | None = None, options: DecodingOptions | None = None
) -> tuple[Recording, FakeModel]:
    """Run an upload that arrives in blocks of a second."""
    model = model or FakeModel(audio)
    blocks = (audio[at : at + RATE_HZ] for at in range(0, len(audio), RATE_HZ))
    with pool_of(model) as pool:
        run = Recording(blocks, options or DecodingOptions(), pool.submit)
        run.run()
    return run, model


@pytest.fixture
def short_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of three to five seconds, so that a short recording has several."""
    monkeypatch.setattr(module, "BLOCK_S", 3.0)
    monkeypatch.setattr(module, "MAX_BLOCK_S", 5.0)


def test_a_short_recording_is_one_window_of_the_file_lane() -> None:
    run, model = transcribe(TALK)
    assert [window.lane for window in model.windows] == [Lane.FILE]
    assert numbers(run) == list(range(28))


@pytest.mark.usefixtures("short_blocks")
def test_no_window_is_longer_than_a_block() -> None:
    _, model = transcribe(TALK)
    assert len(model.windows) >= 3
    assert max(window.seconds for window in model.windows) <= 5.1


@pytest.mark.usefixtures("short_blocks")
def test_over_several_blocks_no_word_is_lost_doubled_or_moved() -> None:
    run, _ = transcribe(TALK)
    assert numbers(run) == sorted(set(numbers(run)))
    assert len(numbers(run)) >= 26
    for segment in run.transcript.segments:
        for word in segment.words:
            assert word.end == pytest.approx((int(word.word.strip(" w.")) + 1) / 2, abs=0.01)


def test_blocks_are_cut_in_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK_S", 2.0)
    monkeypatch.setattr(module, "MAX_BLOCK_S", 8.0)
    _, model = transcribe(TALK)
    assert len(model.windows) >= 2
    for window in model.windows[:-1]:
        before_cut = window.audio[-RATE_HZ // 50 :]
        assert np.abs(before_cut).max() < 0.05


@pytest.mark.usefixtures("short_blocks")
def test_each_block_has_the_text_before_it_as_prompt() -> None:
    _, model = transcribe(TALK)
    assert not model.windows[0].previous_text
    assert all("w" in window.previous_text for window in model.windows[1:])


@pytest.mark.usefixtures("short_blocks")
def test_the_recording_is_read_only_as_far_as_it_is_decoded() -> None:
    """However long it is, a block or two are in memory at a time."""
    model, read = FakeModel(TALK), 0
    ahead_s: list[float] = []

    def blocks() -> Iterator[Samples]:
        nonlocal read
        for start in range(0, len(TALK), RATE_HZ // 2):
            read += RATE_HZ // 2
            decoded_s = sum(window.seconds for window in model.windows)
            ahead_s.append(read / RATE_HZ - decoded_s)
            yield TALK[start : start + RATE_HZ // 2]

    with pool_of(model) as pool:
        Recording(blocks(), DecodingOptions(), pool.submit).run()
    assert max(ahead_s) <= 5 + 10 + 1  # a block, and what is joined before it is looked at


def test_silence_costs_no_window() -> None:
    run, model = transcribe(SILENCE)
    assert not model.windows
    assert run.transcript.text() == ""
    assert run.seconds.silence == run.seconds.received == 6.0


@pytest.mark.parametrize("name", ["ambient-rain", "ambient-waves", "ambient-pink-noise"])
def test_rain_waves_and_noise_cost_next_to_nothing(name: str) -> None:
    sound = recording(f"nonspeech/{name}.flac").samples()[: 9 * RATE_HZ]
    run, model = transcribe(sound)
    assert run.seconds.silence > 0.9 * run.seconds.received
    assert len(model.windows) <= 1


def test_only_what_holds_speech_is_to_be_decoded() -> None:
    audio = np.concatenate([SILENCE, TALK, SILENCE])
    run, model = transcribe(audio)
    (window,) = model.windows
    start, end = window.clips[0][0], window.clips[-1][1]
    assert 5.0 <= start <= 7.0
    assert 19.0 <= end <= 21.5
    assert run.seconds.received == pytest.approx(26.0)
    assert run.seconds.received == pytest.approx(run.seconds.final + run.seconds.silence)


def test_without_the_filter_everything_is_decoded() -> None:
    _, model = transcribe(SILENCE, options=DecodingOptions(vad_filter=False))
    assert [window.clips for window in model.windows] == [((0.0, 6.0),)]


@pytest.mark.usefixtures("short_blocks")
def test_the_language_of_the_first_block_is_kept() -> None:
    model = FakeModel(TALK)
    model.language = "ar"
    run, _ = transcribe(TALK, model)
    assert [window.language for window in model.windows[:2]] == [None, "ar"]
    assert run.language == "ar"


def test_an_upload_fails_with_its_model() -> None:
    model = FakeModel(TALK)
    model.failures[Lane.FILE] = 1
    with pytest.raises(RuntimeError, match="out of memory"):
        transcribe(TALK, model)


def test_a_recording_without_a_sample_is_an_empty_transcript() -> None:
    run, model = transcribe(TALK[:0])
    assert not model.windows
    assert run.transcript.text() == ""
