"""`spinebench scores` as a person calls it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spinebench.store import Workspace
from tests.exams import Said
from tests.stored_audits import JUDGES, rating, stored_audit
from tests.stored_reports import EVEN, R1, R2, R3, all_at, audit_of_reports, judged, run_of_reports


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Where the commands look by default; reports are not judged yet."""
    place = Workspace(tmp_path / "spinebench-workspace")
    run_of_reports(place)
    return place


@pytest.fixture
def audited(workspace: Workspace) -> Workspace:
    """The first judge gives 100 and 70 points, the second 60 to the first report."""
    entries = [
        judged(R1, all_at(5)),
        judged(R2, EVEN),
        judged(R3, None),
        judged(R1, all_at(3), judge=JUDGES[1]),
    ]
    audit_of_reports(workspace, entries)
    return workspace


def lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_the_table_says_scores_by_whom_and_on_how_many(cli: Callable[..., Said], audited: Workspace) -> None:
    said = cli("scores")
    assert said.code == 0, said.err
    (first,) = [line for line in lines(said.out) if line.startswith("sim/a 2 judges 75.0")]
    for figure in ("50.0 [", "75.0 [", "68.8 [", "+25.0 [", "4+2+2"):
        assert figure in first
    assert any(line.startswith("sim/a 2 judges 4 2 0 1 1 50.0 [") for line in lines(said.out))
    assert "SIMULATION" in said.out
    assert "not drawn into the audit" in said.err


def test_details_show_each_judge_and_every_dimension(cli: Callable[..., Said], audited: Workspace) -> None:
    assert JUDGES[0] not in cli("scores").out
    said = cli("scores", "run-1", "--details")
    assert all(judge in said.out for judge in JUDGES)
    assert "Reports by dimension" in said.out
    assert " cov " in said.out
    assert "tr: Treatment recommendations" in said.out
    assert "ebp: Evidence-based plan" in said.out


def test_divisions_are_shown_on_demand(cli: Callable[..., Said], audited: Workspace) -> None:
    assert "By subspecialty" not in cli("scores").out
    said = cli("scores", "--by", "subspecialty", "--by", "language")
    assert "By subspecialty" in said.out
    assert any(line.startswith("sim/a 2 judges degenerative –") for line in lines(said.out))
    assert "not stated" in said.out
    unknown = cli("scores", "--by", "colour")
    assert unknown.code == 2


def test_clinicians_are_a_row_of_their_own(cli: Callable[..., Said], audited: Workspace) -> None:
    audited.audit("audit-1").add_ratings([rating(R1, {**all_at(4)})])
    said = cli("scores", "--audit", "audit-1")
    (row,) = [line for line in lines(said.out) if line.startswith("sim/a 1 clinician 75.0")]
    assert "80.0" in row
    assert "4+2+1" in row


def test_records_hold_everything(cli: Callable[..., Said], audited: Workspace) -> None:
    said = cli("scores", "--json")
    head = said.record("level_aware")
    assert (head["run_ids"], head["audit_ids"], head["rubric"]) == (
        ["run-1"],
        ["audit-1"],
        "spinemed_report 1",
    )
    found = {(one["rater"], one["model"]): one for one in said.records[1:]}
    assert set(found) == {(rater, model) for rater in (None, *JUDGES) for model in ("sim/a", "sim/b")}
    first = found[JUDGES[0], "sim/a"]
    assert first["scores"]["overall"]["value"] == pytest.approx(71.25)
    assert first["scores"]["weights"] == {"text": 4, "image": 2, "report": 2}
    assert first["report"]["counts"]["unscored"] == 1
    assert first["simulated"]
    assert {one["by"] for one in first["divided"]} == {"subspecialty", "source", "modality", "language"}


def test_without_an_audit_the_last_line_says_how_to_make_one(
    cli: Callable[..., Said], workspace: Workspace, tmp_path: Path
) -> None:
    said = cli("scores")
    assert said.code == 0
    assert "nobody yet" in said.out
    assert said.last.startswith("4 reports wait for a judge")
    assert "spinebench audit run-1 --rubric spinemed_report --task report" in said.last
    elsewhere = cli("scores", "--workspace", tmp_path / "spinebench-workspace")
    assert f"--workspace {tmp_path / 'spinebench-workspace'}" in elsewhere.last


def test_an_audit_by_another_rubric_is_refused_with_the_way_to_one(
    cli: Callable[..., Said], audited: Workspace
) -> None:
    stored_audit(audited, audit_id="other", minutes=9)
    said = cli("scores", "--audit", "other")
    assert said.code == 2
    assert "expected one with sections" in said.err
    assert "--rubric spinemed_report" in said.last
    assert cli("scores", "--audit", "nosuch").code == 2
    assert cli("scores", "nosuch").code == 2


def test_an_empty_workspace_says_what_to_do(cli: Callable[..., Said], tmp_path: Path) -> None:
    said = cli("scores", "--workspace", tmp_path / "none")
    assert said.code == 2
    assert "spinebench run" in said.last
