"""Jaccard, F1, precision and recall of a table of right options, averaged in three ways."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from spinebench.errors import UsageError
from spinebench.records import Record

Average = Literal["samples", "macro", "micro"]


class SetAverages(Record):
    """Averages over items (`samples`), over options (`macro`) or of pooled counts (`micro`)."""

    average: Average
    precision: float | None
    recall: float | None
    f1: float | None
    jaccard: float | None
    n_items: int
    n_options: int


def averages(gold: ArrayLike, chosen: ArrayLike, *, average: Average, empty: float = 1.0) -> SetAverages:
    """Averages over two 0/1 tables of items x options.

    `empty` is the score of a row (or column, or table) with nothing gold and nothing chosen: 1 here, 0 in
    scikit-learn. With one side empty precision, recall, F1 and Jaccard are 0. No rows or no columns: None.
    """
    truth, answer = np.asarray(gold, dtype=bool), np.asarray(chosen, dtype=bool)
    if truth.ndim != 2 or truth.shape != answer.shape:
        raise UsageError(
            f"tables of shapes {truth.shape!r} and {answer.shape!r}: expected two tables items x options "
            "of one shape; give one row per item"
        )
    if average not in ("samples", "macro", "micro"):
        raise UsageError(f"average {average!r}: expected 'samples', 'macro' or 'micro'; name one of them")
    n_items, n_options = truth.shape
    if not truth.size:
        return SetAverages(
            average=average,
            precision=None,
            recall=None,
            f1=None,
            jaccard=None,
            n_items=n_items,
            n_options=n_options,
        )
    axis = {"samples": 1, "macro": 0, "micro": None}[average]
    hits = np.atleast_1d((truth & answer).sum(axis=axis)).astype(float)
    named = np.atleast_1d(answer.sum(axis=axis)).astype(float)
    right = np.atleast_1d(truth.sum(axis=axis)).astype(float)

    def mean_ratio(top: np.ndarray, bottom: np.ndarray) -> float:
        ratio = np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)
        return float(np.where(named + right == 0, empty, ratio).mean())

    return SetAverages(
        average=average,
        precision=mean_ratio(hits, named),
        recall=mean_ratio(hits, right),
        f1=mean_ratio(2 * hits, named + right),
        jaccard=mean_ratio(hits, named + right - hits),
        n_items=n_items,
        n_options=n_options,
    )
