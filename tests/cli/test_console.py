from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinebench.cli.console import emit, print_table, printable, say


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("a\tb\nc", "a\tb\nc"),
        ("bell\x07", "bell�"),
        ("c1 \x9b31m", "c1 �31m"),
        ("über ≤ ½", "über ≤ ½"),
    ],
)
def test_escapes_and_controls_are_taken_out(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_nothing_printed_can_steer_a_terminal(text: str) -> None:
    shown = printable(text)
    assert not any(ord(c) < 32 and c not in "\n\t" for c in shown)
    assert not any(0x7F <= ord(c) < 0xA0 for c in shown)


def test_a_record_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"text": "two\nlines \u2028 and \x1b[31m", "n": None})
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert "\x1b" not in out
    assert json.loads(out) == {"text": "two\nlines \u2028 and \x1b[31m", "n": None}


def test_what_is_said_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    say("hello\r\n")
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("hello")


@pytest.mark.parametrize(
    ("cell", "right"),
    [
        ("12", True),
        ("1,200", True),
        ("36+24", True),
        ("5 (19%)", True),
        ("0 (≤31%)", True),
        ("-44.4 [-62 to -21]", True),
        ("1-2", True),
        ("4.75e-11", True),
        ("$0.10-2.30", True),
        ("2026-11-21 01:05", False),
        ("20261121-010600-pathology-6027", False),
        ("3 apples", False),
        ("", False),
    ],
)
def test_figures_stand_right_and_all_else_left(
    capsys: pytest.CaptureFixture[str], cell: str, right: bool
) -> None:
    print_table(("a rather long heading over the cells", "b"), [(cell, "x")])
    row = capsys.readouterr().out.splitlines()[3]
    assert row.startswith("     ") == (right or not cell)


@pytest.mark.parametrize("columns", ["20", "80", "400"])
def test_a_table_cuts_nothing_off(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    long = "a rather long sentence about a finding, " * 5
    print_table(("model", "n", "what"), [("[bold]m[/bold]", 12, long), ("\x1b[2Jx", None, "y")], title="T")
    out = capsys.readouterr().out
    assert "[bold]m[/bold]" in out, "cells are no markup"
    assert "\x1b" not in out
    assert "–" in out, "nothing is shown as a dash"
    assert "".join(out.split()).count("finding") == 5
    assert "…" not in out


def test_columns_that_do_not_fit_follow_below(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys 5 + 4, figures 20 each: at 60 columns two fit beside the keys, and the third goes below."""
    monkeypatch.setenv("COLUMNS", "60")
    figure = "3.40 [2.41 to 4.41]"
    print_table(("model", "task", "a", "b", "c"), [("sim/a", "diag", figure, figure, figure)], keys=2)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 60
    assert [line.split() for line in lines if "model" in line] == [
        ["model", "task", "a", "b"],
        ["model", "task", "c"],
    ]
    assert [line.count(figure) for line in lines if "sim/a" in line] == [2, 1]


def test_a_file_gets_the_table_in_one_piece(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    figure = "3.40 [2.41 to 4.41]"
    print_table(("model", *"abcdefg"), [("sim/a", *[figure] * 7)])
    assert sum("sim/a" in line for line in capsys.readouterr().out.splitlines()) == 1


def test_figures_too_many_for_one_piece_are_not_cut_off_in_a_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twelve columns of 27 letters and a key are more than 200 columns of text."""
    monkeypatch.delenv("COLUMNS", raising=False)
    headings = [f"{letter * 2} cervical vertebrae, mean" for letter in "abcdefghijkl"]
    figures = [f"0.{100 + n}" for n in range(12)]
    print_table(("images of", *headings), [("Osteophytes", *figures)])
    out = capsys.readouterr().out
    assert [text for text in (*headings, *figures) if text not in out] == []
    assert sum("Osteophytes" in line for line in out.splitlines()) == 2


def test_a_table_with_wide_first_columns_stays_in_one_piece(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    trace = "20261121-035737-demo-phantoms-4a90/2075e386"
    print_table(("trace", "dimension", "scores"), [(trace, "clinical_rationality", "a 5, b 2")])
    assert capsys.readouterr().out.count(trace) == 1
