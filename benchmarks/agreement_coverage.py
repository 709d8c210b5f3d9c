"""How often the intervals of agreement coefficients hold the truth: `--json FILE` keeps the table.

Simulated scores: images of one to three traces, half of the quality's variance is the image's; each of three raters
sees the quality with a noise and a severity of their own, and cuts it into the values of the scale. The truth is the
coefficient of one very large table made in the same way. Run with one seed, given; nothing is drawn again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
from coverage_command import measure_all

from spinebench.evaluators.agreement import Agreement, gwet_ac, icc, krippendorff_alpha, weighted_kappa
from spinebench.evaluators.clustered import FloatArray, IntArray

SEVERITY = np.array([0.0, 0.25, -0.25])


@dataclass(frozen=True)
class Setting:
    """One row of the table."""

    clusters: int
    scale: tuple[int, ...]
    cuts: tuple[float, ...]
    """Of the quality with noise, between the values of the scale."""
    noise: float = 0.6
    """Standard deviation of a rater's noise; the quality's is 1."""


SKEWED, EVEN = (-1.5, -0.6), (-1.2, -0.4, 0.4, 1.2)
SETTINGS = tuple(
    Setting(clusters, scale, cuts)
    for clusters in (10, 15, 30, 60)
    for scale, cuts in (((1, 3, 5), SKEWED), ((1, 2, 3, 4, 5), EVEN))
)

Figure = Callable[[FloatArray, Setting, IntArray | None], Agreement]


def _options(clusters: IntArray | None) -> dict[str, object]:
    return (
        {"interval": None} if clusters is None else {"clusters": clusters.tolist(), "interval": "jackknife"}
    )


FIGURES: dict[str, Figure] = {
    "alpha": lambda x, s, c: krippendorff_alpha(x, scale=s.scale, **_options(c)),  # type: ignore[arg-type]
    "kappa": lambda x, s, c: weighted_kappa(x[:, :2], scale=s.scale, **_options(c)),  # type: ignore[arg-type]
    "ac2": lambda x, s, c: gwet_ac(x, scale=s.scale, **_options(c)),  # type: ignore[arg-type]
    "icc": lambda x, s, c: icc(x, scale=s.scale, **_options(c)),  # type: ignore[arg-type]
}


def draw(setting: Setting, clusters: int, rng: np.random.Generator) -> tuple[FloatArray, IntArray]:
    """Traces x raters, and each trace's image."""
    codes = np.repeat(np.arange(clusters), rng.integers(1, 4, clusters))
    quality = rng.normal(0, math.sqrt(0.5), clusters)[codes] + rng.normal(0, math.sqrt(0.5), len(codes))
    seen = quality[:, None] + SEVERITY + rng.normal(0, setting.noise, (len(codes), len(SEVERITY)))
    return np.asarray(setting.scale, dtype=np.float64)[np.searchsorted(setting.cuts, seen)], codes


def measure(setting: Setting, replications: int, seed: int) -> dict[str, object]:
    """Coverage and mean width per coefficient; intervals that are refused are counted apart."""
    rng = np.random.default_rng(seed)
    large, _ = draw(setting, 200_000, rng)
    truth = {name: figure(large, setting, None).value for name, figure in FIGURES.items()}
    hits = dict.fromkeys(FIGURES, 0)
    given, width = dict.fromkeys(FIGURES, 0), dict.fromkeys(FIGURES, 0.0)
    for _ in range(replications):
        table, codes = draw(setting, setting.clusters, rng)
        for name, figure in FIGURES.items():
            interval, true = figure(table, setting, codes).interval, truth[name]
            if interval is not None and true is not None:
                given[name] += 1
                hits[name] += interval.low <= true <= interval.high
                width[name] += interval.high - interval.low
    return {
        **asdict(setting),
        **{
            name: {
                "truth": truth[name],
                "intervals": given[name],
                "coverage": hits[name] / given[name],
                "width": width[name] / given[name],
            }
            for name in FIGURES
        },
    }


if __name__ == "__main__":
    raise SystemExit(measure_all(SETTINGS, measure, description=__doc__, replications=2000))
