"""The database: migrated, read-only to those who ask, and clear when it cannot be used."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import duckdb
import pyarrow
import pytest

from spinebench.errors import DataError, StoppedError, UsageError
from spinebench.store import Workspace, database
from spinebench.store.check import check
from spinebench.store.database import (
    NEEDED,
    connect,
    latest_version,
    migrate,
    migrations,
    query_names,
    schema_version,
    statement,
)
from spinebench.store.ingest import ingest
from tests.stored_runs import ITEMS, python, right, stored_run


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path / "workspace")
    stored_run(workspace, [right(item) for item in ITEMS])
    return workspace


def test_migrations_are_numbered_without_gaps() -> None:
    assert [number for number, _ in migrations()] == list(range(1, latest_version() + 1))


@pytest.mark.parametrize("version", range(latest_version()))
def test_a_database_of_an_earlier_version_is_migrated_by_whoever_opens_it(
    workspace: Workspace, version: int
) -> None:
    with connect(workspace.database.path, read_only=False) as connection:
        migrate(connection, upto=version)
        assert schema_version(connection) == version
    ingest(workspace)
    assert workspace.query("results").column("n_asked").to_pylist() == [5]
    applied = workspace.sql("SELECT version, name FROM schema_version ORDER BY version").to_pylist()
    assert [(row["version"], row["name"]) for row in applied] == migrations()


def test_a_failing_migration_leaves_the_earlier_version(workspace: Workspace) -> None:
    with connect(workspace.database.path, read_only=False) as connection:
        migrate(connection, upto=1)
        connection.execute("CREATE VIEW outcomes AS SELECT 1 AS mine")  # in the way of the next migration
        with pytest.raises(duckdb.Error):
            migrate(connection)
        assert schema_version(connection) == 1
        views = connection.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()
        assert views == [("outcomes",)]


def test_a_database_of_a_later_version_is_refused_with_the_way_on(workspace: Workspace) -> None:
    ingest(workspace)
    with connect(workspace.database.path, read_only=False) as connection:
        connection.execute("INSERT INTO schema_version VALUES (99, 'later', NULL)")
    for use in (lambda: workspace.query("results"), lambda: ingest(workspace)):
        with pytest.raises(UsageError, match=r"database schema 99: .* upgrade spinebench.*store rebuild"):
            use()


@pytest.mark.parametrize("content", [b"", b"not a database" * 1000, b"\x00" * 20_000])
def test_a_file_that_is_no_database_is_told_and_left_as_it_is(workspace: Workspace, content: bytes) -> None:
    workspace.database.path.write_bytes(content)
    for use in (lambda: workspace.query("results"), lambda: ingest(workspace)):
        with pytest.raises(DataError, match="the journals are unharmed: call 'spinebench store rebuild'"):
            use()
    assert workspace.database.path.read_bytes() == content


def test_a_database_that_is_gone_is_made_anew_without_the_log_it_left(workspace: Workspace) -> None:
    ingest(workspace)
    path = workspace.database.path
    path.with_name(path.name + ".wal").write_bytes(b"left behind")
    path.unlink()
    assert workspace.query("results").num_rows == 0
    assert [done.n_lines for done in ingest(workspace)] == [5]
    assert workspace.query("results").num_rows == 1


def test_every_shipped_query_answers_for_all_runs_and_for_none(workspace: Workspace) -> None:
    assert {"results", "confusion", "outcomes", "graded", "answers", "trace", "runs"} <= set(query_names())
    for name in query_names():
        assert workspace.query(name).num_rows >= 0
    ingest(workspace)
    for name in query_names():
        needed = set(NEEDED.findall(statement("queries", name)))
        # In the queries of cases an audit says whose scores stand beside the answers, not which answers.
        choosing = {"run_id"} if name.startswith("case") else {"run_id", "audit_id"}
        for of in needed & choosing:
            assert workspace.query(name, **{of: "nowhere"}).num_rows == 0, name
        assert needed & {"run_id", "audit_id"} or name in {
            "case_rows",
            "case_texts",
            "case_values",
            "counts",
            "discordant",
            "questions",
            "raters",
        }


def test_what_became_of_the_questions_is_counted_as_in_results(workspace: Workspace) -> None:
    ingest(workspace)
    statuses = workspace.query("statuses")
    assert statuses.num_rows > 0
    assert statuses.equals(workspace.query("results").select(statuses.column_names))


def test_pages_of_answers(workspace: Workspace) -> None:
    ingest(workspace)
    page = workspace.query("page", run_id="run-1", size=2, skip=1)
    assert page.column("item_id").to_pylist() == [ITEMS[1].id, ITEMS[2].id]
    assert workspace.query("page", run_id="run-1").num_rows == 5
    assert workspace.query("page", run_id="run-1", model="sim/b").num_rows == 0


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        pytest.param("nonsense", {}, "query 'nonsense': expected one of adjudications, ", id="unknown name"),
        pytest.param("../loading/forget", {}, "expected one of adjudications", id="a path"),
        pytest.param(
            "results", {"model": "x"}, r"parameter 'model': expected one of run_id for", id="unknown"
        ),
        pytest.param("counts", {"x": 1}, "expected one of none for query 'counts'", id="none taken"),
        pytest.param("page", {"run_id": "r", "size": "many"}, "expected parameters of its types", id="type"),
    ],
)
def test_a_wrong_query_is_explained(
    workspace: Workspace, name: str, params: dict[str, str], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        workspace.query(name, **params)


def test_parameters_are_values_whatever_they_contain(workspace: Workspace) -> None:
    ingest(workspace)
    assert workspace.query("results", run_id="' OR 1=1; DROP TABLE runs; --").num_rows == 0
    assert workspace.query("counts").column("runs").to_pylist() == [1]


def test_sql_with_parameters(workspace: Workspace) -> None:
    ingest(workspace)
    text = "SELECT count(*) AS n FROM answers WHERE list_contains($ids, item_id) AND epoch = $epoch"
    assert workspace.sql(text, {"ids": ["d1", "l1", "x"], "epoch": 1}).to_pylist() == [{"n": 2}]


def test_a_table_that_is_not_there_is_no_variable_of_the_code_around(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(workspace)
    monkeypatch.setattr("spinebench.store.database.nearby", pyarrow.table({"secret": [1]}), raising=False)
    with pytest.raises(UsageError, match="nearby does not exist"):
        workspace.sql("SELECT * FROM nearby")


def test_sql_cannot_write_or_reach_other_files(workspace: Workspace, tmp_path: Path) -> None:
    ingest(workspace)
    before = hashlib.sha256(workspace.database.path.read_bytes()).digest()
    secret = tmp_path / "secret.csv"
    secret.write_text("a,b\n1,2\n")
    out = tmp_path / "out.csv"
    statements = [
        "DELETE FROM answers",
        "DROP TABLE answers",
        "CREATE TABLE mine (i INTEGER)",
        f"FROM read_csv('{secret}')",
        f"FROM '{secret}'",
        f"COPY answers TO '{out}'",
        f"ATTACH '{tmp_path / 'other.duckdb'}' AS other",
        "SET enable_external_access = true",
        "INSTALL httpfs",
        "SELECT nonsense",
        "SELEKT",
        "",
    ]
    for text in statements:
        with pytest.raises(UsageError):
            workspace.sql(text)
    assert not out.exists()
    assert hashlib.sha256(workspace.database.path.read_bytes()).digest() == before


OPEN = """
import sys, time, duckdb
connection = duckdb.connect(sys.argv[1])
print("open", flush=True)
time.sleep(float(sys.argv[2]))
"""


def test_another_program_with_the_database_open_is_named(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(workspace)
    monkeypatch.setattr(database, "_PATIENCE_S", 0.1)
    other = python(OPEN, workspace.database.path, "60")
    try:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(StoppedError, match=rf"PID {other.pid}.*close that program"):
            workspace.query("results")
    finally:
        other.kill()
        other.communicate(timeout=60)
    assert workspace.query("results").num_rows == 1


def test_another_program_that_is_soon_done_is_waited_for(workspace: Workspace) -> None:
    ingest(workspace)
    other = python(OPEN, workspace.database.path, "0.5")
    assert other.stdout is not None
    other.stdout.readline()
    assert workspace.query("results").num_rows == 1
    other.communicate(timeout=60)


def test_a_connection_of_the_users_own_is_told_from_a_broken_file(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(workspace)
    monkeypatch.setattr(database, "_PATIENCE_S", 0.1)
    with (
        duckdb.connect(str(workspace.database.path)),
        pytest.raises(StoppedError, match="close that program"),
    ):
        workspace.query("results")
    assert workspace.query("results").num_rows == 1


LIMITED = """
import resource, sys
from spinebench.errors import StoppedError
from spinebench.store import Workspace, database
from spinebench.store.ingest import ingest
from spinebench.store.rebuild import rebuild
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
for load in (ingest, rebuild):
    try:
        load(Workspace(sys.argv[1]))
    except StoppedError as error:
        print(error)
"""


@pytest.mark.parametrize("limit", [50_000, 1_000_000, 3_000_000])
def test_a_full_disk_stops_a_load_and_the_next_one_goes_on(workspace: Workspace, limit: int) -> None:
    """Met at another step for each limit: the copy of the journal's part, the log, the new file, the old
    one."""
    ingest(workspace)
    run = workspace.run("run-1")
    noise = random.Random(1).randbytes(1_200_000).hex()  # larger than what the database has free
    run.journal.append([right(ITEMS[0], text=noise)])
    process = python(LIMITED, workspace.path, str(limit))
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert limit > 1_000_000 or out.count("unharmed") == 2, out
    ingest(workspace)
    assert workspace.sql("SELECT count(*) AS n, max(length(text)) AS most FROM answers").to_pylist() == [
        {"n": 5, "most": len(noise)}
    ]
    assert [finding for finding in check(workspace) if finding.severity == "error"] == []


def test_results_are_arrow_tables_that_outlive_the_connection(workspace: Workspace) -> None:
    ingest(workspace)
    table = workspace.query("graded")
    workspace.database.path.unlink()
    assert table.column("gold").to_pylist()[0] == ["Osteophytes"]
    assert table.schema.field("correct").type == "bool"
