"""The published tables, replayed."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from spinebench.errors import UsageError
from spinebench.evaluators.published import BENCHMARKS, replay
from spinebench.evaluators.published.cells import (
    half_up,
    possible_percentages,
    printed,
    weighted_mean,
    whole_counts,
)
from spinebench.evaluators.published.pathology import replay_pathology
from spinebench.evaluators.published.tables import level_aware_tables, pathology_table

SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "published"


def reference(name: str) -> Any:
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"the reference tables are not here: {path.name}")
    return json.loads(path.read_text(encoding="utf-8"))


def test_one_cell_of_the_pathology_table_contradicts_its_row() -> None:
    found = replay("pathology")
    assert len(found.cells) == 12
    (cell,) = found.contradictions
    # (22.28 + 8.80) / 2 = 15.54
    assert (cell.row, cell.cells, cell.printed, cell.recomputed) == (
        "HuatuoGPT-Vision-7B", ("overall",), (15.84,), ((15.54,),),
    )  # fmt: skip


LEVEL_AWARE = [
    ("6", "GPT5", ("image_acc",), ((79.79,),)),
    ("6", "GPT-4o", ("image_acc",), ((81.35, 81.87),)),
    ("6", "Medgemma-27B", ("TR",), ((3.67,),)),
    ("6", "Medgemma-27B", ("RPM",), ((3.26,),)),
    ("6", "Medgemma-27B", ("overall",), ((80.49,),)),
    ("6", "HuatuoGPT-7B", ("TR",), ((2.81,),)),
    ("6", "Qwen2.5VL-7B", ("overall",), ((71.85,),)),
    ("6", "SpineGPT(Ours)", ("qa_avg",), ((87.47,),)),
    ("6", "SpineGPT(Ours)", ("RD",), ((4.61,),)),
    ("7", "General only", ("text_acc", "qa_avg"), ((65.31,), (64.27,))),
]


def test_ten_cells_of_the_level_aware_tables_contradict_the_formulas() -> None:
    found = replay("level-aware")
    assert [(one.table, one.row, one.cells, one.recomputed) for one in found.contradictions] == LEVEL_AWARE
    # 14 rows x (2 accuracies, qa_avg, 5 sections, report_score, overall), 6 x 3, 14 and 5 percentages
    assert len(found.cells) == 14 * 10 + 6 * 3 + 14 + 5


def test_a_cell_printed_in_two_tables_is_counted_once_and_says_so() -> None:
    (twice,) = [one for one in replay("level-aware").contradictions if one.repeated_in]
    assert (twice.row, twice.cells) == ("SpineGPT(Ours)", ("qa_avg",))
    assert twice.repeated_in == ("table 7, row 'General+No-Spine+Spine'",)


def test_the_reason_names_the_formula_that_was_used_instead() -> None:
    (cell,) = [one for one in replay("level-aware").contradictions if one.row == "Qwen2.5VL-7B"]
    assert "unweighted mean of qa_avg and report_score" in cell.reason


@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_every_replay_names_its_paper(benchmark: str) -> None:
    assert "arXiv 25" in replay(benchmark).source


def test_an_unknown_benchmark_is_refused() -> None:
    with pytest.raises(UsageError, match="pathology"):
        replay("spinebench")


def test_a_changed_cell_is_found_and_a_rounding_difference_is_not() -> None:
    table = pathology_table()
    rows = {"a": ("20.01", "10.00", "1", "1", "15.00"), "b": ("20.00", "10.00", "1", "1", "15.02")}
    found = replay_pathology(table.model_copy(update={"rows": rows}))
    # a: 15.005 +- .005 meets 15.00 +- .005; b: 15 +- .005 and 15.02 +- .005 do not meet
    assert [one.row for one in found.contradictions] == ["b"]


def test_rounding() -> None:
    assert half_up(Fraction(17, 2), 0) == 9
    assert half_up(Fraction("8.725"), 2) == 8.73
    assert printed("88.6", 2).slack == Fraction(1, 200)
    assert weighted_mean([printed("1", 0), printed("4", 0)], [2, 1]).value == 2


def test_whole_counts_of_193() -> None:
    # 171 / 193 = 88.601 %; no count of 193 prints as 79.97, whose digits exchanged give 154 / 193 = 79.79 %
    assert whole_counts(printed("88.6", 2), 193) == (171,)
    assert whole_counts(printed("79.97", 2), 193) == ()
    assert possible_percentages(printed("79.97", 2), 193, 2) == (79.79,)
    assert possible_percentages(printed("81.7", 2), 193, 2) == (81.35, 81.87)


def test_the_transcribed_pathology_table_is_the_reference() -> None:
    source = reference("spinebench_mm25.json")
    table = pathology_table()
    assert list(table.columns) == source["columns"]
    assert {name: [float(text) for text in row] for name, row in table.rows.items()} == source["rows"]
    assert [
        {"row": one.row, "cell": one.cells[0], "printed": one.printed[0], "recomputed": one.recomputed[0][0]}
        for one in replay("pathology").contradictions
    ] == source["cells_known_inconsistent"]


def test_the_transcribed_level_aware_tables_are_the_reference() -> None:
    source = reference("spinemed_spinebench.json")
    tables = level_aware_tables()
    for rows, name in (
        (tables.table6, "table6"),
        (tables.table7, "table7"),
        (tables.appendix_d, "appendix_d"),
    ):
        assert {key: [float(text) for text in row] for key, row in rows.rows.items()} == source[name]
        assert list(rows.columns) == source[f"{name}_columns"]
    for shares, name in ((tables.table10, "table10_subspecialties"), (tables.table11, "table11_sources")):
        expected = [(row["name"], row["count"], row["printed_percent"]) for row in source[name]]
        assert [(row[0], row[1], float(row[2])) for row in shares.rows] == expected
    known = [
        (str(one["table"]), one["row"], tuple(one["cell"].split(" and ")))
        for one in source["cells_known_inconsistent"]
    ]
    assert [(one.table, one.row, one.cells) for one in replay("level-aware").contradictions] == known
