"""Corrected means of an audit's sample, pooled over the models of a task."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from spinebench.evaluators.calibration import Judged, ppi_mean, two_phase_means
from spinebench.evaluators.proportions import Bounds
from tests.audit_samples import drawn_audit


def simple(judge: Sequence[float], label: Sequence[float], **changes: object) -> Judged:
    """A simple random sample, the labelled traces a random part of it; `label` is NaN for the others."""
    n = len(judge)
    rated = sum(math.isfinite(one) for one in label)
    given = {
        "judge": np.array(judge, dtype=float),
        "label": np.array(label, dtype=float),
        "weight": np.ones(n),
        "rating_probability": np.full(n, max(rated, 1) / max(n, 1)),
        "stratum": np.zeros(n, dtype=np.int64),
        "shares": {0: 1.0},
        "cluster": np.arange(n),
    }
    return Judged(**(given | changes))  # type: ignore[arg-type]


NAN = math.nan


@pytest.mark.parametrize("lam", [0.0, 0.5, 1.0])
def test_of_a_simple_random_sample_it_is_the_plain_form(lam: float) -> None:
    labels, on_labelled = [5, 3, 5, 1, 3, 5, 5, 3, 1, 5], [5, 3, 3, 1, 3, 5, 3, 3, 1, 3]
    others = [5, 5, 3, 3, 3, 1, 1, 3, 5, 3, 3, 5, 1, 3, 3, 3, 5, 5, 1, 3]
    plain = ppi_mean(labels, on_labelled, others, lam=lam, judge_mean="all")
    sample = simple([*on_labelled, *others], [*labels, *[NAN] * 20])
    found = two_phase_means({"model": sample}, lam=lam)["model"]
    assert found.value == pytest.approx(plain.value)
    # The judge's variance is taken over all thirty in place of the twenty.
    assert found.se == pytest.approx(plain.se, rel=0.01)


def test_all_rated_is_the_labels_mean_whatever_the_judge_says() -> None:
    found = two_phase_means({"model": simple([1, 5, 2, 5], [3, 4, 4, 5])}, lam=1.0)["model"]
    assert found.value == pytest.approx(4)
    assert found.se == pytest.approx(math.sqrt(2 / 3 / 4))  # s^2 = 2 / 3 over 4
    assert any("labels stand alone" in warning for warning in found.warnings)


def test_reasons_and_chance_are_weighed_by_their_probabilities() -> None:
    # Two traces rated for a reason (differences -2, -2), one of four others by chance (difference 0):
    # rectifier (2 * -2 + 4 * 0) / 6 = -2 / 3 in place of the plain mean -4 / 3. Judge: mean 4.
    sample = simple(
        [4, 4, 4, 4, 4, 4],
        [2, 2, 4, NAN, NAN, NAN],
        rating_probability=np.array([1, 1, 0.25, 0.25, 0.25, 0.25]),
    )
    found = two_phase_means({"model": sample}, lam=1.0)["model"]
    assert found.value == pytest.approx(4 - 2 / 3)


def test_strata_count_by_their_share_of_the_frame() -> None:
    # statistics.md's toy: 800 correct with mean 4.6, 200 wrong with 2.2, five drawn and rated of each: 4.12.
    sample = simple(
        [5] * 5 + [3] * 5,
        [5, 5, 4, 5, 4, 2, 2, 3, 2, 2],
        stratum=np.repeat([0, 1], 5),
        shares={0: 800.0, 1: 200.0},
    )
    assert two_phase_means({"model": sample}, lam=1.0)["model"].value == pytest.approx(4.12)


def test_an_unrated_stratum_takes_the_others_rectifier_and_says_so() -> None:
    # Judge .8 * 4 + .2 * 2 = 3.6; rectifier of the rated stratum -1 for both.
    sample = simple(
        [4, 4, 4, 2, 2],
        [3, 3, NAN, NAN, NAN],
        stratum=np.array([0, 0, 0, 1, 1]),
        shares={0: 0.8, 1: 0.2},
    )
    found = two_phase_means({"model": sample}, lam=1.0)["model"]
    assert found.value == pytest.approx(2.6)
    assert any("20 % of the frame" in warning for warning in found.warnings)


def test_models_share_lambda_and_variance_but_not_their_rectifier() -> None:
    rng = np.random.default_rng(5)
    models = {}
    for number in range(6):
        quality = rng.normal(3, 1, 60)
        label = np.where(np.arange(60) < 10, quality + rng.normal(0, 0.5, 60), NAN)
        models[f"m{number}"] = simple(list(quality + number), list(label))
    found = two_phase_means(models)
    assert len({one.lam for one in found.values()}) == 1
    assert {one.variance_from for one in found.values()} == {"60 labels of 6 models"}
    # A judge that is too lenient by 0, 1 ... 5 leaves no trace in the corrected means.
    assert all(one.value == pytest.approx(3, abs=0.8) for one in found.values())
    assert all(one.other_intervals for one in found.values())


def test_a_model_that_scatters_more_is_told_apart() -> None:
    rng = np.random.default_rng(6)
    models = {}
    for number in range(8):
        quality = rng.normal(3, 1, 80)
        noise = rng.normal(0, 3.0 if number == 0 else 0.3, 80)
        models[f"m{number}"] = simple(list(quality), list(np.where(np.arange(80) < 12, quality + noise, NAN)))
    found = two_phase_means(models)
    noted = [key for key, one in found.items() if any("scatter more" in warning for warning in one.warnings)]
    assert noted == ["m0"]
    own, shared = found["m0"].other_intervals[0], found["m0"].interval
    assert shared is not None
    assert own.high - own.low > shared.high - shared.low


def test_lambda_is_1_on_the_labels_of_one_model() -> None:
    rng = np.random.default_rng(7)
    quality = rng.normal(3, 1, 90)
    one = simple(list(quality), list(np.where(np.arange(90) < 40, quality * 0.5, NAN)))
    none = simple([3.0, 4.0], [NAN, NAN])
    found = two_phase_means({"rated": one, "unrated": none})
    assert found["rated"].lam == 1
    assert found["unrated"].value is None
    assert found["unrated"].reason is not None
    assert "no labels" in found["unrated"].reason


def test_traces_of_one_image_widen_the_interval() -> None:
    rng = np.random.default_rng(9)
    image = np.repeat(np.arange(20), 4)
    quality = rng.normal(3, 1, 20)[image]
    label = np.where(image < 10, quality + rng.normal(0, 1, 20)[image], NAN)
    apart = two_phase_means({"m": simple(list(quality), list(label))})["m"]
    together = two_phase_means({"m": simple(list(quality), list(label), cluster=image)})["m"]
    assert apart.se is not None
    assert together.se is not None
    assert together.se == pytest.approx(
        2 * apart.se, rel=0.15
    )  # four alike: half as many units, twice the error
    assert together.n_clusters == 10


@pytest.mark.parametrize(
    ("judge", "label", "value", "says"),
    [
        ([], [], None, "no traces"),
        ([3, 4], [NAN, NAN], None, "no labels"),
        ([3, 4, 3], [2, NAN, NAN], 7 / 3, "no interval"),
        ([3, 3, 3, 3], [3, 3, NAN, NAN], 3.0, "number of labels alone"),
        ([5, 5, 1, 1], [1, 1, NAN, NAN], -1.0, "off the scale"),
    ],
    ids=["nothing", "no labels", "one label", "all the same", "off the scale"],
)
def test_degenerate_samples(judge: list[float], label: list[float], value: float | None, says: str) -> None:
    found = two_phase_means({"m": simple(judge, label)}, lam=1.0, limits=Bounds(1, 5))["m"]
    assert found.value == (None if value is None else pytest.approx(value))
    assert says in f"{found.reason} {found.warnings}"


def test_intervals_end_where_the_scale_does() -> None:
    sample = simple([4, 5, 4, 5, 5, 4, 3, 5], [5, 4, 5, 5, NAN, NAN, NAN, NAN])
    free = two_phase_means({"m": sample}, lam=1.0)["m"]
    found = two_phase_means({"m": sample}, lam=1.0, limits=Bounds(1, 5))["m"]
    assert free.interval is not None
    assert free.interval.high > 5
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == (free.interval.low, 5)
    assert found.other_intervals[-1].high == free.interval.high
    assert found.value == free.value


def covered(rng: np.random.Generator, replications: int) -> tuple[float, float, float]:
    """Coverage of the pooled interval, of the labels alone, and the ratio of their mean widths, for 12 models.

    Each model has its own mean on 1..5 and its own judge bias; 100 judged traces, 10 of them rated at random. The
    truth is the mean of the rounded, cut normal distribution that labels are drawn from.
    """
    values = np.arange(1, 6)
    hits = alone = 0
    width = width_alone = 0.0
    for _ in range(replications):
        models, truth = {}, {}
        for number in range(12):
            mean, bias = rng.uniform(2, 4.3), rng.uniform(-0.3, 0.9)
            quality = rng.normal(mean, 0.9, 100)
            label = np.clip(np.round(quality + rng.normal(0, 0.5, 100)), 1, 5)
            judge = np.clip(np.round(quality + bias + rng.normal(0, 0.7, 100)), 1, 5)
            edges = np.array([-math.inf, 1.5, 2.5, 3.5, 4.5, math.inf])
            below = [0.5 * math.erfc(-(edge - mean) / math.sqrt(2 * (0.81 + 0.25))) for edge in edges]
            truth[f"m{number}"] = float(values @ np.diff(below))
            models[f"m{number}"] = simple(list(judge), [*label[:10], *[NAN] * 90])
            half = 2.2621572 * float(label[:10].std(ddof=1)) / math.sqrt(10)
            alone += abs(float(label[:10].mean()) - truth[f"m{number}"]) <= half
            width_alone += 2 * half
        for key, one in two_phase_means(models).items():
            assert one.interval is not None
            hits += one.interval.low <= truth[key] <= one.interval.high
            width += one.interval.high - one.interval.low
    n = 12 * replications
    return hits / n, alone / n, width / width_alone


def test_coverage_at_ten_labels_of_twelve_models() -> None:
    """3,600 intervals: the standard error of a coverage of .90 is .005, so that a true .90 would fail."""
    coverage, _, ratio = covered(np.random.default_rng(20261121), 300)
    assert coverage >= 0.92
    assert coverage <= 0.98
    assert ratio < 0.9  # narrower than the labels alone


def test_coverage_of_stratified_two_phase_samples() -> None:
    """Equal numbers from strata of unequal size, right answers with a low score rated for sure, the rest by chance:
    most of 500 intervals of corrected means hold the frame's mean; of the judge's own, less than half as many do, and
    of the unweighted means of labels less than half as many are within .2 of it.
    """
    from spinebench.evaluators.calibration import calibration_report

    hits = raw = in_sample = n = 0
    for seed in range(50):
        drawn = drawn_audit(seed, n_models=10, per_stratum=20)
        for model in calibration_report(drawn.rows).models:
            truth = drawn.mean[model.model]
            assert model.corrected.interval is not None
            assert model.judge.interval is not None
            hits += model.corrected.interval.low <= truth <= model.corrected.interval.high
            raw += model.judge.interval.low <= truth <= model.judge.interval.high
            assert model.in_sample_clinicians.value is not None
            in_sample += abs(model.in_sample_clinicians.value - truth) < 0.2
            n += 1
    assert n == 500
    assert hits / n >= 0.92
    assert raw < hits / 2
    assert in_sample < hits / 2
