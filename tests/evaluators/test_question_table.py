"""Answers packed by question say the same as the rows of the view `graded`."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

from spinebench.evaluators.columns import GradedColumns
from spinebench.evaluators.comparison import compare
from spinebench.evaluators.question_table import STATUSES, QuestionTable
from spinebench.evaluators.results import AccuracySummary, accuracies, summarize
from spinebench.store import Workspace
from tests.exams import ROOT


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Two runs of twelve models on 120 questions of two tasks, every status among the answers, and an audit."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        from large_workspace import make
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))
    made = make(
        Path(tmp_path_factory.mktemp("large")) / "workspace", questions=120, per_cell=3, text_bytes=200
    )
    assert isinstance(made, Workspace)
    return made


@pytest.fixture(scope="module")
def packed(workspace: Workspace) -> QuestionTable:
    runs = [run.spec() for run in workspace.runs()]
    models = [model for run in runs for model in run.models]
    table = workspace.query(
        "questions", run_ids=[run.run_id for run in runs], models=models, statuses=list(STATUSES)
    )
    return QuestionTable.of(table, runs, models)


def all_of(packed: QuestionTable) -> GradedColumns:
    return packed.graded(
        run_ids=[run.run_id for run in packed.runs],
        models=packed.models,
        personas=["surgeon"],
        conditions=["normal"],
    )


def same(one: object, other: object) -> bool:
    """Equal, figures to 12 digits: sums are taken in another order."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-11, abs_tol=1e-12)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def as_accuracy(summary: AccuracySummary) -> dict[str, object]:
    """What a summary says of accuracies, without the rest of its tasks."""
    told = summary.model_dump()
    for task in ("diagnosis", "localization"):
        told[task] = {name: told[task][name] for name in ("accuracy", "baselines", "chance_corrected")}
    return told


def test_accuracies_are_those_of_the_whole_summary(workspace: Workspace, packed: QuestionTable) -> None:
    everything = all_of(packed)
    short = {one.model: as_accuracy(one) for one in accuracies(everything)}
    whole = {one.model: as_accuracy(one) for one in summarize(workspace.query("graded"))}
    assert len(short) == 12
    assert short.keys() == whole.keys()
    for model, summary in whole.items():
        assert same(short[model], summary), model


def test_statuses_are_kept_apart(packed: QuestionTable) -> None:
    everything = all_of(packed)
    counts = [one.denominators for one in accuracies(everything)]
    for name in ("no_answer", "unparsed", "refused", "truncated", "errored"):
        assert sum(getattr(one, name) for one in counts) > 0, name


def test_a_choice_of_runs_models_and_personas_is_that_of_the_rows(
    workspace: Workspace, packed: QuestionTable
) -> None:
    run = packed.runs[0]
    chosen = packed.graded(
        run_ids=[run.run_id], models=run.models[:2], personas=["surgeon"], conditions=["normal"]
    )
    assert chosen.n == 240
    assert {one.model for one in accuracies(chosen)} == {*run.models[:2]}
    nobody = packed.graded(
        run_ids=[run.run_id], models=run.models, personas=["radiologist"], conditions=["normal"]
    )
    assert nobody.n == 0
    assert accuracies(nobody) == []


def test_pairs_are_those_of_the_rows_with_and_without_a_ranking(
    workspace: Workspace, packed: QuestionTable
) -> None:
    everything = all_of(packed)
    packed_pairs = compare(everything, n_resamples=0)
    rows = compare(workspace.query("graded"), list(packed.models), n_resamples=50)
    assert [scope.scope for scope in packed_pairs.scopes] == ["diagnosis", "localization", "overall"]
    for one, other in zip(packed_pairs.scopes, rows.scopes, strict=True):
        assert one.standings == ()
        assert len(one.pairs) == 66
        found = {frozenset((pair.first, pair.second)): pair for pair in one.pairs}
        for pair in other.pairs:
            mine = found[frozenset((pair.first, pair.second))]
            assert same(mine.p_value, pair.p_value)
            assert same(mine.p_adjusted, pair.p_adjusted)
            assert same(abs(mine.difference.value or 0), abs(pair.difference.value or 0))


def test_the_workspace_is_whole(workspace: Workspace) -> None:
    from spinebench.store.check import check

    assert workspace.sql("SELECT count(*) AS n FROM graded").column("n")[0].as_py() == 1440
    assert workspace.sql("SELECT count(*) AS n FROM judgements").column("n")[0].as_py() == 12 * 2 * 3 * 3
    assert workspace.sql("SELECT count(*) AS n FROM ratings").column("n")[0].as_py() > 0
    assert check(workspace) == []
