"""Kept figures: the same after a restart, never stale, never from a damaged file, and nothing breaks without them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest
from pydantic import TypeAdapter
from streamlit.testing.v1 import AppTest

from spinebench.dashboard import kept_figures, workspace_data
from spinebench.dashboard.audit_reports import audit_state
from spinebench.dashboard.kept_figures import KeptFigures, kept_record, kept_table, key_of
from spinebench.dashboard.preparing import is_prepared, prepare, state_of_everything
from spinebench.store import Workspace
from spinebench.store.check import check
from spinebench.store.ingest import ingest
from spinebench.store.rebuild import rebuild

NUMBERS = TypeAdapter(list[float])


@pytest.fixture
def figures(tmp_path: Path) -> KeptFigures:
    return KeptFigures(tmp_path)


@pytest.fixture
def own(audited: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A copy of the audited workspace to write into, and the dashboard's."""
    folder = tmp_path / "workspace"
    shutil.copytree(audited.path, folder)
    shutil.rmtree(folder / "cache", ignore_errors=True)
    monkeypatch.setenv(workspace_data.WORKSPACE_VARIABLE, str(folder))
    return Workspace(folder)


def counted(values: list[float]) -> tuple[Callable[[], list[float]], list[int]]:
    """A computation, and a list that grows with each call of it."""
    calls: list[int] = []

    def compute() -> list[float]:
        calls.append(1)
        return values

    return compute, calls


def test_what_is_kept_is_not_computed_again_and_comes_back_to_the_last_bit(figures: KeptFigures) -> None:
    compute, calls = counted([0.1 + 0.2, 1e-300, 1 / 3])
    key = key_of("numbers", 1)
    first = kept_record(figures, key, NUMBERS, compute, lambda: True)
    again = kept_record(KeptFigures(figures.folder.parent), key, NUMBERS, compute, lambda: True)
    assert (again, len(calls)) == (first, 1)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(("a", 1, 2), ("a", 1, 3), id="another state of the data"),
        pytest.param(("a", ["x"]), ("a", ["y"]), id="another question"),
        pytest.param(("a", 1), ("b", 1), id="another figure"),
        pytest.param(("a", ["x", "y"]), ("a", ["x,y"]), id="parts are told apart"),
    ],
)
def test_every_part_of_the_question_counts(one: tuple[str, object], other: tuple[str, object]) -> None:
    assert key_of(*one) != key_of(*other)
    assert key_of(*one) == key_of(*one)


def test_other_code_finds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = key_of("a", 1)
    monkeypatch.setattr(kept_figures, "code_digest", lambda: "other code")
    assert key_of("a", 1) != before


def test_data_that_change_during_the_computation_are_not_kept(figures: KeptFigures) -> None:
    compute, calls = counted([1.0])
    for _ in range(2):
        assert kept_record(figures, "k", NUMBERS, compute, lambda: False) == [1.0]
    assert len(calls) == 2


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut short": lambda content: content[:-2],
    "one byte changed": lambda content: content[:-2] + b"9" + content[-1:],
    "of another key": lambda content: b"x" + content[1:],
    "not ours": lambda _: b"[2.0]",
    "no text": lambda _: bytes(range(256)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_counts_as_none(figures: KeptFigures, damage: str) -> None:
    compute, calls = counted([1.0])
    kept_record(figures, "k", NUMBERS, compute, lambda: True)
    (path,) = figures.folder.iterdir()
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    assert kept_record(figures, "k", NUMBERS, compute, lambda: True) == [1.0]
    assert len(calls) == 2
    assert figures.read("k") == b"[1.0]"  # mended


@pytest.mark.parametrize("content", [b'["a"]', b"{}", b"null", b"[1.0"])
def test_what_is_whole_but_of_another_kind_is_computed_anew(figures: KeptFigures, content: bytes) -> None:
    figures.write("k", content)
    assert kept_record(figures, "k", NUMBERS, lambda: [1.0], lambda: True) == [1.0]


def test_a_table_comes_back_as_it_was(figures: KeptFigures) -> None:
    table = pa.table({"n": [1, None], "gold": [["a"], []], "at": pa.array([0, 1], pa.timestamp("us", "UTC"))})
    kept_table(figures, "k", lambda: table, lambda: True)
    assert kept_table(figures, "k", lambda: pa.table({}), lambda: True).equals(table)
    figures.write("k", b"no arrow")
    assert kept_table(figures, "k", lambda: table, lambda: True).equals(table)


def test_several_writers_leave_one_whole_figure(figures: KeptFigures) -> None:
    contents = [str(number).encode() * 5_000 for number in range(40)]

    def write_and_read(content: bytes) -> bytes | None:
        figures.write("k", content)
        return figures.read("k")

    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(write_and_read, contents))
    assert set(seen) <= set(contents)
    assert [path.name for path in figures.folder.iterdir()] == ["k.kept"]


def test_what_was_not_asked_for_the_longest_goes_first(tmp_path: Path) -> None:
    figures = KeptFigures(tmp_path, most_bytes=1_000_000, most_files=2)
    for number, key in enumerate("abc"):
        figures.write(key, b"1")
        os.utime(figures.folder / f"{key}.kept", (number, number))
    assert figures.read("a") == b"1"  # asked for just now
    figures.prune()
    assert [figures.read(key) for key in "abc"] == [b"1", None, b"1"]


def test_a_file_that_goes_away_meanwhile_does_not_keep_the_others(tmp_path: Path) -> None:
    figures = KeptFigures(tmp_path, most_files=1)
    for number, key in enumerate("abc"):
        figures.write(key, b"1")
        os.utime(figures.folder / f"{key}.kept", (number, number))
    (figures.folder / ".gone").symlink_to(
        "nothing"
    )  # named by the folder, and not there when it is looked at
    figures.prune()
    assert [figures.read(key) for key in "abc"] == [None, None, b"1"]


def test_the_bytes_are_bounded(tmp_path: Path) -> None:
    figures = KeptFigures(tmp_path, most_bytes=5_000)
    for number in range(10):
        figures.write(str(number), bytes(1_000))
    figures.prune()
    assert 0 < sum(path.stat().st_size for path in figures.folder.iterdir()) <= 5_000


def test_a_folder_that_cannot_be_written_to_only_costs_time(tmp_path: Path) -> None:
    (tmp_path / "figures").write_text("a file in the folder's place")
    figures = KeptFigures(tmp_path)
    assert kept_record(figures, "k", NUMBERS, lambda: [1.0], lambda: True) == [1.0]
    figures.prune()


# ---------------------------------------------------------------- pages


def everything_said(app: AppTest) -> list[str]:
    assert not app.exception
    tables = [table.value.to_csv() for table in app.dataframe]
    drawn = [element.proto.spec for element in app.get("vega_lite_chart")]
    return [*tables, *drawn, *(str(one.proto.body) for one in app.get("html"))]


@pytest.mark.parametrize("name", ["overview", "errors", "cases", "agreement", "runs"])
def test_pages_say_the_same_from_kept_figures(
    own: Workspace, page: Callable[..., AppTest], name: str
) -> None:
    import streamlit as st

    def opened() -> list[str]:
        st.cache_data.clear()
        st.cache_resource.clear()
        return everything_said(page(own.path, name))

    computed = opened()
    assert any(KeptFigures(own.cache_dir).folder.iterdir())
    assert opened() == computed


def test_answers_that_are_gone_are_counted_no_longer(own: Workspace, page: Callable[..., AppTest]) -> None:
    def n_answers() -> int:
        html = next(text for text in everything_said(page(own.path, "overview")) if "headline" in text)
        return int(html.split("<dd>")[1].split("</dd>")[0].replace(",", ""))

    before = n_answers()
    prepare()
    gone = own.runs()[-1]
    n_gone = len(own.query("graded", run_id=gone.run_id))
    shutil.rmtree(gone.path)
    ingest(own)
    if own.runs():
        assert n_answers() == before - n_gone
    else:
        assert not page(own.path, "overview").get("html")


def test_prepared_figures_are_those_of_the_pages_and_are_prepared_once(own: Workspace) -> None:
    assert not is_prepared(state_of_everything())
    prepare()
    state = state_of_everything()
    assert is_prepared(state)
    journal = own.audits()[-1].path / "journal.jsonl"
    os.utime(journal, ns=(1, 1))
    assert audit_state(own.audits()[-1].audit_id) not in state[1]
    assert not is_prepared(state_of_everything())


def test_preparing_ends_when_it_is_told_to(own: Workspace) -> None:
    prepare(lambda: False)
    assert not is_prepared(state_of_everything())


def test_kept_figures_are_nothing_to_check_or_rebuild(own: Workspace) -> None:
    found = check(own)
    prepare()
    before = sorted(KeptFigures(own.cache_dir).folder.iterdir())
    assert before
    assert check(own) == found
    rebuild(own)
    assert sorted(KeptFigures(own.cache_dir).folder.iterdir()) == before
    assert not is_prepared(state_of_everything())
