"""`spinebench published`."""

from __future__ import annotations

import json

import pytest

from spinebench.cli.app import run_app


def test_both_benchmarks_with_their_contradictions(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_app(["published"]) == 0
    text = capsys.readouterr().out
    assert "pathology: 12 derived cells recomputed, 1 contradicts the formulas" in text
    assert "HuatuoGPT-Vision-7B, overall: printed 15.84, recomputed 15.54" in text
    assert "level-aware: 177 derived cells recomputed, 10 contradict the formulas" in text
    assert "GPT-4o, image_acc: printed 81.7, recomputed 81.35 or 81.87" in text


def test_one_benchmark_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_app(["published", "--benchmark", "pathology", "--json", "--cells"]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record["type"] for record in records] == ["published", "contradiction", *["cell"] * 12]
    assert records[0]["contradictions"] == 1
    assert (records[1]["row"], records[1]["recomputed"]) == ("HuatuoGPT-Vision-7B", [[15.54]])


def test_an_unknown_benchmark_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_app(["published", "--benchmark", "spinebench"]) == 2
    assert "expected one of" in capsys.readouterr().err
