"""`spinebench rate`, as a study lead calls it."""

from __future__ import annotations

import csv
import io
import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from spinebench.audit_records import RaterCard
from spinebench.store import AuditFolder, Workspace
from tests.exams import Said
from tests.rated_audits import make_audit

Cli = Callable[..., Said]
SCORED = ("clinical_rationality", "visual_features", "spatial")
IN = ("--workspace", "workspace")


@pytest.fixture
def audit(tmp_path: Path, cli: Cli) -> AuditFolder:
    """Twelve traces, six of them referred; raters a and b have cards."""
    workspace, folder = make_audit(tmp_path, refer=lambda place: place % 2 == 0)
    for rater in "ab":
        workspace.save_rater(RaterCard(rater=rater))
    return folder


def fill(path: Path, **cells: str) -> Path:
    """Write these cells into every row of a packet table, where its trace is asked for them."""
    rows = list(csv.reader(io.StringIO(path.read_text("utf-8-sig"), newline="")))
    for row in rows[1:]:
        for name, value in cells.items():
            place = rows[0].index(name)
            row[place] = value if row[place] != "-" else "-"
    target = path.with_name(f"filled-{path.name}")
    with target.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return target


def test_raters_have_cards(cli: Cli, tmp_path: Path) -> None:
    assert "No raters yet" in cli("rate", "raters", *IN).err
    added = cli(
        "rate",
        "raters",
        "add",
        "r-1",
        "--specialty",
        "radiology",
        "--years",
        "12",
        "--training",
        "20 cases",
        *IN,
    )
    assert (added.code, added.err) == (0, "r-1: card added.\n")
    card = cli("rate", "raters", *IN, "--json").record("rater")
    assert (card["rater"], card["specialty"], card["years"], card["training"]) == (
        "r-1",
        "radiology",
        12,
        "20 cases",
    )
    assert "radiology" in cli("rate", "raters", *IN).out
    assert cli("rate", "raters", "add", "Dr. Jane Doe", *IN).code == 2


def test_the_whole_way(cli: Cli, audit: AuditFolder) -> None:
    said = cli("rate", "assign", "latest", "--rater", "a", "--rater", "b", "--seed", "5", *IN, "--json")
    assert said.code == 0
    assert {one["rater"]: one["n_showings"] for one in said.records} == {"a": 6, "b": 6}
    assert {one["seed"] for one in said.records} == {5}
    assert "0 hidden duplicates in 6 traces" in said.err

    said = cli("rate", "packets", "latest", "--out", "packets", *IN)
    assert said.code == 0
    assert sorted(path.name for path in Path("packets").iterdir()) == ["a.csv", "a.html", "b.csv", "b.html"]
    assert f"spinebench rate import {audit.audit_id}" in said.last

    low = fill(Path("packets/a.csv"), clinical_rationality="1", visual_features="4,0", spatial="3")
    high = fill(Path("packets/b.csv"), clinical_rationality="5", visual_features="x", spatial="5", safety="")
    said = cli("rate", "import", "latest", low, high, *IN, "--json")
    assert said.code == 0, said.err
    assert [(one["file"], one["n_new"], one["by_rater"]) for one in said.records] == [
        ("filled-a.csv", 6, {"a": 6}), ("filled-b.csv", 6, {"b": 6}),
    ]  # fmt: skip

    status = cli("rate", "status", *IN, "--json").records
    assert [(one["rater"], one["n_rated"], one["n_assigned"]) for one in status] == [("a", 6, 6), ("b", 6, 6)]
    assert "rate lock" in cli("rate", "status", *IN).err

    assert cli("rate", "adjudicate", "latest", *IN).code == 2  # not before the lock
    locked = cli("rate", "lock", "latest", *IN, "--json").record("lock")
    assert (locked["n_ratings"], locked["n_to_adjudicate"]) == (12, 6)
    assert cli("rate", "import", "latest", low, *IN).code == 2  # not after it
    assert cli("rate", "assign", "latest", "--rater", "a", "--rater", "b", "--all", *IN).code == 2

    listed = cli("rate", "adjudicate", *IN, "--json").records
    assert {one["dimension"] for one in listed} == {"clinical_rationality"}
    assert all(one["scores"] == {"a": 1, "b": 5} and one["apart"] == 4 for one in listed)
    trace = listed[0]["trace_id"]
    said = cli("rate", "adjudicate", "latest", "--trace", trace, "--dimension", "clinical_rationality",
               "--score", "2", "--by", "consensus", "--note", "read together", *IN)  # fmt: skip
    assert (said.code, said.err) == (0, "1 decisions recorded; 5 still to be made.\n")
    assert "read together" in json.dumps(cli("rate", "adjudicate", *IN, "--json").records)
    assert [one.dimensions[0].score for one in audit.ratings() if one.trace_id == trace] == [1, 5]


def test_status_says_nothing_of_scores(cli: Cli, audit: AuditFolder) -> None:
    cli("rate", "packets", "latest", "--out", "packets", *IN)
    cli(
        "rate",
        "import",
        "latest",
        fill(Path("packets/a.csv"), clinical_rationality="2", visual_features="4", spatial="3"),
        *IN,
    )
    (first, *_) = cli("rate", "status", *IN, "--json").records
    assert set(first) == {
        "type", "audit_id", "rater", "n_rated", "n_begun", "n_assigned", "n_sittings_done", "n_sittings",
        "last_activity", "locked", "simulated",
    }  # fmt: skip


def test_only_referred_traces_unless_all(cli: Cli, audit: AuditFolder) -> None:
    cli("rate", "assign", "latest", "--rater", "a", "--rater", "b", *IN)
    referred = {trace_id for trace_id, review in audit.reviews().items() if review.refers_by}
    assert {shown.trace_id for shown in audit.assignments()["a"].traces} == referred
    before = audit.assignments()
    cli("rate", "assign", "latest", *IN)
    assert audit.assignments() == before
    cli("rate", "assign", "latest", "--all", *IN)
    after = audit.assignments()
    assert len({shown.trace_id for shown in after["a"].traces}) == 12
    assert after["a"].traces[: len(before["a"].traces)] == before["a"].traces


def test_without_judges_all_traces_are_assigned(cli: Cli, tmp_path: Path) -> None:
    workspace, folder = make_audit(tmp_path, judges=())
    for rater in "ab":
        workspace.save_rater(RaterCard(rater=rater))
    assert cli("rate", "assign", "latest", "--rater", "a", "--rater", "b", *IN).code == 0
    assert len({shown.trace_id for shown in folder.assignments()["a"].traces}) == 12


def test_bad_rows_are_named_and_the_good_ones_kept(cli: Cli, audit: AuditFolder, tmp_path: Path) -> None:
    cli("rate", "packets", "latest", "--out", "packets", *IN)
    good = audit.assignments()["a"].traces[0].trace_id
    file = tmp_path / "long.csv"
    file.write_text(
        f"trace,rater,dimension,score\n{good},a,clinical_rationality,3\n{good},z,clinical_rationality,3\n",
        "utf-8",
    )
    said = cli("rate", "import", "latest", file, *IN)
    assert said.code == 3
    assert "long.csv, row 3: rater 'z': expected a rater of this audit (a, b)" in said.err
    assert "error: 1 rejected; 1 ratings of these files are kept." in said.err
    assert said.last.startswith("Correct the file")
    assert len(audit.ratings()) == 1


def test_a_trace_that_names_its_model_is_flagged_and_not_changed(cli: Cli, tmp_path: Path) -> None:
    workspace, folder = make_audit(
        tmp_path, texts=lambda model, number: "As GPT-4o, I see L4/L5." if number == 0 else "L5."
    )
    for rater in "ab":
        workspace.save_rater(RaterCard(rater=rater))
    said = cli("rate", "packets", "latest", *IN)
    assert said.code == 0
    assert "2 of 12 traces name a model" in said.err
    assert said.err.count("says who wrote it: ...As GPT-4o, I see L4/L5....") == 2
    assert "As GPT-4o, I see L4/L5." in (folder.path / "packets" / "a.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("assign", "latest", "--rater", "aa", "--rater", "b"), "did you mean 'a'?"),
        (("assign", "latest", "--rater", "a"), "expected 2 or more"),
        (
            ("assign", "latest", "--rater", "a", "--rater", "b", "--duplicates", "0.4"),
            "expected 0.05 to 0.10",
        ),
        (("status", "latest"), "rate assign"),
        (("packets", "no-such-audit"), "no-such-audit"),
        (("import", "latest", "none.json"), "rate assign"),
        (("import", "latest", "none.json", "--as", "7"), "expected USER=RATER"),
        (("lock", "latest"), "rate assign"),
        (("adjudicate", "latest", "--trace", "x"), "there is no --dimension, --score, --by"),
    ],
)
def test_what_cannot_be_is_refused_with_a_way_on(
    cli: Cli, audit: AuditFolder, args: tuple[str, ...], said: str
) -> None:
    found = cli("rate", *args, *IN)
    assert found.code == 2
    assert said in found.err


def test_without_an_audit(cli: Cli, tmp_path: Path) -> None:
    Workspace("workspace").create()
    found = cli("rate", "status", *IN)
    assert found.code == 2
    assert "spinebench audit RUN" in found.last


def test_a_file_that_is_not_there_stops_before_anything_is_taken(cli: Cli, audit: AuditFolder) -> None:
    cli("rate", "packets", "latest", "--out", "packets", *IN)
    good = fill(Path("packets/a.csv"), clinical_rationality="1", visual_features="4", spatial="3")
    found = cli("rate", "import", "latest", good, "none.json", *IN)
    assert found.code == 2
    assert "file 'none.json': expected a file of ratings" in found.err
    assert audit.ratings() == []


def test_the_lines_that_say_what_is_next_work_as_they_stand(cli: Cli, audit: AuditFolder) -> None:
    """From assigning to agreement by the printed commands alone, in a workspace that is not the default one."""

    def next_of(said: Said) -> list[str]:
        (line,) = [line for line in said.err.splitlines() if "spinebench " in line]
        return shlex.split(line[line.index("spinebench ") :])[1:]

    assigned = cli("rate", "assign", audit.audit_id, *IN, "--seed", 5)
    packets = cli(*next_of(assigned))
    assert packets.code == 0, packets.err
    written = sorted((audit.path / "packets").glob("*.csv"))
    filled = [fill(path, **dict.fromkeys(SCORED, "3")) for path in written]
    command = next_of(packets)
    place = command.index("ratings-*.json")
    imported = cli(*command[:place], *filled, *command[place + 1 :])
    assert imported.code == 0, imported.err
    locked = cli(*next_of(cli("rate", "status", audit.audit_id, *IN)))
    assert locked.code == 0, locked.err
    agreed = cli(*next_of(locked))
    assert agreed.code == 0, agreed.err
