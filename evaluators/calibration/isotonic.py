"""Isotonic calibration: what a clinician says, on average, where the judge says this much."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from spinebench.errors import UsageError
from spinebench.evaluators.calibration.ppi import ppi_sample
from spinebench.evaluators.clustered import FloatArray, IntArray
from spinebench.records import Record

MIN_LABELS = 60
"""Below, the curve follows the noise of single labels."""


class IsotonicCalibration(Record):
    """A rising step curve from judge to clinician scores, and how well it does on labels it was not fitted on.

    Without a curve `reason` says why.
    """

    reason: str | None
    judge_scores: tuple[float, ...] = ()
    """Knots: the judge scores that occur, ascending."""
    calibrated: tuple[float, ...] = ()
    """The curve at the knots, from all labels."""
    out_of_fold: tuple[float, ...] = ()
    """Calibrated score of each labelled unit, from a curve fitted without its fold."""
    n: int
    """Labels."""
    n_folds: int | None = None
    rmse_judge: float | None = None
    """Root mean squared difference of judge and label."""
    rmse_out_of_fold: float | None = None
    """The same for the calibrated score, out of fold."""
    seed: int | None = None

    def at(self, judge: ArrayLike) -> FloatArray:
        """The curve at other judge scores: linear between knots, level beyond the outermost. Raises `UsageError`
        without a curve.
        """
        if self.reason is not None:
            raise UsageError(f"calibration curve: expected one, but {self.reason}; use the rectified mean")
        return np.interp(np.asarray(judge, dtype=np.float64), self.judge_scores, self.calibrated)


def isotonic(
    labels: ArrayLike,
    judge: ArrayLike,
    *,
    seed: int,
    weights: ArrayLike | None = None,
    clusters: Sequence[object] | None = None,
    folds: int = 5,
) -> IsotonicCalibration:
    """Isotonic regression of labels on judge scores by pooling adjacent violators (Barlow, Bartholomew, Bremner and
    Brunk 1972; Zadrozny and Elkan 2002 for calibration); equal judge scores share one value.

    Out-of-fold values come from `folds` random parts that keep clusters together, drawn with `seed`. Refused, with
    a reason, below 60 labels, for a constant judge, and for fewer clusters than folds.
    """
    sample = ppi_sample(labels, judge, (), weights=weights, clusters=clusters)
    y, f = sample.labels, sample.judge_on_labelled
    n = len(y)
    if folds < 2:
        raise UsageError(f"folds {folds!r}: expected 2 or more; 5 is usual")
    if n < MIN_LABELS:
        return IsotonicCalibration(
            reason=f"{n} labels, fewer than the {MIN_LABELS} a calibration curve needs", n=n
        )
    if np.ptp(f) == 0:
        return IsotonicCalibration(reason="the judge gives all labelled units the same score", n=n)
    units: IntArray = sample.clusters if sample.clusters is not None else np.arange(n)
    n_units = int(units.max()) + 1
    if n_units < folds:
        return IsotonicCalibration(reason=f"{n_units} clusters, fewer than {folds} folds", n=n)
    w = sample.weights if sample.weights is not None else np.ones(n)
    part = (np.random.default_rng(seed).permutation(n_units) % folds)[units]
    held_out = np.empty(n)
    for fold in range(folds):
        inside, outside = part == fold, part != fold
        knots, curve = _fit(y[outside], f[outside], w[outside])
        held_out[inside] = np.interp(f[inside], knots, curve)
    knots, curve = _fit(y, f, w)
    return IsotonicCalibration(
        reason=None,
        judge_scores=tuple(knots.tolist()),
        calibrated=tuple(curve.tolist()),
        out_of_fold=tuple(held_out.tolist()),
        n=n,
        n_folds=folds,
        rmse_judge=math.sqrt(float(np.average(np.square(y - f), weights=w))),
        rmse_out_of_fold=math.sqrt(float(np.average(np.square(y - held_out), weights=w))),
        seed=seed,
    )


def _fit(y: FloatArray, f: FloatArray, w: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Judge scores that occur and the curve at them: weighted means per score, then adjacent violators pooled."""
    from scipy.optimize import isotonic_regression

    knots, place = np.unique(f, return_inverse=True)
    weight = np.bincount(place, weights=w)
    means = np.bincount(place, weights=w * y) / weight
    return knots, np.asarray(isotonic_regression(means, weights=weight).x, dtype=np.float64)
