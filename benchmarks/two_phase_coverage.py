"""How often intervals of corrected figures hold the truth where traces are rated for a reason: `--json FILE` keeps it.

Simulated scores: images of one to three traces, the same for all models, half of the quality's variance the image's.
Answers are right more often where the reasoning is good; right answers that the judge scores 1 or 2 are rated for
sure, 30 % of the others by chance. The truth is the mean over 200,000 further images. Run with one seed, given;
nothing is drawn again.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
from coverage_command import measure_all

from spinebench.evaluators.calibration import Judged, two_phase_means
from spinebench.evaluators.clustered import FloatArray
from spinebench.evaluators.proportions import Bounds

RANDOM_SHARE = 0.3


@dataclass(frozen=True)
class Setting:
    """One row of the table."""

    models: int
    images: int
    skewed: bool = False
    """Scores 1, 3 and 5 only, most of them 5."""
    share: bool = False
    """Of scores of 1 or 2, instead of the mean score."""


SETTINGS = (
    Setting(6, 12),
    Setting(12, 12),
    Setting(6, 25),
    Setting(6, 50),
    Setting(6, 25, skewed=True),
    Setting(6, 25, share=True),
    Setting(6, 50, share=True),
)


def draw(
    setting: Setting, images: int, mean: float, bias: float, rng: np.random.Generator
) -> tuple[Judged, FloatArray]:
    """The judged traces of one model, and what clinicians would say of all of them."""
    codes = np.repeat(np.arange(images), rng.integers(1, 4, images))
    n = len(codes)
    quality = mean + 0.9 * math.sqrt(0.5) * (rng.normal(size=images)[codes] + rng.normal(size=n))
    right = rng.random(n) < 1 / (1 + np.exp(3 - quality))
    label = _scored(quality + rng.normal(0, 0.5, n), setting)
    judge = _scored(quality + bias + rng.normal(0, 0.7, n), setting)
    probability = np.where(right & (judge <= 2), 1.0, RANDOM_SHARE)
    if setting.share:
        label, judge = (label <= 2).astype(np.float64), (judge <= 2).astype(np.float64)
    judged = Judged(
        judge=judge,
        label=np.where(rng.random(n) < probability, label, np.nan),
        weight=np.ones(n),
        rating_probability=probability,
        stratum=np.zeros(n, dtype=np.int64),
        shares={0: 1.0},
        cluster=codes,
        kind=right.astype(np.int64),
    )
    return judged, label


def _scored(values: FloatArray, setting: Setting) -> FloatArray:
    if setting.skewed:
        return np.array([1.0, 3.0, 5.0])[np.searchsorted((2.5, 3.5), values)]
    return np.clip(np.round(values), 1, 5)


def measure(setting: Setting, replications: int, seed: int) -> dict[str, object]:
    """Coverage of the pooled interval and of the one on a model's own labels."""
    rng = np.random.default_rng(seed)
    low, high = (3.6, 4.6) if setting.skewed else (2.5, 4.2)
    planted = {
        f"m{number}": (rng.uniform(low, high), rng.uniform(-0.2, 0.9)) for number in range(setting.models)
    }
    truth = {key: float(draw(setting, 200_000, *one, rng)[1].mean()) for key, one in planted.items()}
    limits = Bounds(0, 1) if setting.share else Bounds(1, 5)
    given = hits = own_given = own_hits = labels = 0
    for _ in range(replications):
        samples = {key: draw(setting, setting.images, *one, rng)[0] for key, one in planted.items()}
        for key, found in two_phase_means(samples, limits=limits).items():
            labels += found.n
            if found.interval is not None:
                given += 1
                hits += found.interval.low <= truth[key] <= found.interval.high
            for own in found.other_intervals:
                if own.method.endswith("own labels"):
                    own_given += 1
                    own_hits += own.low <= truth[key] <= own.high
    return {
        **asdict(setting),
        "labels_per_model": labels / replications / setting.models,
        "intervals": given,
        "truths": truth,
        "coverage": hits / given,
        "coverage_own_labels": own_hits / own_given,
    }


if __name__ == "__main__":
    raise SystemExit(measure_all(SETTINGS, measure, description=__doc__, replications=500))
