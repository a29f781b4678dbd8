"""The benchmark speaks to the service as the page does, and notes what a reader would see."""

from __future__ import annotations

import itertools

import pytest

from benchmarks.quality.service import live, uploaded
from tests.support.recordings import recording
from tests.support.scores import normalised
from tests.support.server import Server

ENGLISH = {"language": "en"}


@pytest.mark.parametrize("container", ["wav", "webm"])
def test_a_session_in_real_time_is_noted_text_by_text(server: Server, container: str) -> None:
    one = recording("en/short-austen-0880.flac")
    run = live(server, one, ENGLISH, 0.4, container, paced=True)
    assert run.timed
    assert len(run.log) >= len(run.chunk_ends_s) == len(run.reply_ms)
    assert len(run.batch_ends_s) == 8
    # Late, several batches are one chunk.
    assert set(run.chunk_ends_s) <= set(run.batch_ends_s)
    assert run.chunk_ends_s[-1] == pytest.approx(one.duration_s, abs=0.01)
    assert all(
        later.at_s >= sooner.at_s and later.final.startswith(sooner.final)
        for sooner, later in itertools.pairwise(run.log)
    )
    # No reply can come before its audio.
    assert run.log[0].at_s >= run.chunk_ends_s[0]
    assert run.log[-1].final.strip() == run.text.strip()
    assert normalised(" ".join(word.text for word in run.words)) == normalised(run.text)
    assert run.model_s > 0
    assert run.cpu_s > 0


def test_without_pacing_the_text_is_the_same_and_no_chunks_are_joined(server: Server) -> None:
    one = recording("en/short-austen-0880.flac")
    paced = live(server, one, ENGLISH, 0.4, "wav", paced=True)
    unpaced = live(server, one, ENGLISH, 0.4, "wav", paced=False)
    assert unpaced.text == paced.text
    assert len(unpaced.chunk_ends_s) == 8


def test_an_upload_brings_the_times_of_its_words(server: Server) -> None:
    run = uploaded(server, recording("en/short-jfk.flac"), ENGLISH)
    assert "your country" in run.text
    assert 0 < run.words[0].end_s < run.words[-1].start_s < 11
    assert not run.timed
