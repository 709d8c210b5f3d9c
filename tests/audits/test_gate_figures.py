"""Gates on an audit before and after clinicians rated, as a script calls them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from spinebench.audits.gate_figures import commands_behind, missed_audit_gates
from spinebench.audits.rows import audit_rows
from spinebench.evaluators.agreement import agreement_report
from spinebench.evaluators.calibration import calibration_report
from spinebench.evaluators.reasoning import failure_prevalence
from spinebench.runs.gate_metrics import METRICS
from spinebench.store import AuditFolder, Workspace
from tests.simulated_audits import judged, rate

if TYPE_CHECKING:
    from tests.exams import Said

AUDIT_METRICS = [name for name, metric in METRICS.items() if metric.made_by == "audit"]
JUDGES_ALONE = {"judge_unparsed_share", "judge_mean", "kappa_judge_repeats"}
NEVER = {"points": "> 1000", "share": "> 1", "coefficient": "> 1"}
"""A condition that no figure keeps."""
GATES = ("alpha_judge_vs_clinicians[clinical_rationality] >= -1", "judge_unparsed_share <= 0.2")


def never(name: str) -> str:
    return f"{name} {NEVER[METRICS[name].range]}"


@pytest.fixture(scope="module")
def unrated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, AuditFolder]:
    return judged(tmp_path_factory.mktemp("unrated"), n=8, gates=GATES)


@pytest.fixture(scope="module")
def rated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, AuditFolder]:
    folder = tmp_path_factory.mktemp("rated")
    workspace, audit = judged(folder, n=16, repeats=2, random_share=1.0, gates=GATES)
    rate(workspace, audit, folder)
    return workspace, audit


@pytest.fixture(scope="module")
def missed_after(rated: tuple[Workspace, AuditFolder]) -> list[str]:
    """A line for every figure of the rated audit."""
    workspace, audit = rated
    return missed_audit_gates([never(name) for name in AUDIT_METRICS], audit, workspace)


@pytest.fixture(scope="module")
def missed_before(unrated: tuple[Workspace, AuditFolder]) -> list[str]:
    workspace, audit = unrated
    return missed_audit_gates([never(name) for name in AUDIT_METRICS], audit, workspace)


@pytest.mark.parametrize("name", AUDIT_METRICS)
def test_every_metric_of_the_list_has_figures_once_clinicians_rated(
    missed_after: list[str], name: str
) -> None:
    lines = [line for line in missed_after if re.match(rf"{name}\b", line)]
    assert lines
    assert not [line for line in lines if "no audit gave such a figure" in line or "yet" in line]
    if name != "kappa_clinician_repeats":  # two or three duplicates each: too few for any
        assert [line for line in lines if "undefined" not in line], "at least one has a value"


@pytest.mark.parametrize("name", [name for name in AUDIT_METRICS if name not in JUDGES_ALONE])
def test_before_ratings_a_gate_on_clinicians_is_missed_in_one_line(
    missed_before: list[str], name: str
) -> None:
    (line,) = [line for line in missed_before if re.match(rf"{name}\b", line)]
    condition = NEVER[METRICS[name].range]
    assert line == f"{name}: undefined (no clinician has rated yet); expected {condition}"


def test_the_figures_are_those_of_the_reports(rated: tuple[Workspace, AuditFolder]) -> None:
    workspace, audit = rated
    rows = audit_rows(workspace, [audit.audit_id])
    report = agreement_report(rows, seed=audit.spec().seed)
    (dimension,) = [one for one in report.dimensions if one.dimension == "visual_features"]
    (judge,) = [one for one in dimension.judges if one.judge == "sim/judge-noisy"]
    (mean,) = [
        one
        for one in calibration_report(rows).models
        if (one.dimension, one.model) == ("visual_features", "sim/careful")
    ]
    (mode,) = [
        one for one in failure_prevalence(rows) if (one.mode, one.model) == ("logic_gap", "sim/careful")
    ]
    kappa = judge.panel.judge_clinician
    assert kappa.value is not None
    assert kappa.interval is not None
    assert judge.differences.bias is not None
    assert mean.corrected.value is not None
    assert mode.corrected.value is not None
    expected = {
        "kappa_judge_vs_clinicians[visual_features] of sim/judge-noisy > 1": kappa.value,
        "kappa_judge_vs_clinicians[visual_features] of sim/judge-noisy > 1 (lower bound)": kappa.interval.low,
        "judge_bias[visual_features/diagnosis] of sim/judge-noisy > 9": judge.differences.bias,
        "corrected_mean[visual_features] of sim/careful > 9": mean.corrected.value,
        "failure_mode_prevalence[logic_gap] of sim/careful > 1": mode.corrected.value,
    }
    lines = missed_audit_gates(list(expected), audit, workspace)
    for (gate, value), line in zip(expected.items(), lines, strict=True):
        assert f"{value:.4f}" in line, gate


def test_a_plan_is_held_against_its_audit_again_when_ratings_came_in(
    cli: Callable[..., Said], unrated: tuple[Workspace, AuditFolder], rated: tuple[Workspace, AuditFolder]
) -> None:
    def show(of: tuple[Workspace, AuditFolder], *more: str) -> Said:
        return cli("audit", "--show", of[1].audit_id, "--workspace", of[0].path, *more)

    before, after = show(unrated), show(rated)
    assert before.code == 1
    assert "gate missed: alpha_judge_vs_clinicians[clinical_rationality]: undefined (no cl" in before.err
    assert after.code == 0, after.err
    assert "gate missed" not in after.err

    other = show(rated, "--gate", "corrected_mean of sim/careful >= 5 (lower bound)")
    assert other.code == 1
    assert "gate missed: corrected_mean[clinical_rationality/diagnosis] of sim/careful: " in other.err
    assert ", interval " in other.err
    assert "; expected >= 5 (lower bound)" in other.err
    assert show(rated, "--gate", "overall >= 0.1").code == 2, "a figure of a run"
    assert show(rated, "--per-cell", "9").code == 2


@pytest.mark.parametrize(
    ("gates", "commands"),
    [
        (["alpha_judge_vs_clinicians >= 0.6", "ranking_tau >= 0"], ["agree"]),
        (["corrected_mean >= 3", "failure_mode_prevalence <= 0.2"], ["calibrate"]),
        (["right_for_wrong_reason <= 0.2", "judge_bias <= 1", "overall >= 0.2"], ["agree", "calibrate"]),
        (["judge_unparsed_share <= 0.1", "overall >= 0.2"], []),
    ],
    ids=["agreement", "calibration", "both", "neither"],
)
def test_the_commands_behind_gates(gates: list[str], commands: list[str]) -> None:
    assert commands_behind(gates) == commands
