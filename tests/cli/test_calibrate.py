"""`spinebench calibrate` on a stored audit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from spinebench.audit_records import RefersBy
from spinebench.store import Workspace
from tests.stored_audits import JUDGES, T1, T2, T3, T4, judgement, rating, review, stored_audit

if TYPE_CHECKING:
    from tests.exams import Said


@pytest.fixture
def rated(tmp_path: Path) -> Path:
    """Two models, two tasks, one trace each; all are rated, two by two clinicians."""
    workspace = Workspace(tmp_path / "workspace")
    entries = []
    for trace, score in ((T1, 5), (T2, 4), (T3, 3), (T4, 2)):
        for judge in JUDGES:
            entries.append(judgement(trace, {"logic": score, "place": 3}, judge=judge))
        entries.append(review(trace, RefersBy.DISAGREEMENT))
    audit = stored_audit(workspace, entries)
    audit.add_ratings(
        [
            rating(T1, {"logic": 3, "place": 3}),
            rating(T1, {"logic": 4, "place": 3}, rater="r2"),
            rating(T2, {"logic": 2, "place": 3}),
            rating(T3, {"logic": 3, "place": 1}),
            rating(T4, {"logic": None, "place": 3}),
        ]
    )
    return workspace.path


def test_records_for_programs(cli: Callable[..., Said], rated: Path) -> None:
    said = cli("calibrate", "--workspace", rated, "--json")
    assert said.code == 0, said.err
    kinds = {record["type"] for record in said.records}
    assert kinds >= {"calibration", "corrected_mean", "calibrated_task", "right_for_wrong_reason"}
    assert all(record["simulated"] for record in said.records)
    head = said.records[0]
    assert (head["audit_ids"], head["judge"], head["locked"]) == (["audit-1"], "panel median", False)
    means = {
        (record["task"], record["model"]): record
        for record in said.records
        if record["type"] == "corrected_mean" and record["dimension"] == "logic"
    }
    first = means["diagnosis", "sim/a"]
    assert first["judge_raw"]["value"] == 5
    assert first["corrected"]["value"] == pytest.approx(3.5)
    assert first["corrected"]["n"] == 1
    unassessed = means["localization", "hub/org/b"]
    assert unassessed["corrected"]["value"] is None
    assert unassessed["coverage"]["n_cannot_assess"] == 1


def test_the_short_form_has_every_corrected_mean_and_all_models_together(
    cli: Callable[..., Said], rated: Path
) -> None:
    said = cli("calibrate", "--workspace", rated)
    assert said.code == 0, said.err
    for text in (
        "Corrected scores",
        "SIMULATION",
        "NOT LOCKED",
        "sim/a",
        "if right",
        "failure mode",
        "--details",
    ):
        assert text in said.out
    assert "what may be claimed\n" not in said.out


def test_tables_for_a_person(cli: Callable[..., Said], rated: Path) -> None:
    said = cli("calibrate", "--details", "--workspace", rated)
    assert said.code == 0, said.err
    for text in (
        "judge, raw",
        "corrected",
        "SIMULATION",
        "NOT LOCKED",
        "Right for the wrong reason",
        "Failure modes",
        "what may be claimed",
        "these 2 clinicians",
    ):
        assert text in said.out


def test_one_dimension_and_one_judge(cli: Callable[..., Said], rated: Path) -> None:
    said = cli(
        "calibrate", "audit-1", "--workspace", rated, "--dimension", "logic", "--judge", JUDGES[1], "--json"
    )
    assert said.code == 0, said.err
    assert {record["dimension"] for record in said.records if "dimension" in record} == {"logic"}
    assert said.records[0]["judge"] == JUDGES[1]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [(["--judge", "nobody"], "nobody"), (["--dimension", "style"], "style"), (["nosuch"], "nosuch")],
    ids=str,
)
def test_what_is_not_there_is_named(
    cli: Callable[..., Said], rated: Path, arguments: list[str], expected: str
) -> None:
    said = cli("calibrate", *arguments, "--workspace", rated)
    assert said.code == 2
    assert expected in said.err
    assert "Traceback" not in said.err


def test_without_an_audit_it_says_how_to_make_one(cli: Callable[..., Said], tmp_path: Path) -> None:
    said = cli("calibrate", "--workspace", tmp_path / "empty")
    assert said.code == 2
    assert "spinebench audit" in said.err


def test_an_audit_without_ratings_shows_the_judges_alone(cli: Callable[..., Said], tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace")
    stored_audit(workspace, [judgement(T1, {"logic": 4, "place": 3}), review(T1)])
    said = cli("calibrate", "--workspace", workspace.path)
    assert said.code == 0, said.err
    assert "no clinician has rated" in said.out
    assert "have no corrected mean: no labels" in said.out
