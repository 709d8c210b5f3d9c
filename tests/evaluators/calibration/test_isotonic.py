"""Isotonic calibration."""

from __future__ import annotations

import numpy as np
import pytest

from spinebench.errors import UsageError
from spinebench.evaluators.calibration import isotonic


def test_by_hand() -> None:
    # Mean label per judge score 1, 2, 3: 1, 3, 2, twenty each; 3 > 2 are pooled to 2.5.
    found = isotonic([1] * 20 + [3] * 20 + [2] * 20, [1] * 20 + [2] * 20 + [3] * 20, seed=1)
    assert found.reason is None
    assert list(found.judge_scores) == [1, 2, 3]
    assert found.calibrated == pytest.approx((1, 2.5, 2.5))
    assert found.at([0, 1.5, 9]) == pytest.approx([1, 1.75, 2.5])


def test_weights_count() -> None:
    weights = [1] * 20 + [1] * 20 + [3] * 20
    found = isotonic([1] * 20 + [3] * 20 + [2] * 20, [1] * 20 + [2] * 20 + [3] * 20, weights=weights, seed=1)
    assert found.calibrated == pytest.approx((1, 2.25, 2.25))  # (3 + 3 * 2) / 4


def test_it_takes_a_bias_out_and_says_so_out_of_fold() -> None:
    rng = np.random.default_rng(3)
    label = rng.integers(1, 5, 200).astype(float)
    judge = np.clip(label + 1 + (rng.random(200) < 0.2), 1, 5)
    found = isotonic(label, judge, seed=5)
    assert found.rmse_judge is not None
    assert found.rmse_out_of_fold is not None
    assert found.rmse_out_of_fold < 0.6 * found.rmse_judge
    assert list(found.calibrated) == sorted(found.calibrated)


def test_on_noise_the_out_of_fold_error_is_that_of_the_mean() -> None:
    """A curve fitted on all labels would look better than the mean; held out it must not."""
    rng = np.random.default_rng(8)
    label, judge = rng.integers(1, 6, 80).astype(float), rng.normal(size=80)
    found = isotonic(label, judge, seed=5)
    assert found.rmse_out_of_fold is not None
    assert found.rmse_out_of_fold > 0.98 * float(np.std(label))
    fitted = float(np.sqrt(np.mean(np.square(label - found.at(judge)))))
    assert fitted < float(np.std(label))


def test_clusters_stay_in_one_fold() -> None:
    """Labels equal within a cluster and judge scores unique to it: a held-out cluster cannot be looked up."""
    rng = np.random.default_rng(1)
    cluster = np.repeat(np.arange(20), 5)
    label, judge = rng.integers(1, 6, 20).astype(float)[cluster], rng.normal(size=20)[cluster]
    apart = isotonic(label, judge, clusters=list(cluster), seed=2)
    mixed = isotonic(label, judge, seed=2)
    assert apart.rmse_out_of_fold is not None
    assert mixed.rmse_out_of_fold is not None
    assert apart.rmse_out_of_fold > mixed.rmse_out_of_fold


def test_the_same_seed_gives_the_same_folds() -> None:
    rng = np.random.default_rng(1)
    label, judge = rng.integers(1, 6, 70), rng.integers(1, 6, 70)
    assert isotonic(label, judge, seed=3) == isotonic(label, judge, seed=3)
    assert isotonic(label, judge, seed=3).out_of_fold != isotonic(label, judge, seed=4).out_of_fold


@pytest.mark.parametrize(
    ("n", "judge", "clusters", "reason"),
    [
        (59, None, None, "59 labels"),
        (0, None, None, "0 labels"),
        (60, [3.0] * 60, None, "same score"),
        (60, None, ["a", "b", "c"] * 20, "3 clusters"),
    ],
    ids=["59", "none", "constant judge", "few clusters"],
)
def test_refused_with_a_reason(
    n: int, judge: list[float] | None, clusters: list[str] | None, reason: str
) -> None:
    found = isotonic([1.0 + i % 5 for i in range(n)], judge or list(range(n)), clusters=clusters, seed=0)
    assert found.reason is not None
    assert reason in found.reason
    with pytest.raises(UsageError, match="curve"):
        found.at([3])
