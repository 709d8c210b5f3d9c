"""How often the intervals of corrected means hold the truth, and how wide they are: `--json FILE` keeps the table.

Simulated scores: every model has a mean of its own on a scale of 1 to 5, the clinician's score is a latent quality
plus noise, rounded and cut to the scale, the judge's the same quality plus the model's own bias plus more noise. The
truth is exact: the mean of that rounded and cut distribution. Run with one seed, given; nothing is drawn again.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
from coverage_command import measure_all

from spinebench.evaluators.calibration import Judged, two_phase_means
from spinebench.evaluators.clustered import t_quantile
from spinebench.evaluators.estimate import Interval

VALUES = np.arange(1, 6)
EDGES = np.array([-math.inf, 1.5, 2.5, 3.5, 4.5, math.inf])


@dataclass(frozen=True)
class Setting:
    """One row of the table."""

    labels: int
    """Per model."""
    judged: int
    """Per model, the labelled ones included."""
    models: int
    judge_noise: float
    """Standard deviation of the judge's noise; the clinician's is .5, the quality's .9."""
    shared_images: bool = False
    """The same images for all models, and half of the quality's variance is the image's."""
    uneven: bool = False
    """The judge's noise differs between models by a factor of up to four."""


SETTINGS = (
    Setting(10, 100, 12, 0.3),
    Setting(10, 100, 12, 0.7),
    Setting(10, 100, 12, 1.1),
    Setting(10, 40, 12, 0.7),
    Setting(30, 300, 12, 0.7),
    Setting(10, 100, 3, 0.7),
    Setting(10, 100, 12, 0.7, shared_images=True),
    Setting(10, 100, 12, 0.7, uneven=True),
)


@dataclass
class Tally:
    """Hits and widths of one kind of interval."""

    n: int = 0
    hits: int = 0
    width: float = 0.0

    def add(self, interval: Interval | None, truth: float) -> None:
        if interval is not None:
            self.n += 1
            self.hits += interval.low <= truth <= interval.high
            self.width += interval.high - interval.low


def measure(setting: Setting, replications: int, seed: int) -> dict[str, object]:
    """Coverage and mean width of the pooled interval, the one on a model's own labels, lam 1, and labels alone."""
    rng = np.random.default_rng(seed)
    tallies = {name: Tally() for name in ("pooled", "own", "lambda_1", "labels_alone")}
    correlations = []
    for _ in range(replications):
        models, truths = {}, {}
        image = rng.normal(0, 0.9 * math.sqrt(0.5), setting.judged)
        for number in range(setting.models):
            mean, bias = rng.uniform(2, 4.3), rng.uniform(-0.3, 0.9)
            noise = setting.judge_noise * (2 ** rng.uniform(-1, 1) if setting.uneven else 1.0)
            if setting.shared_images:
                quality = mean + image + rng.normal(0, 0.9 * math.sqrt(0.5), setting.judged)
            else:
                quality = rng.normal(mean, 0.9, setting.judged)
            label = np.clip(np.round(quality + rng.normal(0, 0.5, setting.judged)), 1, 5)
            judge = np.clip(np.round(quality + bias + rng.normal(0, noise, setting.judged)), 1, 5)
            correlations.append(float(np.corrcoef(label, judge)[0, 1]))
            below = [0.5 * math.erfc(-(edge - mean) / math.sqrt(2 * 1.06)) for edge in EDGES]
            key = f"m{number}"
            truths[key] = float(VALUES @ np.diff(below))
            label[setting.labels :] = math.nan
            models[key] = Judged(
                judge=judge,
                label=label,
                weight=np.ones(setting.judged),
                rating_probability=np.full(setting.judged, setting.labels / setting.judged),
                stratum=np.zeros(setting.judged, dtype=np.int64),
                shares={0: 1.0},
                cluster=np.arange(setting.judged),
            )
        pooled, plain = two_phase_means(models), two_phase_means(models, lam=1.0)
        for key, truth in truths.items():
            tallies["pooled"].add(pooled[key].interval, truth)
            tallies["own"].add(next(iter(pooled[key].other_intervals), None), truth)
            tallies["lambda_1"].add(plain[key].interval, truth)
            tallies["labels_alone"].add(labels_alone(models[key].label[: setting.labels]), truth)
    alone = tallies["labels_alone"]
    return {
        **asdict(setting),
        "correlation": float(np.mean(correlations)),
        "intervals": tallies["pooled"].n,
        **{
            name: {
                "coverage": tally.hits / tally.n,
                "width": tally.width / tally.n,
                "narrower_than_labels": 1 - (tally.width / tally.n) / (alone.width / alone.n),
            }
            for name, tally in tallies.items()
        },
    }


def labels_alone(labels: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Interval:
    """The t interval of a plain mean."""
    half = t_quantile(len(labels) - 1, 0.95) * float(labels.std(ddof=1)) / math.sqrt(len(labels))
    mean = float(labels.mean())
    return Interval(low=mean - half, high=mean + half, method="t")


if __name__ == "__main__":
    raise SystemExit(measure_all(SETTINGS, measure, description=__doc__, replications=1000))
