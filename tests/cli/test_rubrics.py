from __future__ import annotations

import json
from pathlib import Path

import pytest

from spinebench.cli.app import run_app
from spinebench.rubrics import SHIPPED, load_rubric


@pytest.mark.parametrize("command", [["rubrics"], ["rubrics", "list"]], ids=["bare noun", "list"])
def test_list(capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    assert run_app(command) == 0
    shown = capsys.readouterr().out
    for name in SHIPPED:
        assert name in shown
    assert run_app([*command, "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["id"], row["n_dimensions"], row["n_failure_modes"]) for row in rows] == [
        ("reasoning", 3, 0),
        ("failure_modes", 0, 13),
        ("spinemed_report", 10, 0),
    ]


def test_show(capsys: pytest.CaptureFixture[str]) -> None:
    rubric = load_rubric("reasoning")
    assert run_app(["rubrics", "show", "reasoning"]) == 0
    shown = capsys.readouterr().out
    for dimension in rubric.dimensions:
        assert dimension.focus in shown
        for text in dimension.anchors.values():
            assert text in shown
    assert run_app(["rubrics", "show", "failure_modes", "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["hash"] == load_rubric("failure_modes").hash


def test_show_of_an_unknown_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_app(["rubrics", "show", "resoning"]) == 2
    assert "did you mean 'reasoning'?" in capsys.readouterr().err


def test_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = tmp_path / "good.yaml"
    good.write_text(
        'id: own\nversion: "1"\ntitle: T\nlanguage: en\nsource: s\n'
        "failure_modes:\n  - {id: a, name: n, definition: d, example: e, counter_example: c}\n"
    )
    bad = tmp_path / "bad.yaml"
    bad.write_text(good.read_text().replace("title", "titel").replace("name: n, ", ""))
    assert run_app(["rubrics", "check", str(good)]) == 0
    assert "nothing is wrong" in capsys.readouterr().out

    assert run_app(["rubrics", "check", str(good), str(bad)]) == 3
    shown = capsys.readouterr()
    assert "bad.yaml, line 3: titel: expected a known key; did you mean 'title'?" in shown.out
    assert "failure_modes[a].name: expected a value" in shown.out
    assert "1 of 2 files" in shown.err
    assert shown.err.strip().splitlines()[-1].startswith("Correct what is listed above")

    assert run_app(["rubrics", "check", "--json", str(good), str(bad)]) == 3
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["type"] for row in rows] == ["rubric", "problem", "problem", "problem"]
    assert {row.get("path") for row in rows[1:]} == {"title", "titel", "failure_modes[a].name"}


def test_terminal_escapes_of_a_file_are_not_passed_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "hostile.yaml"
    file.write_text('"\\e[31mred": 1\n')
    assert run_app(["rubrics", "check", str(file)]) == 3
    assert "\x1b" not in capsys.readouterr().out
