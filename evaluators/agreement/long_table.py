"""Ratings of any origin in a long table, read as the rows of an audit."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from spinebench.errors import DataError, UsageError
from spinebench.evaluators.audit_rows import AuditRows, ScoreRow, TraceRow

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "item": ("item", "item_id", "trace", "trace_id", "unit"),
    "rater": ("rater", "rater_id", "annotator"),
    "score": ("score", "rating", "value"),
    "dimension": ("dimension", "criterion"),
    "model": ("model", "system"),
    "cluster": ("cluster", "image", "study", "patient"),
    "task": ("task",),
    "repeat": ("repeat",),
}
"""Column -> names it may go by; the first three are needed."""

_MISSING = ("", "na", "nan", "none", "null", "cannot assess", "cannot_assess")


def rows_from_long_table(
    header: Sequence[str],
    lines: Iterable[Mapping[str, str | None]],
    *,
    scale: Sequence[int],
    judges: Sequence[str],
) -> AuditRows:
    """One row per item, rater and score; `judges` are the raters that are judges, all others are clinicians.

    A unit is an item, or an item under one model where there is a model column; its cluster is the cluster column,
    else the item. An empty score is a missing one. Raises `UsageError` for a needed column that is not there or a
    judge that rates nothing, `DataError` naming the line for a score that is no whole number on the scale or that is
    given twice.
    """
    columns = _columns(header)
    traces: dict[str, TraceRow] = {}
    scores: list[ScoreRow] = []
    seen: dict[tuple[str, str, str, int], int] = {}
    for number, line in enumerate(lines, 2):
        given = {name: (line.get(column) or "").strip() for name, column in columns.items()}
        for needed in ("item", "rater"):
            if not given[needed]:
                raise DataError(f"line {number}, column {columns[needed]!r}: expected a name; fill it in")
        model, task = given.get("model") or "all", given.get("task") or "ratings"
        unit = "|".join((given["item"], model, task))
        cluster = given.get("cluster") or given["item"]
        traces.setdefault(unit, _trace(unit, model, task, cluster))
        repeat = _whole(given.get("repeat") or "1", number, columns.get("repeat", "repeat"))
        dimension = given.get("dimension") or "score"
        score = _score(given["score"], scale, number, columns["score"])
        key = (unit, dimension, given["rater"], repeat)
        if key in seen:
            raise DataError(
                f"line {number}: rater {given['rater']!r} scores {given['item']!r} again after line {seen[key]}: "
                "expected one score; remove one, or number them in a column repeat"
            )
        seen[key] = number
        scores.append(
            ScoreRow(
                trace_id=unit,
                dimension=dimension,
                source="judge" if given["rater"] in judges else "clinician",
                rater=given["rater"],
                repeat=repeat,
                score=score,
                status="cannot_assess" if score is None else "scored",
            )
        )
    raters = {row.rater for row in scores}
    for judge in judges:
        if judge not in raters:
            raise UsageError(
                f"judge {judge!r}: expected one of the raters {sorted(raters)}; name one of them"
            )
    return AuditRows(
        traces=tuple(traces.values()),
        strata=(),
        scores=tuple(scores),
        marks=(),
        scales={dimension: tuple(sorted(scale)) for dimension in {row.dimension for row in scores}},
        adjudicated={},
        locked=True,
    )


def _columns(header: Sequence[str]) -> dict[str, str]:
    names = {name.strip().lstrip("\ufeff").casefold(): name for name in header}
    found = {
        column: names[alias]
        for column, aliases in COLUMNS.items()
        for alias in reversed(aliases)
        if alias in names
    }
    for needed in ("item", "rater", "score"):
        if needed not in found:
            raise UsageError(
                f"columns {list(header)!r}: expected one named {' or '.join(COLUMNS[needed])}; rename it in the header"
            )
    return found


def _trace(unit: str, model: str, task: str, cluster: str) -> TraceRow:
    return TraceRow(
        trace_id=unit, run_id="", model=model, task=task, image=cluster, cluster=cluster, correct=False, outcome="",
        stratum="", probability=1.0, rating_probability=1.0, referred=True,
    )  # fmt: skip


def _score(text: str, scale: Sequence[int], line: int, column: str) -> int | None:
    if text.casefold() in _MISSING:
        return None
    try:
        value = float(text.replace(",", ".")) if text.count(",") <= 1 else math.nan
    except ValueError:
        value = math.nan
    if value not in scale:
        raise DataError(
            f"line {line}, column {column!r}: score {text!r}: expected one of {', '.join(map(str, sorted(scale)))}; "
            "correct it, or declare the scale with --scale"
        )
    return int(value)


def _whole(text: str, line: int, column: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise DataError(f"line {line}, column {column!r}: {text!r}: expected 1, 2, ...; number the repeats")
    return int(text)
