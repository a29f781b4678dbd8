"""Tables and pictures of runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.quality import detection, report
from benchmarks.quality.run import Run, Shown, Word
from benchmarks.quality.summary import Summary, summaries
from tests.support.recordings import Recording, recording


@pytest.fixture
def runs() -> list[Run]:
    """Return the whole file, which has every word, and a live run, which has one wrong."""
    one = recording("en/short-jfk.flac")
    wrong = one.text.replace("fellow", "yellow", 1)
    whole = Run("whole file", one, one.text, model_s=1.1)
    whole.words = [Word(" and", 0.3, 0.5, 0.9)]
    live = Run("live", one, wrong, timed=True, chunk_ends_s=[5.5, 11.0], model_s=2.2)
    live.batch_ends_s = live.chunk_ends_s
    live.log = [Shown(6.0, "", "and so my yellow americans"), Shown(12.0, wrong, "")]
    return [whole, live]


@pytest.fixture
def found(runs: list[Run]) -> list[Summary]:
    return summaries(runs)


def test_a_system_is_compared_with_the_reference_and_with_the_whole_file(
    found: list[Summary],
) -> None:
    whole, live = found
    assert (whole.errors.count, live.errors.count, live.difference.count) == (0, 1, 1)
    assert live.model_s / live.audio_s == pytest.approx(0.2)
    assert len(live.delays) == 22


def test_the_tables_have_a_line_for_each_system_and_columns_that_fit(found: list[Summary]) -> None:
    texts = report.text_table(found)
    assert [line.split()[0] for line in texts[2:]] == ["whole", "live"]
    assert texts[-1].split()[1:6] == ["22", "4.55", "1", "0", "0"]
    # Systems that are not live have no delays.
    times = report.time_table(found)
    assert [line.split()[0] for line in times[2:]] == ["live"]
    assert max(len(line) for line in [*texts, *times]) <= 140


def test_a_probability_without_words_has_a_dash(found: list[Summary]) -> None:
    lines = report.calibration_table(found)
    assert lines[1].split() == ["whole", "file", "-", "-", "-", "-", "100", "%", "of", "1"]


def test_words_in_sounds_are_counted_and_those_that_were_only_shown() -> None:
    sound = Recording(Path("hum.wav"), text="", language="", duration_s=30.0)
    run = Run("live", sound, "Thank you.", log=[Shown(1.0, "", " Thank you very much.")])
    lines = report.sound_table([run])
    assert lines[1].split() == ["hum.wav", "30", "2/4"]
    assert float(lines[2].split()[-1]) == 4.0


def test_a_picture_per_recording_and_one_of_all(
    runs: list[Run], found: list[Summary], tmp_path: Path
) -> None:
    # Here and not above: every process that collects the tests would wait for Matplotlib.
    from benchmarks.quality import plots

    paths = plots.plot_recordings(runs, tmp_path)
    assert [path.name for path in paths] == ["short-jfk.png"]
    trade_off = plots.plot_trade_off(found, tmp_path / "trade-off.png")
    assert trade_off is not None
    for path in [*paths, trade_off]:
        assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "languages, told, flips",
    [
        ([(1.0, None), (2.9, "fr"), (3.1, "en"), (5.0, "en")], "en", 1),
        ([(1.0, None), (3.0, "en"), (5.0, "en")], "en", 0),
        ([(3.5, None), (6.0, "en")], None, 0),
    ],
)
def test_the_language_counts_after_three_seconds_and_flips_count_always(
    runs: list[Run], languages: list[tuple[float, str | None]], told: str | None, flips: int
) -> None:
    runs[1].languages = languages
    judged = detection.detection(runs[1])
    assert (judged.expected, judged.told, judged.flips) == ("en", told, flips)
    assert judged.enough
