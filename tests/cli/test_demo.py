"""`spinebench demo`: the whole loop, labelled as the simulation it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from spinebench.cli.demo import MODELS
from spinebench.store.workspace import Workspace

if TYPE_CHECKING:
    from tests.exams import Said


@pytest.mark.slow
def test_the_demo_shows_what_was_planted(cli: Callable[..., Said]) -> None:
    said = cli("demo", "--json")
    assert said.code == 0, said.err
    run = said.record("run")
    assert (run["state"], run["n_done"], run["n_failed"], run["simulated"]) == ("done", 180, 0, True)
    results = {record["model"]: record for record in said.records if record["type"] == "result"}
    assert list(results) == list(MODELS)
    overall = {name: record["overall"]["of_asked"]["value"] for name, record in results.items()}
    careful, overcaller, guesser = (overall[name] for name in MODELS)
    assert careful > overcaller > guesser, "the planted order"

    def rate(name: str, outcome: str) -> float:
        outcomes = results[name]["diagnosis"]["outcomes"]
        return float(next(one for one in outcomes if one["outcome"] == outcome)["rate"]["of_asked"]["value"])

    assert rate("sim/overcaller", "healthy_misdiagnosed") > 0.5 > rate("sim/careful", "healthy_misdiagnosed")
    workspace = Workspace("spinebench-workspace")
    cases, phantoms = workspace.query("runs").to_pylist()
    assert (cases["benchmark"], phantoms["benchmark"]) == ("demo-cases", "demo-phantoms"), (
        "the last run is shown"
    )
    written = workspace.sql(
        "SELECT count(DISTINCT t.trace_id) AS n, count(DISTINCT s.dimension) AS dimensions FROM audit_traces AS t "
        "JOIN judge_scores AS s USING (audit_id, trace_id) WHERE t.task = 'report'"
    )
    assert written.to_pylist() == [{"n": 27, "dimensions": 10}]
    texts = workspace.answers().column("text").to_pylist()
    assert sum(len(text) > 200 for text in texts) > 100, "traces that read like reasoning"


@pytest.mark.slow
def test_the_demo_says_that_it_is_one_and_where_to_look_next(cli: Callable[..., Said]) -> None:
    said = cli("demo", "--items", "12", "--workspace", "my demo")
    assert said.code == 0, said.err
    assert "SIMULATION" in said.out
    assert "SIMULATION" in said.err
    hints = said.err.partition("What to look at next:")[2]
    assert "spinebench runs show latest --workspace 'my demo'" in hints
    assert "OPENAI_API_KEY" in hints
    for command in (
        ["runs", "show", "latest"],
        ["runs", "list"],
        ["compare", "sim/careful", "sim/guesser"],
    ):
        shown = cli(*command, "--workspace", "my demo")
        assert shown.code == 0, shown.err
        assert "SIMULAT" in shown.out
    checked = cli("data", "check", Path("my demo/demo/demo.json"))
    assert checked.code == 0, checked.err
    again = cli("demo", "--items", "12", "--workspace", "my demo")
    assert again.code == 0, "it works again"
