"""Graded answers as arrays, and the groups of them that a table has one row for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from spinebench.errors import DataError
from spinebench.evaluators.clustered import BoolArray, IntArray
from spinebench.evaluators.columns import Coded, GradedColumns
from spinebench.evaluators.estimate import Denominators
from spinebench.evaluators.taxonomy import disease_label
from spinebench.records import AnswerStatus, Outcome, Task


class GroupKey(NamedTuple):
    """One row of a results table: who was asked, and how."""

    model: str
    persona: str
    image_condition: str
    option_order: str
    """Family of orders: `as_given`, `shuffled` or `rotation`, without seed or rotation number."""


@dataclass(frozen=True)
class Answers:
    """Rows of the `graded` view as arrays of one length."""

    columns: GradedColumns
    rows: IntArray
    """Row numbers in `columns`."""
    task: Coded
    status: Coded
    outcome: Coded
    disease: Coded
    """Canonical label of the diagnosis asked for (or `Healthy`); code -1 where unknown."""
    item: IntArray
    cluster: IntArray
    correct: BoolArray
    """False wherever not answered."""
    answered: BoolArray

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, where: BoolArray | IntArray) -> Answers:
        rows: IntArray = np.asarray(
            np.flatnonzero(where) if where.dtype == np.bool_ else where, dtype=np.int64
        )
        return Answers(
            columns=self.columns,
            rows=self.rows[rows],
            task=self.task.take(rows),
            status=self.status.take(rows),
            outcome=self.outcome.take(rows),
            disease=self.disease.take(rows),
            item=self.item[rows],
            cluster=self.cluster[rows],
            correct=self.correct[rows],
            answered=self.answered[rows],
        )

    def of_task(self, task: Task) -> Answers:
        return self.take(self.task.equals(task.value))

    def has_outcome(self, outcome: Outcome) -> BoolArray:
        if outcome is Outcome.NOT_ANSWERED:
            return ~self.answered
        return self.outcome.equals(outcome.value) & self.answered

    def denominators(self) -> Denominators:
        """Questions by what became of them. Answered without a grade counts as unparsed."""
        counts = {status: int(self.status.equals(status.value).sum()) for status in AnswerStatus}
        answered = int(self.answered.sum())
        known = sum(counts.values())
        return Denominators(
            asked=len(self),
            answered=answered,
            no_answer=counts[AnswerStatus.NO_ANSWER],
            unparsed=counts[AnswerStatus.UNPARSED] + counts[AnswerStatus.ANSWERED] - answered,
            refused=counts[AnswerStatus.REFUSED],
            truncated=counts[AnswerStatus.TRUNCATED],
            filtered=counts[AnswerStatus.FILTERED],
            errored=counts[AnswerStatus.ERROR] + len(self) - known,
        )


def read_answers(graded: object) -> Answers:
    """Decode the columns every statistic needs. Raises DataError when one, or an item's id, is missing."""
    columns = graded if isinstance(graded, GradedColumns) else GradedColumns(graded)
    status, outcome = columns.text("status"), columns.text("outcome")
    answered = (
        status.equals(AnswerStatus.ANSWERED.value)
        & (outcome.codes >= 0)
        & ~outcome.equals(Outcome.NOT_ANSWERED.value)
    )
    task = columns.text("task")
    cluster, item = columns.text("cluster"), columns.text("item_id")
    if (item.codes < 0).any():
        raise DataError(
            f"graded column 'item_id', row {int(item.codes.argmin())}: expected a value in every row; "
            "query the store's 'graded' view"
        )
    return Answers(
        columns=columns,
        rows=np.arange(columns.n, dtype=np.int64),
        task=task,
        status=status,
        outcome=outcome,
        disease=_disease(columns, task),
        item=item.codes,
        cluster=_own_cluster_where_missing(cluster, item),
        correct=columns.flags("correct") & answered,
        answered=answered,
    )


def groups(answers: Answers) -> Iterator[tuple[GroupKey, Answers]]:
    """Answers by model, persona, image condition and order family, by first appearance."""
    columns = answers.columns
    order = columns.text("option_order", default="as_given")
    families = tuple(label.partition(":")[0] for label in order.labels)
    parts = (
        columns.text("model"),
        columns.text("persona", default=""),
        columns.text("image_condition", default="normal"),
        merged(order, families),
    )
    keys = dense(mixed_codes([part.codes for part in parts])[answers.rows])
    first = first_rows(keys)
    # Few groups: 16-bit keys sort by radix, in one pass over the rows.
    small = keys.astype(np.int16) if len(first) < 1 << 15 else keys
    sorted_rows = np.argsort(small, kind="stable")
    bounds = np.concatenate(([0], np.cumsum(np.bincount(keys, minlength=len(first)))))
    for group in np.argsort(first, kind="stable").tolist():
        at = int(answers.rows[first[group]])
        labels = [part.labels[part.codes[at]] if part.codes[at] >= 0 else "" for part in parts]
        yield GroupKey(*labels), answers.take(sorted_rows[bounds[group] : bounds[group + 1]])


def merged(coded: Coded, labels: Sequence[str]) -> Coded:
    """The column with each label replaced; equal new labels become one code."""
    index: dict[str, int] = {}
    lookup = np.array([index.setdefault(label, len(index)) for label in labels] or [0], dtype=np.int64)
    return Coded(np.where(coded.codes < 0, -1, lookup[np.maximum(coded.codes, 0)]), tuple(index))


def mixed_codes(columns: Sequence[IntArray]) -> IntArray:
    """One code per row for the combination of several code columns; dense after each step, so it cannot
    overflow.
    """
    result = np.zeros(len(columns[0]), dtype=np.int64)
    for codes in columns:
        if len(codes) == 0 or codes.min() == codes.max():
            continue
        width = int(codes.max()) + 2
        result = dense(result * width + codes + 1)
    return result


def dense(values: IntArray) -> IntArray:
    """Codes 0, 1, ... in the order of the values."""
    top = int(values.max(initial=0)) + 1
    if top <= 4 * len(values):  # a table is several times quicker than sorting
        present = np.zeros(top, dtype=np.int64)
        present[values] = 1
        return (np.cumsum(present) - 1)[values]
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def first_rows(codes: IntArray) -> IntArray:
    """Where each code occurs first, in the order of the codes."""
    first = np.full(int(codes.max(initial=-1)) + 1, -1, dtype=np.int64)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)  # the last write is the first occurrence
    return first[first >= 0]


def _own_cluster_where_missing(cluster: Coded, item: Coded) -> IntArray:
    """Cluster codes; an answer without a cluster falls back to its item."""
    missing = cluster.codes < 0
    if not missing.any():
        return cluster.codes
    return np.where(missing, len(cluster.labels) + np.maximum(item.codes, 0), cluster.codes)


def _disease(columns: GradedColumns, task: Coded) -> Coded:
    """The label asked for: the `disease` column, for diagnosis the gold option where that is empty."""
    nothing = Coded(np.full(columns.n, -1, dtype=np.int64), ())
    stated = columns.text("disease") if columns.has("disease") else nothing
    open_rows = np.flatnonzero((stated.codes < 0) & task.equals(Task.DIAGNOSIS.value))
    codes, labels = stated.codes, stated.labels
    if len(open_rows) and columns.has("gold"):
        gold = columns.lists("gold", open_rows)
        firsts = gold.firsts()
        codes = codes.copy()
        codes[open_rows] = np.where(firsts < 0, -1, firsts + len(labels))
        labels = (*labels, *gold.labels)
    joined = Coded(codes, labels)
    return merged(joined, [disease_label(label) for label in labels])
