"""A table as distinct rows and kinds of clusters, and draws of them, held against the plain way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinebench.evaluators.agreement.intervals import bootstrap, sample_of
from spinebench.evaluators.agreement.ratings import FloatArray

CELLS = st.sampled_from([1.0, 2.0, 3.0, -1.5, 0.0, np.nan])


@st.composite
def tables(draw: st.DrawFn) -> tuple[FloatArray, list[int]]:
    """Units x raters with missing cells, and the cluster of each unit."""
    n, k = draw(st.integers(1, 25)), draw(st.integers(1, 4))
    rows = draw(st.lists(st.lists(CELLS, min_size=k, max_size=k), min_size=n, max_size=n))
    return np.array(rows), draw(st.lists(st.integers(0, 8), min_size=n, max_size=n))


@given(tables())
def test_distinct_rows_and_kinds_are_numpys_own(table: tuple[FloatArray, list[int]]) -> None:
    values, clusters = table
    found = sample_of(values, np.array(clusters))
    rows, place = np.unique(np.nan_to_num(values, nan=np.inf), axis=0, return_inverse=True)
    assert np.array_equal(np.nan_to_num(found.rows, nan=np.inf), rows)
    held = {
        cluster: np.bincount(place.ravel()[np.array(clusters) == cluster], minlength=len(rows))
        for cluster in sorted(set(clusters))
    }
    assert found.n_clusters == len(held)
    assert np.array_equal(found.base, np.sum(list(held.values()), axis=0))
    if not found.single:
        kinds, multiplicity = np.unique(np.array(list(held.values())), axis=0, return_counts=True)
        assert np.array_equal(found.kinds, kinds)
        assert np.array_equal(found.multiplicity, multiplicity)


@pytest.mark.parametrize("clustered", [False, True], ids=["single units", "clusters"])
def test_draws_are_whole_clusters(clustered: bool) -> None:
    rng = np.random.default_rng(3)
    values = rng.choice([1.0, 2.0, 3.0, np.nan], (60, 3))
    sample = sample_of(values, np.arange(60) // (3 if clustered else 1))
    drawn: list[FloatArray] = []

    def remembered(weights: FloatArray) -> FloatArray:
        drawn.append(weights.copy())
        return np.asarray(weights.sum(axis=1))

    found = bootstrap(remembered, sample, rng=np.random.default_rng(5), n_resamples=500)
    share = sample.multiplicity / sample.n_clusters
    counts = np.random.default_rng(5).multinomial(sample.n_clusters, share, size=500)
    expected = counts if sample.single else counts @ sample.kinds
    assert np.array_equal(np.concatenate(drawn), expected)
    assert np.array_equal(found, expected.sum(axis=1))
