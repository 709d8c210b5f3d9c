"""Do two raters use the scale alike? Tests of equal margins, and the shift between them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from spinebench.evaluators.agreement.kappa import cross_table
from spinebench.evaluators.agreement.ratings import FloatArray, Scale, as_ratings
from spinebench.records import Record


class MarginalTest(Record):
    """A chi-square test that two raters use each value equally often."""

    name: str
    statistic: float | None
    df: int
    p_value: float | None
    n: int
    """Units with both ratings; the test takes them as independent."""
    n_missing: int
    scale: tuple[float, ...]
    reason: str | None = None
    warnings: tuple[str, ...] = ()


class MarginalShift(Record):
    """How often each rater gives each value."""

    scale: tuple[float, ...]
    counts: tuple[tuple[int, ...], ...]
    """First rater in rows, second in columns."""
    first: tuple[float, ...] | None
    """Share of each value; None without units."""
    second: tuple[float, ...] | None
    shift: tuple[float, ...] | None
    """First less second."""
    n: int
    n_missing: int


def stuart_maxwell(ratings: ArrayLike, *, scale: Scale) -> MarginalTest:
    """Stuart's and Maxwell's test of marginal homogeneity (Stuart 1955; Maxwell 1970): d' S^-1 d.

    d are the differences of the margins without the last value, S their covariance under equal margins. Values that
    neither rater gave are left out; df = values given - 1 (less where S is singular). Undefined without units;
    margins that are equal give 0 with p = 1.
    """
    return _test("Stuart-Maxwell", ratings, scale)


def bhapkar(ratings: ArrayLike, *, scale: Scale) -> MarginalTest:
    """Bhapkar's test (1966, J Am Stat Assoc 61:228): as Stuart-Maxwell with the covariance estimated without equal
    margins, which is chi2 / (1 - chi2 / n) (Keefe 1982). Undefined where chi2 = n.
    """
    return _test("Bhapkar", ratings, scale)


def marginal_shift(ratings: ArrayLike, *, scale: Scale) -> MarginalShift:
    """The table of both raters' scores and the shares of each value; only units with both ratings."""
    table = as_ratings(ratings, scale=scale, raters=2)
    assert table.scale is not None
    counts = cross_table(table)
    n = int(counts.sum())
    first, second = (counts.sum(axis=1) / n, counts.sum(axis=0) / n) if n else (None, None)
    return MarginalShift(
        scale=table.scale,
        counts=tuple(tuple(int(cell) for cell in row) for row in counts),
        first=None if first is None else tuple(first.tolist()),
        second=None if second is None else tuple(second.tolist()),
        shift=None if first is None or second is None else tuple((first - second).tolist()),
        n=n,
        n_missing=table.n_missing,
    )


def _test(name: str, ratings: ArrayLike, scale: Scale) -> MarginalTest:
    from scipy.special import chdtrc

    table = as_ratings(ratings, scale=scale, raters=2)
    assert table.scale is not None
    counts = cross_table(table)
    n = int(counts.sum())

    def result(
        statistic: float | None, df: int, reason: str | None = None, warnings: tuple[str, ...] = ()
    ) -> MarginalTest:
        assert table.scale is not None
        p = None if statistic is None else float(chdtrc(df, statistic)) if df else 1.0
        return MarginalTest(
            name=name, statistic=statistic, df=df, p_value=p, n=n, n_missing=table.n_missing, scale=table.scale,
            reason=reason, warnings=warnings,
        )  # fmt: skip

    if n == 0:
        return result(None, 0, "no unit has two ratings")
    given = (counts.sum(axis=0) + counts.sum(axis=1)) > 0
    counts = counts[given][:, given]
    if len(counts) < 2:
        return result(None, 0, "both raters gave one and the same score throughout")
    difference, covariance = _margins(counts)
    df = int(np.linalg.matrix_rank(covariance))
    notes = () if df == len(covariance) else (f"singular covariance: {df} degrees of freedom",)
    if not np.any(difference):
        return result(0.0, len(covariance))
    statistic = float(difference @ np.linalg.pinv(covariance) @ difference)
    if name == "Stuart-Maxwell":
        return result(statistic, df, warnings=notes)
    if statistic >= n - 1e-9:
        return result(None, df, "every pair differs in the same direction: the covariance is 0")
    return result(statistic / (1 - statistic / n), df, warnings=notes)


def _margins(counts: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Differences of the margins and their covariance, without the last value."""
    rows, columns = counts.sum(axis=1), counts.sum(axis=0)
    covariance = -(counts + counts.T)
    np.fill_diagonal(covariance, rows + columns - 2 * np.diag(counts))
    return (rows - columns)[:-1], covariance[:-1, :-1]
