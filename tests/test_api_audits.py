"""The Python interface to audits that are there: agreement, calibration, tables."""

from __future__ import annotations

from pathlib import Path

import pytest

import spinebench
from spinebench import Audit, Workspace, agreement, calibrate
from spinebench.audit_records import RefersBy
from spinebench.errors import UsageError
from tests.stored_audits import JUDGES, T1, T2, T3, T4, judgement, rating, review, stored_audit


@pytest.fixture
def rated(tmp_path: Path) -> Audit:
    """Judges give 5, 4, 3, 2 for logic; clinicians 3 and 4, 2, 3, and once cannot assess."""
    workspace = Workspace(tmp_path / "workspace")
    entries = []
    for trace, score in ((T1, 5), (T2, 4), (T3, 3), (T4, 2)):
        entries += [judgement(trace, {"logic": score, "place": 3}, judge=judge) for judge in JUDGES]
        entries.append(review(trace, RefersBy.DISAGREEMENT))
    folder = stored_audit(workspace, entries)
    folder.add_ratings(
        [
            rating(T1, {"logic": 3, "place": 3}),
            rating(T1, {"logic": 4, "place": 3}, rater="r2"),
            rating(T2, {"logic": 2, "place": 3}),
            rating(T3, {"logic": 3, "place": 1}),
            rating(T4, {"logic": None, "place": 3}),
        ]
    )
    return Audit(workspace, folder)


def test_agreement_is_what_the_command_reports(rated: Audit) -> None:
    report = agreement(rated, dimensions=["logic"], judges=[JUDGES[0]])
    found = {(one.task, one.dimension): one for one in report.dimensions}
    assert set(found) == {("diagnosis", "logic"), ("localization", "logic")}
    (judge,) = found["diagnosis", "logic"].judges
    assert judge.judge == JUDGES[0]
    assert judge.differences.bias == pytest.approx((5 - 3.5 + 4 - 2) / 2)
    assert judge.panel.judge_clinician.value is None, "two traces"
    assert judge.panel.judge_clinician.reason


def test_calibration_is_what_the_command_reports(rated: Audit) -> None:
    report = calibrate([rated], dimension="logic")
    means = {(one.task, one.model): one for one in report.models}
    first = means["diagnosis", "sim/a"]
    assert first.judge.value == 5
    assert first.corrected.value == pytest.approx(3.5)
    assert means["localization", "hub/org/b"].corrected.value is None


def test_tables_hold_what_is_new_in_the_journals(rated: Audit) -> None:
    place = rated.workspace
    assert place.judgements().num_rows == 8
    assert place.ratings("aud").num_rows == 5
    rated.folder.add_ratings([rating(T2, {"logic": 5, "place": 3}, rater="r2")])
    stands = place.ratings("audit-1").to_pylist()
    assert [row["rater"] for row in stands].count("r2") == 2


@pytest.mark.parametrize("table", ["answers", "judgements", "ratings"])
def test_a_table_of_what_is_not_there_is_refused(rated: Audit, table: str) -> None:
    with pytest.raises(UsageError, match="nowhere"):
        getattr(rated.workspace, table)("nowhere")


@pytest.mark.parametrize("table", ["answers", "judgements", "ratings"])
def test_asking_makes_no_workspace(tmp_path: Path, table: str) -> None:
    with pytest.raises(UsageError, match="none"):
        getattr(Workspace(tmp_path / "none"), table)()
    assert not (tmp_path / "none").exists()


def test_audits_are_wanted_and_of_one_workspace(rated: Audit, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"audits \[\]"):
        agreement([])
    other = Workspace(tmp_path / "other")
    elsewhere = Audit(other, stored_audit(other, []))
    with pytest.raises(UsageError, match="one workspace"):
        calibrate([rated, elsewhere])


def test_the_names_are_exported() -> None:
    assert {"agreement", "calibrate"} <= set(spinebench.__all__)
