"""Sheets that are filled in away from the server, and the commands around them."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from spinebench.audit_records import RaterCard
from spinebench.builder.review.desk import Desk, Desks
from spinebench.builder.review.ledger import decisions_of
from spinebench.builder.review.plan import ReviewPlan
from spinebench.builder.review.sheet import read_sheet, write_sheet
from spinebench.cli.app import run_app
from spinebench.cli.build_review import app
from spinebench.errors import DataError, UsageError
from spinebench.runs.filled_sheets import cell
from spinebench.store import Workspace
from tests.builder.review_builds import candidate, localization, make_build, simulate

PLAN = ReviewPlan(reviewers=("anna",))
HOSTILE = '=HYPERLINK("http://evil.example")</script><script>window.taken=1</script>\x1b[31m\u202egnp'


def desk_at(folder: Path, *candidates: Any, images: bool = False) -> Desk:
    desk = Desks(make_build(folder, candidates, PLAN, images=images)).of("anna")
    assert desk is not None
    return desk


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline="")))


def filled(path: Path, cells: dict[str, dict[str, str]], *, delimiter: str = ",") -> Path:
    """The sheet with cells changed, by item, as a spreadsheet saves it."""
    rows = table(path)
    sink = io.StringIO()
    writer = csv.DictWriter(sink, list(rows[0]), delimiter=delimiter, lineterminator="\r\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({**row, **cells.get(row["item_id"].removeprefix("'"), {})})
    other = path.with_name(f"filled-{len(list(path.parent.glob('filled-*')))}.csv")
    other.write_bytes(b"\xef\xbb\xbf" + sink.getvalue().encode())
    return other


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=1+1", "'=1+1"),
        (" =1+1", "' =1+1"),
        ("+49", "'+49"),
        ("-L4", "'-L4"),
        ("@x", "'@x"),
        ("\t=x", "'\t=x"),
        ("＝1", "'＝1"),
        ("'quoted", "''quoted"),
        ("L4/L5", "L4/L5"),
        ("a\x00b\u202ec", "a[U+0000]b[U+202E]c"),
        ("x" * 40_000, "(40000 characters, too long for a table: read it on the page)"),
    ],
    ids=["=", "space", "+", "-", "@", "tab", "wide", "quote", "plain", "unseen", "long"],
)
def test_no_cell_is_a_formula(text: str, shown: str) -> None:
    assert cell(text) == shown


def test_a_sheet_goes_out_and_comes_back(tmp_path: Path) -> None:
    odd = candidate(3, id="=odd id, 'x'\n2", question=HOSTILE)
    candidates = [candidate(0), candidate(1), candidate(2), odd, localization(4)]
    desk = desk_at(tmp_path, *candidates)
    path, lines = write_sheet(desk, tmp_path / "out")
    assert not [
        value for row in table(path) for value in row.values() if value.startswith(("=", "+", "-", "@"))
    ]
    assert len(lines.read_text("utf-8").splitlines()) == 5
    (severity,) = {row["findings"] for row in table(path) if row["item_id"] == "item-000"}
    assert severity == "Osteophytes · Moderate · train.csv:2"
    back = filled(
        path,
        {
            "item-000": {"decision": "Accept "},
            "item-001": {"decision": "r", "reason": "not_visible", "note": "'=too dark"},
            odd.item.id: {"decision": "correct", "reason": "wrong_label", "gold": "C"},
            "level-004": {"decision": "correct", "reason": "wrong_label", "gold": "a, L3/L4"},
        },
        delimiter=";",
    )
    done = read_sheet(desk, back)
    assert [one.reason for one in done.bad] == [
        "gold 'a, L3/L4': expected letters or texts of the item's options"
    ]
    assert (done.n_new, done.n_known, done.n_open) == (3, 0, 1)
    found = {one.item_id: one for one in decisions_of(desk.review.folder)}
    assert found["item-001"].note == "=too dark"
    assert found[odd.item.id].gold == ("Spondylolisthesis",)
    again = read_sheet(desk, back)
    assert (again.n_new, again.n_known) == (0, 3)
    done = read_sheet(
        desk, filled(path, {"level-004": {"decision": "c", "reason": "wrong_label", "gold": "A\nL3/L4"}})
    )
    assert done.bad == ()
    found = {one.item_id: one for one in decisions_of(desk.review.folder)}
    assert found["level-004"].gold == ("L5/S1", "L3/L4")  # A is the first option, L5/S1
    assert table(write_sheet(desk, tmp_path / "out")[0])[0]["decision"] in {"accept", "reject", "correct", ""}


def test_an_old_sheet_does_not_bring_back_what_was_replaced(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, candidate())
    path, _ = write_sheet(desk, tmp_path)
    first = filled(path, {"item-000": {"decision": "accept"}})
    read_sheet(desk, first)
    read_sheet(desk, filled(path, {"item-000": {"decision": "reject", "reason": "other"}}))
    done = read_sheet(desk, first)
    assert (done.n_new, done.n_known, done.n_replaced) == (0, 0, 1)
    assert [one.decision for one in decisions_of(desk.review.folder)] == ["reject"]


@pytest.mark.parametrize(
    ("cells", "word"),
    [
        ({"decision": "maybe"}, "decision"),
        ({"decision": "reject"}, "reason None"),
        ({"decision": "reject", "reason": "ugly"}, "'ugly'"),
        ({"decision": "correct", "reason": "other", "gold": "Z"}, "'Z'"),
        ({"decision": "correct", "reason": "other", "gold": "B"}, "marked already"),
        ({"decision": "accept", "reviewer": "ben"}, "'ben'"),
        ({"decision": "accept", "item_id": "item-999"}, "'item-999'"),
        ({"decision": "accept", "item_hash": "0" * 64}, "changed"),
        ({"decision": "accept", "item_hash": "="}, "item_hash"),
    ],
    ids=["decision", "no reason", "reason", "letter", "same", "reviewer", "item", "stale", "hash"],
)
def test_a_bad_row_is_named_and_the_others_count(tmp_path: Path, cells: dict[str, str], word: str) -> None:
    desk = desk_at(tmp_path, candidate(), candidate(1))
    path, _ = write_sheet(desk, tmp_path)
    done = read_sheet(desk, filled(path, {"item-000": cells, "item-001": {"decision": "accept"}}))
    (bad,) = done.bad
    assert word in bad.reason
    assert bad.row.startswith("filled-0.csv:")
    assert (done.n_new, len(decisions_of(desk.review.folder))) == (1, 1)


@pytest.mark.parametrize(
    ("name", "data", "word"),
    [
        ("x.csv", b"item_id,decision\n", "found no item_hash"),
        ("x.csv", b'item_id,item_hash,reviewer,decision,reason,gold,note\n"open', "line"),
        ("x.csv", "item_id".encode("utf-16"), "UTF-8"),
        ("x.jsonl", b"{", "line 1"),
        ("x.jsonl", b"[1]", "JSON object"),
        ("x.jsonl", b"[" * 100_000, "line 1"),
        ("none.csv", None, "readable"),
        ("x.html", b"<!doctype html>", "found the page itself"),
    ],
    ids=["columns", "open quote", "utf-16", "json", "list", "deep", "missing", "page"],
)
def test_a_file_that_is_no_sheet(tmp_path: Path, name: str, data: bytes | None, word: str) -> None:
    desk = desk_at(tmp_path, candidate())
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=word):
        read_sheet(desk, tmp_path / name)


# ---------------------------------------------------------------- commands


@pytest.fixture
def review(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def call(*args: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        code = typer.main.get_command(app)([str(one) for one in args], standalone_mode=False)
        printed = capsys.readouterr()
        return int(code or 0), printed.out, printed.err

    return call


def test_sheets_by_command(tmp_path: Path, review: Callable[..., tuple[int, str, str]]) -> None:
    build = make_build(tmp_path, [candidate(0, question=HOSTILE), candidate(1)], PLAN)
    code, _, err = review("sheet", build)
    assert (code, "anna: 2 items" in err) == (0, True)
    sheets = build / "review" / "sheets"
    page = (sheets / "review-anna-page-1.html").read_text("utf-8")
    assert "<script>window.taken" not in page
    assert page.count("data:image/png;base64,iVBOR") == 2
    assert 'src="http' not in page
    path = filled(
        sheets / "review-anna.csv", {"item-000": {"decision": "accept"}, "item-001": {"decision": "?"}}
    )
    code, out, err = review("import", build, path, "--reviewer", "anna", "--json")
    assert code == 3
    assert json.loads(out)["n_new"] == 1
    assert "decision" in json.loads(out)["bad"][0]["reason"]
    code, out, _ = review("status", build, "--json")
    counts = json.loads(out)
    assert (counts["accepted"], counts["waiting"], counts["waiting_first"]) == (1, 1, 1)
    assert counts["reviewers"][0] == {
        "reviewer": "anna", "items": 2, "accept": 1, "correct": 0, "reject": 0, "changed": 0, "open": 1,
    }  # fmt: skip
    with pytest.raises(UsageError, match="'ben'"):
        review("import", build, path, "--reviewer", "ben")


def test_the_adjudicators_table_tells_what_was_said_and_not_by_whom(tmp_path: Path) -> None:
    plan = ReviewPlan(reviewers=("anna", "ben"), adjudicator="zoe", double_share=1)
    build = make_build(tmp_path, [candidate(0), candidate(1)], plan, images=False)
    sheets = {}
    for reviewer, cells in (("anna", {"decision": "a"}), ("ben", {"decision": "r", "reason": "not_visible"})):
        desk = Desks(build).of(reviewer)
        assert desk is not None
        sheets[reviewer] = write_sheet(desk, tmp_path)[0]
        assert read_sheet(desk, filled(sheets[reviewer], {"item-000": cells})).n_new == 1
    zoe = Desks(build).of("zoe")
    assert zoe is not None
    (row,) = table(write_sheet(zoe, tmp_path)[0])
    assert (row["item_id"], row["said"]) == (
        "item-000",
        "accept\nreject · The finding cannot be seen in this picture",
    )
    assert [one["said"] for one in table(sheets["ben"])] == ["", ""]


def test_an_adjudicators_sheet_that_is_empty_so_far_is_told(
    tmp_path: Path, review: Callable[..., tuple[int, str, str]]
) -> None:
    plan = ReviewPlan(reviewers=("anna", "ben"), adjudicator="zoe")
    build = make_build(tmp_path, [candidate(0)], plan, images=False)
    code, _, err = review("sheet", build, "--reviewer", "zoe")
    assert (code, "zoe decides where reviewers differ, which they do on no item so far" in err) == (0, True)


def test_status_says_what_is_simulated(tmp_path: Path, review: Callable[..., tuple[int, str, str]]) -> None:
    plan = ReviewPlan(reviewers=("r1", "r2"), simulated=("r1", "r2"), double_share=1)
    build = make_build(tmp_path, [candidate(number) for number in range(12)], plan, images=False)
    simulate(build, wrong=0.4)
    _, out, err = review("status", build)
    assert "SIMULATED" in out + err
    assert "Cohen's kappa" in out + err
    counts = dict(re.findall(r"^ (\w[\w ]*?) {2,}(\d+) $", out.split("reviewer ")[0], re.MULTILINE))
    ends = ("accepted", "rejected", "waiting")
    assert sum(int(counts[name]) for name in ends) == int(counts["candidates"]) == 12
    assert int(counts["of them corrected"]) <= int(counts["accepted"])
    code, out, err = review("status", make_build(tmp_path / "x", [candidate()], ReviewPlan(), images=False))
    assert (code, "names no reviewers" in err) == (0, True)


def test_nobody_is_served_where_nobody_reviews(
    tmp_path: Path, review: Callable[..., tuple[int, str, str]]
) -> None:
    nobody = make_build(tmp_path / "nobody", [candidate()], ReviewPlan(), images=False)
    with pytest.raises(UsageError, match="reviewers"):
        review("serve", nobody)
    workspace = Workspace(tmp_path / "workspace")
    workspace.create()
    workspace.save_rater(RaterCard(rater="anna", simulated=True))
    build = make_build(tmp_path, [candidate()], PLAN, images=False)
    with pytest.raises(UsageError, match="card says simulated"):
        review("serve", build, "--workspace", workspace.path, "--port", "18650")


def test_the_server_looks_where_tokens_are_made(
    tmp_path: Path, review: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    build = make_build(tmp_path, [candidate()], PLAN, images=False)
    monkeypatch.chdir(tmp_path)
    assert run_app(["rate", "raters", "add", "anna"]) == 0
    assert run_app(["rate", "token", "anna"]) == 0
    served: list[object] = []
    monkeypatch.setattr("uvicorn.run", lambda made, **_: served.append(made))
    _, _, err = review("serve", build, "--port", "18651")
    assert "no token yet" not in err
    assert len(served) == 1


def test_a_pre_screen_is_counted_before_it_is_paid_for(
    tmp_path: Path, review: Callable[..., tuple[int, str, str]]
) -> None:
    build = make_build(tmp_path, [candidate(0), candidate(1)], PLAN)
    before = sorted(path.name for path in (build / "review").iterdir())
    code, out, err = review("prescreen", build, "-m", "openai/gpt-5.2", "--dry-run", "--json")
    found = json.loads(out)
    assert (code, found["calls"], found["n_images"], found["leaves_machine"]) == (0, 2, 2, "api.openai.com")
    assert sorted(path.name for path in (build / "review").iterdir()) == before
    assert err == ""
