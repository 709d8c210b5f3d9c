"""`spinebench levels` as a person calls it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.written_exams import PLAIN, report_items, write_items

if TYPE_CHECKING:
    from tests.exams import Said


@pytest.fixture
def exam(cli: Callable[..., Said], tmp_path: Path) -> None:
    """Twelve reports by a model that swaps every side, and by one that tells every fact as it is."""
    plan = tmp_path / "plan.yaml"
    models = [
        {"name": "sim/careful", "args": {**PLAIN, "fact_side_swapped": 1.0}},
        {"name": "sim/overcaller", "args": PLAIN},
    ]
    benchmark = write_items(tmp_path / "reports.jsonl", report_items(12))
    plan.write_text(yaml.safe_dump({"benchmark": str(benchmark), "models": models}))
    said = cli("run", plan)
    assert said.code == 0, said.err


@pytest.mark.usefixtures("exam")
def test_a_line_per_model_with_intervals_and_denominators(
    cli: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    said = cli("levels")
    assert said.code == 0, said.err
    assert "SIMULATION" in said.out
    assert max(map(len, said.out.splitlines())) <= 100
    lines = [line.split() for line in said.out.splitlines() if line.strip().startswith("sim/")]
    # Exact 0, at most one level off 100, missed 0, wrong side 100, unsupported 0; then the counts.
    figures = [word for word in lines[0] if not word.startswith("[") and not word.endswith("]")]
    assert figures == ["sim/careful", "0.0", "100.0", "0.0", "100.0", "0.0"]
    assert lines[2] == ["sim/careful", "12", "18", "18", "18", "0", "0", "0"]
    assert lines[1][:2] == ["sim/overcaller", "100.0"]


@pytest.mark.usefixtures("exam")
def test_json_has_every_figure(cli: Callable[..., Said]) -> None:
    said = cli("levels", "latest", "--task", "report", "--json")
    assert said.code == 0, said.err
    careful, other = said.records
    assert (careful["type"], careful["task"], careful["simulated"]) == ("levels", "report", True)
    assert (careful["levels"]["model"], careful["n_asked"]) == ("sim/careful", 12)
    assert careful["levels"]["wrong_side"]["count"] == 18
    assert careful["levels"]["wrong_side"]["n_clusters"] == 6
    assert other["levels"]["outcomes"]["exact"]["count"] == 18


@pytest.mark.usefixtures("exam")
@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        pytest.param(("--task", "reports"), 2, "'reports'", id="unknown task"),
        pytest.param(("nothing",), 2, "run 'nothing'", id="unknown run"),
        pytest.param(("--task", "consultation"), 3, "none of those answered", id="nothing to compare"),
    ],
)
def test_what_is_wrong_is_said(
    cli: Callable[..., Said], args: tuple[str, ...], code: int, message: str
) -> None:
    said = cli("levels", *args)
    assert said.code == code
    assert message in said.err
