"""`spinebench agree` as a person calls it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from spinebench.store import Workspace
from tests.stored_audits import JUDGES, T1, T2, judgement, rating, stored_audit

if TYPE_CHECKING:
    from tests.exams import Said


@pytest.fixture
def ratings(tmp_path: Path) -> Path:
    """Forty items, three clinicians with noise, a judge one level below the truth."""
    rng = np.random.default_rng(3)
    lines = ["item;rater;score;model"]
    for place in range(40):
        truth = int(rng.integers(2, 6))
        lines += [
            f"i{place};c{k};{int(np.clip(truth + rng.integers(-1, 2), 1, 5))};m{place % 2}" for k in range(3)
        ]
        lines.append(f"i{place};judge;{truth - 1};m{place % 2}")
    path = tmp_path / "ratings.csv"
    path.write_text("\ufeff" + "\r\n".join(lines) + "\r\n", encoding="utf-8")
    return path


def test_the_table_names_the_ceiling_the_judge_and_what_may_be_said(
    cli: Callable[..., Said], ratings: Path
) -> None:
    said = cli("agree", "--ratings", ratings, "--scale", "1-5", "--judge", "judge")
    assert said.code == 0, said.err
    for text in (
        "clinicians with each other",
        "judge with clinicians",
        "with c0",
        "may not be said",
        "stricter",
    ):
        assert text in said.out


@pytest.mark.parametrize("details", [False, True])
def test_several_dimensions_come_as_one_table_unless_all_is_asked_for(
    cli: Callable[..., Said], ratings: Path, details: bool
) -> None:
    lines = ratings.read_text("utf-8-sig").splitlines()
    both = [f"{lines[0]};dimension"]
    both += [f"{line};{dimension}" for dimension in ("clear", "sound") for line in lines[1:]]
    ratings.write_text("\n".join(both) + "\n", "utf-8")
    more = ("--details",) if details else ()
    said = cli("agree", "--ratings", ratings, "--scale", "1-5", "--judge", "judge", *more)
    assert said.code == 0, said.err
    assert "clear" in said.out
    assert "sound" in said.out
    assert ("with c0" in said.out) is details
    assert ("--details" in said.out) is not details
    assert "conditional on these 3" in said.out


def test_ten_dimensions_fit_a_terminal_with_icc_pearson_and_totals(
    cli: Callable[..., Said], ratings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    names = ["ir", "dgn", "pg", "ebp", "tf", "rpm", "cov", "rel", "gra", "exp"]
    lines = ratings.read_text("utf-8-sig").splitlines()
    table = [f"{line};{name}" for name in names for line in lines[1:]]
    ratings.write_text("\n".join([f"{lines[0]};dimension", *table]) + "\n", "utf-8")
    figures = tmp_path / "figures.csv"
    said = cli("agree", "--ratings", ratings, "--scale", "1-5", "--judge", "judge", "--csv", figures)
    assert said.code == 0, said.err
    lines = said.out.splitlines()
    assert max(len(line) for line in lines if not line.startswith("  - ")) <= 100, "but for sentences"
    heads = [line.split() for line in lines if "exact %" in line or "ICC(A,1)" in line]
    assert heads == [
        ["judge", "with", "clinicians", "alpha", "QW", "kappa", "exact", "%", "bias", "n"],
        ["judge", "with", "clinicians", "ICC(A,1)", "Pearson's", "r"],
    ]
    for name in names:
        assert sum(name in line.replace(",", "").split() for line in lines) == 2, "one row in each table"
    assert any(line.strip().startswith("total; mean r") for line in lines)
    with figures.open(newline="") as file:
        totals = [row for row in csv.DictReader(file) if row["dimension"] == "total"]
    assert [(row["judge"], row["figure"].split()[0]) for row in totals] == [
        ("", "mean"), ("", "mean"), ("judge", "mean"), ("judge", "mean"),
    ]  # fmt: skip
    assert all(0 < float(row["value"]) < 1 for row in totals)


def test_json_has_every_figure_with_its_interval(
    cli: Callable[..., Said], ratings: Path, tmp_path: Path
) -> None:
    out = tmp_path / "figures.csv"
    said = cli("agree", "--ratings", ratings, "--scale", "1-5", "--judge", "judge", "--json", "--csv", out)
    assert said.code == 0, said.err
    head, body = said.records
    assert (head["type"], head["seed"], head["interval"]) == ("agreement_report", 0, "jackknife")
    assert body["type"] == "agreement"
    alpha = body["ceiling"]["alpha"]
    assert alpha["interval"]["low"] < alpha["value"] < alpha["interval"]["high"]
    assert body["judges"][0]["differences"]["bias"] < 0
    with out.open(newline="") as file:
        figures = list(csv.DictReader(file))
    assert float(figures[0]["value"]) == alpha["value"]
    assert {row["judge"] for row in figures} == {"", "judge"}


def test_bca_is_a_choice(cli: Callable[..., Said], ratings: Path) -> None:
    said = cli(
        "agree", "--ratings", ratings, "--scale", "1-5", "--judge", "judge", "--interval", "bca", "--json"
    )
    assert said.code == 0, said.err
    assert said.records[1]["ceiling"]["alpha"]["interval"]["method"].startswith("BCa")


@pytest.mark.parametrize(
    ("extra", "code", "message"),
    [
        pytest.param(("--judge", "judge"), 2, "--scale", id="no scale"),
        pytest.param(("--judge", "judge", "--scale", "1"), 2, "scale '1'", id="one value"),
        pytest.param(("--judge", "gpt", "--scale", "1-5"), 2, "judge 'gpt'", id="unknown judge"),
        pytest.param(("--judge", "judge", "--scale", "1-3"), 3, "line ", id="off the scale"),
        pytest.param(
            ("--judge", "judge", "--scale", "1-5", "--dimension", "x"), 2, "dimension 'x'", id="dimension"
        ),
    ],
)
def test_what_is_wrong_is_said(
    cli: Callable[..., Said], ratings: Path, extra: tuple[str, ...], code: int, message: str
) -> None:
    said = cli("agree", "--ratings", ratings, *extra)
    assert said.code == code
    assert message in said.err


@pytest.mark.parametrize(
    ("encoding", "first"),
    [("utf-8", ""), ("utf-16", ""), ("cp1252", ""), ("utf-8-sig", "sep=;\n")],
    ids=["utf-8", "utf-16", "windows", "sep line"],
)
def test_tables_as_spreadsheets_save_them(
    cli: Callable[..., Said], ratings: Path, encoding: str, first: str
) -> None:
    text = ratings.read_text("utf-8-sig").replace(";c0;", ";Jürgen;")
    ratings.write_bytes((first + text).encode(encoding))
    said = cli("agree", "--ratings", ratings, "--scale", "1-5", "--judge", "judge")
    assert said.code == 0, said.err
    assert "with Jürgen" in said.out


def test_without_ratings_it_says_how_to_get_them(cli: Callable[..., Said], tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "spinebench-workspace")
    stored_audit(workspace, [judgement(T1, {"logic": 4}), judgement(T2, {"logic": 3})])
    for command in ("agree", "calibrate"):
        said = cli(command)
        assert said.code == 0, said.err
        assert said.last.endswith("Next: spinebench rate packets latest" if command == "agree" else "audit-1")


@pytest.mark.parametrize(
    ("content", "message"), [(None, "readable"), (b"", "header"), (b"a,b\n1,2\n", "item")]
)
def test_a_file_that_cannot_be_used(
    cli: Callable[..., Said], tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "odd.csv"
    if content is not None:
        path.write_bytes(content)
    said = cli("agree", "--ratings", path, "--scale", "1-5")
    assert said.code in (2, 3)
    assert message in said.err


def test_the_latest_audit_is_reported_and_its_few_traces_give_no_coefficient(
    cli: Callable[..., Said], tmp_path: Path
) -> None:
    """Judge 4 and 3; r1 4 and 5, r2 3 and 3: on each trace one of the two clinicians has the judge's score."""
    workspace = Workspace(tmp_path / "spinebench-workspace")
    audit = stored_audit(workspace, [judgement(T1, {"logic": 4}), judgement(T2, {"logic": 3})])
    audit.add_ratings(
        [
            rating(T1, {"logic": 4}), rating(T2, {"logic": 5}),
            rating(T1, {"logic": 3}, rater="r2"), rating(T2, {"logic": 3}, rater="r2"),
        ]
    )  # fmt: skip
    said = cli("agree", "--json")
    assert said.code == 0, said.err
    head, *bodies = said.records
    assert not head["locked"]
    (one,) = [body for body in bodies if body["dimension"] == "logic"]
    (judge,) = [found for found in one["judges"] if found["judge"] == JUDGES[0]]
    assert one["clinicians"] == ["r1", "r2"]
    assert judge["exact"]["value"] == 0.5
    assert judge["panel"]["judge_clinician"]["value"] is None
    assert cli("agree").code == 0
    assert "not locked" in cli("agree", audit.audit_id).out


def test_without_an_audit_the_way_on_is_named(cli: Callable[..., Said]) -> None:
    said = cli("agree")
    assert said.code == 2
    assert "spinebench audit" in said.err


def test_two_judges_who_err_together_count_as_one(cli: Callable[..., Said], ratings: Path) -> None:
    lines = ratings.read_text("utf-8-sig").splitlines()
    twin = [line.replace(";judge;", ";twin;") for line in lines if ";judge;" in line]
    ratings.write_text("\n".join([*lines, *twin]) + "\n", "utf-8")
    said = cli(
        "agree", "--ratings", ratings, "--scale", "1-5", "--judge", "judge", "--judge", "twin", "--json"
    )
    assert said.code == 0, said.err
    panel = said.records[1]["panel_votes"]
    assert (panel["n_raters"], panel["basis"], panel["rho"]) == (2, "errors", pytest.approx(1.0))
    assert panel["value"] == pytest.approx(1.0)
