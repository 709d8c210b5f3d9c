"""`spinebench sheets` as a person calls it, on a simulated audit."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from spinebench.audit_records import RefersBy
from spinebench.audits.rows import audit_rows
from spinebench.audits.sheets import audit_facts
from spinebench.evaluators.agreement import agreement_report
from spinebench.store import AuditFolder, Workspace
from tests.simulated_audits import judged, rate

if TYPE_CHECKING:
    from tests.exams import Said

SHEETS = ("GRRAS", "TRIPOD-LLM", "CLAIM")
Audited = tuple[Workspace, AuditFolder]


@pytest.fixture(scope="module")
def unrated(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    return judged(tmp_path_factory.mktemp("unrated"), n=6)


@pytest.fixture(scope="module")
def rated(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    folder = tmp_path_factory.mktemp("rated")
    workspace, audit = judged(folder, n=12, random_share=1.0)
    rate(workspace, audit, folder)
    return workspace, audit


@pytest.fixture
def sheets(cli: Callable[..., Said]) -> Callable[..., Said]:
    def call(of: Audited, *more: object) -> Said:
        return cli("sheets", of[1].audit_id, "--workspace", of[0].path, *more)

    return call


def answers(said: Said, sheet: str, item: str) -> dict[str, str]:
    (found,) = [one for one in said.records if one["id"] == sheet]
    (wanted,) = [one for one in found["items"] if one["id"] == item]
    return {one["label"]: one["text"] for one in wanted["answers"]}


def test_every_sheet_of_a_simulation_says_so(
    sheets: Callable[..., Said], rated: Audited, tmp_path: Path
) -> None:
    said = sheets(rated)
    assert said.code == 0, said.err
    assert said.out.count("**SIMULATION") == 3
    assert said.out.startswith("# GRRAS: ")
    written = sheets(rated, "--out", tmp_path / "sheets")
    assert written.code == 0, written.err
    assert written.out == ""
    files = sorted((tmp_path / "sheets").iterdir())
    assert len(files) == 3
    assert all("**SIMULATION" in file.read_text("utf-8") for file in files)


def test_one_sheet_may_be_asked_for(sheets: Callable[..., Said], unrated: Audited) -> None:
    said = sheets(unrated, "--sheet", "tripod-llm", "--json")
    assert [one["id"] for one in said.records] == ["TRIPOD-LLM"]
    assert sheets(unrated, "--sheet", "STARD").code == 2


def test_the_figures_are_those_of_the_store(sheets: Callable[..., Said], rated: Audited) -> None:
    workspace, audit = rated
    said = sheets(rated, "--json")
    assert [one["simulated"] for one in said.records] == [True] * 3
    report = agreement_report(audit_rows(workspace, [audit.audit_id]), seed=audit.spec().seed)
    told = answers(said, "GRRAS", "13")["Agreement"].splitlines()
    for dimension in report.dimensions:
        alpha = dimension.ceiling.alpha
        (line,) = [
            one for one in told if one.startswith(f"clinicians with each other, {dimension.dimension}, diag")
        ]
        assert alpha.value is not None
        assert f"Krippendorff's alpha (ordinal) {alpha.value:.2f} (95% interval" in line
    ratings = audit.ratings()
    size = answers(said, "GRRAS", "11")["Came together"]
    assert f"{len(audit.judgements())} judgements, {len(ratings)} ratings, " in size
    assert f"{len({one.trace_id for one in ratings})} traces rated by clinicians, 3 clinicians" in size
    accuracy = answers(said, "TRIPOD-LLM", "7a")["Accuracy"]
    assert re.search(
        r"^sim/careful \(n = 12 questions\): diagnosis accuracy 0\.\d\d \(95% interval", accuracy
    )
    assert "SIMULATED, no person" in answers(said, "CLAIM", "16")["Raters"]
    limits = answers(said, "TRIPOD-LLM", "19b")["Limitations"]
    assert "ratings are not locked" in limits
    assert "agreement is conditional on these 3 clinicians" in limits
    assert "agreement rests on 12 independent studies or images" in limits


def test_before_ratings_nothing_is_said_of_clinicians(sheets: Callable[..., Said], unrated: Audited) -> None:
    said = sheets(unrated, "--json")
    for sheet, item, label in (
        ("GRRAS", "4", "Raters"), ("GRRAS", "8", "Lists of clinicians"), ("GRRAS", "8", "Repeated ratings"),
        ("GRRAS", "9", "Independence"), ("GRRAS", "13", "Agreement"), ("CLAIM", "18", "Among clinicians"),
        ("CLAIM", "18", "Adjudication"), ("TRIPOD-LLM", "8b", "By more than one"), ("CLAIM", "17", "Ratings came by"),
    ):  # fmt: skip
        assert answers(said, sheet, item)[label].startswith(("not recorded", "0 of 0")), (sheet, item, label)
    assert "no clinician has rated" in answers(said, "TRIPOD-LLM", "19b")["Limitations"]
    assert "uncorrected" in answers(said, "TRIPOD-LLM", "7e")["Corrected by clinicians"]


def test_a_run_that_is_gone_is_not_made_up(unrated: Audited, tmp_path: Path) -> None:
    shutil.copytree(unrated[0].path, tmp_path / "workspace")
    workspace = Workspace(tmp_path / "workspace")
    (run,) = workspace.runs()
    shutil.rmtree(run.path)
    facts = audit_facts(workspace, workspace.audit(unrated[1].audit_id))
    assert facts.runs == ()
    assert facts.frame_notes == ()
    assert not [figure for figure in facts.figures if figure.topic == "accuracy"]
    assert any(run.run_id in note for note in facts.notes)


def test_own_words_stand_under_their_item(
    sheets: Callable[..., Said], unrated: Audited, tmp_path: Path
) -> None:
    file = tmp_path / "statements.yaml"
    file.write_text("GRRAS 1: The title says so.\nCLAIM 15: |\n  Two readers.\n  No biopsy.\n", "utf-8")
    said = sheets(unrated, "--statements", file, "--json")
    assert answers(said, "GRRAS", "1")["Statement"] == "The title says so."
    assert answers(said, "CLAIM", "15")["Statement"] == "Two readers.\nNo biopsy."


@pytest.mark.parametrize(
    ("content", "code", "names"),
    [
        pytest.param(b"GRRAS 99: x\n", 2, "GRRAS 99", id="no-such-item"),
        pytest.param(b"- GRRAS 1\n", 3, "list", id="no-mapping"),
        pytest.param(b"GRRAS 1: 5\n", 3, "GRRAS 1", id="a-number"),
        pytest.param(b"GRRAS 1: [\n", 3, "YAML", id="no-yaml"),
        pytest.param(b"GRRAS 1: \xff\n", 3, "UTF-8", id="no-utf8"),
        pytest.param(None, 3, "readable", id="missing"),
        pytest.param(b"", 0, "", id="empty"),
    ],
)
def test_statements_that_cannot_be_taken_are_named(
    sheets: Callable[..., Said],
    unrated: Audited,
    tmp_path: Path,
    content: bytes | None,
    code: int,
    names: str,
) -> None:
    file = tmp_path / "statements.yaml"
    if content is not None:
        file.write_bytes(content)
    said = sheets(unrated, "--statements", file, "--sheet", "GRRAS")
    assert said.code == code, said.err
    assert names in said.err


def test_the_example_of_the_page_is_taken(
    sheets: Callable[..., Said], unrated: Audited, tmp_path: Path
) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "reporting.md").read_text("utf-8")
    file = tmp_path / "statements.yaml"
    file.write_text(page.partition("```yaml\n")[2].partition("```")[0], "utf-8")
    said = sheets(unrated, "--statements", file, "--json")
    assert said.code == 0, said.err
    assert "0.69 points" in answers(said, "GRRAS", "6")["Statement"]
    for one in said.records:
        assert f"`{one['id']}`" in page


def test_traces_given_for_a_reason_are_counted(rated: Audited) -> None:
    workspace, audit = rated
    asked = {one.trace_id for one in audit.ratings()}
    for_a_reason = [
        one
        for one in audit.reviews().values()
        if one.trace_id in asked and any(why is not RefersBy.RANDOM for why in one.refers_by)
    ]
    assert 0 < len(for_a_reason) < len(asked)
    (note,) = [one for one in audit_facts(workspace, audit).notes if "for a reason" in one]
    assert note.startswith(f"{len(for_a_reason)} of {len(asked)} rated traces ")
