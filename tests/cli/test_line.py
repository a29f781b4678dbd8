"""The line at the bottom shows as much of a text's end as a terminal has columns."""

from __future__ import annotations

import io

import pytest

from transcriber.cli.line import Screen, fitting


@pytest.mark.parametrize(
    "text, columns, shown",
    [
        ("all of it", 9, "all of it"),
        ("the end of it", 6, "…of it"),
        ("日本語", 6, "日本語"),
        ("日本語", 5, "…本語"),
        ("日本語", 4, "…語"),
        ("cafe\u0301 latte", 7, "… latte"),
        ("cafe\u0301", 4, "cafe\u0301"),
    ],
)
def test_a_text_fits(text: str, columns: int, shown: str) -> None:
    assert fitting(text, columns) == shown


def test_behind_a_final_line_nothing_is_left_below(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", stdout := Tty())
    monkeypatch.setattr("sys.stderr", stderr := Tty())
    with Screen() as screen:
        screen.show("may change")
        screen.add("is final")
        screen.note("another server")
    assert stdout.getvalue() == "is final\n"
    assert stderr.getvalue().split("\r\x1b[2K") == [
        "",
        "may change",
        "",
        "live-transcription: another server\n",
    ]


class Tty(io.StringIO):
    """Something that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_where_nobody_looks_only_final_lines_are_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Screen() as screen:
        screen.show("may change")
        screen.add("is final")
    assert capsys.readouterr() == ("is final\n", "")
