"""Correlations planted between a simulated judge and simulated clinicians, dimension by dimension of a report, come out
of a whole audit again. What is expected is simulated here by numpy alone, from the rates written below.

Intervals are taken at 99 %. Some thirty are looked at, so about one seed in four misses one of them by chance: with
seed 3 of the audit the bias of `rel` is missed. The seed is fixed, so that every run of the test draws the same.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

import spinebench
from spinebench.audits.plan import audit_plan_of
from spinebench.audits.prepare import prepare_audit
from spinebench.audits.rows import audit_rows
from spinebench.audits.sitting import audit_through
from spinebench.errors import UsageError
from spinebench.evaluators.agreement import AgreementReport, agreement_report
from spinebench.evaluators.audit_rows import AuditRows
from spinebench.evaluators.calibration import calibration_report
from spinebench.evaluators.estimate import Interval
from spinebench.rating.locking import lock_ratings
from spinebench.runs.plan import plan_of
from spinebench.runs.prepare import prepare_run
from spinebench.runs.sitting import sit_through
from spinebench.store import Workspace
from tests.simulated_audits import AT, rate
from tests.written_exams import PLAIN, report_items, write_items

Scores: TypeAlias = NDArray[np.float64]

JUDGE = "sim/judge-accurate"
DEPARTURES: dict[str, dict[str, float]] = {
    "ir": {"noise": 0.0},
    "dgn": {"noise": 1.0},
    "pg": {"noise": 0.1},
    "ebp": {"noise": 1.0, "harsher": 0.4, "milder": 0.4},
    "tf": {"noise": 0.2, "milder": 0.9},
    "rpm": {"noise": 0.9, "harsher": 0.3, "milder": 0.3},
    "cov": {"noise": 0.0, "harsher": 0.1},
    "rel": {"noise": 0.8},
    "gra": {"noise": 0.1, "harsher": 0.8},
    "exp": {"noise": 1.0, "harsher": 0.5, "milder": 0.5},
}
"""Dimension -> how the judge departs from the truth there."""
CLINICIANS = (
    {"noise": 0.20},
    {"noise": 0.20, "harsher": 0.25},
    {"noise": 0.25, "milder": 0.25},
)
"""The three of the demo; two of them, drawn at random, rate a report."""
CANNOT_ASSESS = (0.02, 0.02, 0.03)
QUALITY = (0.12, 0.20, 0.26, 0.24, 0.18)
STEP = 0.15
N = 60_000
LEVEL = 0.99


def votes(truth: Scores, rng: np.random.Generator, **rates: float) -> Scores:
    """Truth, a step down or up by leaning, a step either way by noise, cut off at the ends of the scale."""
    lean, slip = rng.random(truth.shape), rng.random(truth.shape)
    up, down, noise = rates.get("milder", 0.0), rates.get("harsher", 0.0), rates.get("noise", 0.0)
    leaning = (lean >= 1 - up).astype(int) - (lean < down).astype(int)
    slipping = (slip >= 1 - noise / 2).astype(int) - (slip < noise / 2).astype(int)
    return np.asarray(np.clip(truth + leaning + slipping, 1, 5), dtype=np.float64)


class Planted:
    """A large sample of the planted model: traces x dimensions, and traces x dimensions x clinicians."""

    def __init__(self) -> None:
        rng = np.random.default_rng(20261121)
        quality = rng.choice(5, size=(N, 1), p=QUALITY)
        u = rng.random((N, len(DEPARTURES)))
        step = (u >= 1 - STEP).astype(int) - (u < STEP).astype(int)
        truth = 1.0 + np.clip(quality + step, 0, 4)
        self.judge = np.stack(
            [votes(truth[:, place], rng, **rates) for place, rates in enumerate(DEPARTURES.values())], axis=1
        )
        self.clinicians = np.stack([votes(truth, rng, **rates) for rates in CLINICIANS], axis=2)
        away = rng.integers(0, 3, N)
        rated = self.clinicians.copy()
        rated[np.arange(N), :, away] = np.nan
        rated[rng.random(rated.shape) < np.array(CANNOT_ASSESS)] = np.nan
        self.known: NDArray[np.bool_] = np.asarray(~np.isnan(rated).all(axis=2))
        self.means = np.nanmean(np.where(self.known[:, :, None], rated, 3.0), axis=2)

    def pearson(self, place: int) -> float:
        known = self.known[:, place]
        return float(np.corrcoef(self.judge[known, place], self.means[known, place])[0, 1])

    def bias(self, place: int) -> float:
        known = self.known[:, place]
        return float((self.judge - self.means)[known, place].mean())

    def total_icc(self) -> float:
        """ICC(A,1) of two raters of many units: twice the covariance over both variances and the squared shift."""
        judge, totals = self.judge.mean(axis=1), self.clinicians.mean(axis=1)
        found = [
            2 * np.cov(judge, one)[0, 1]
            / (np.var(judge) + np.var(one) + (judge.mean() - one.mean()) ** 2)
            for one in totals.T
        ]  # fmt: skip
        return float(np.mean(found))


@pytest.fixture(scope="module")
def planted() -> Planted:
    return Planted()


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> AuditRows:
    return audited(tmp_path_factory.mktemp("correlations"), seed=5)


def audited(folder: Path, *, seed: int) -> AuditRows:
    """300 reports, all judged, all rated by two of three clinicians, locked."""
    workspace = Workspace(folder / "workspace")
    benchmark = write_items(folder / "reports.jsonl", report_items(300))
    exam = plan_of(
        {"benchmark": str(benchmark), "models": [{"name": "sim/careful", "args": PLAIN}], "seed": 11}
    )
    asyncio.run(sit_through(prepare_run(exam, workspace=workspace, run_id="planted"), workspace))
    plan = audit_plan_of(
        {
            "runs": "planted", "rubrics": ["spinemed_report"], "tasks": ["report"], "per_cell": 300, "seed": seed,
            "random_share": 1.0, "judges": [{"name": JUDGE, "args": {"by_dimension": DEPARTURES}}],
        }
    )  # fmt: skip
    prepared = prepare_audit(plan, workspace)
    asyncio.run(audit_through(prepared, workspace))
    audit = workspace.audit(prepared.spec.audit_id)
    rate(workspace, audit, folder)
    lock_ratings(audit, at=AT)
    return audit_rows(workspace, [audit.audit_id])


@pytest.fixture(scope="module")
def report(rows: AuditRows) -> AgreementReport:
    return agreement_report(rows, level=LEVEL, n_resamples=100)


def held(interval: Interval | None, value: float) -> bool:
    assert interval is not None
    return interval.low <= value <= interval.high


def test_each_dimensions_correlation_comes_back(report: AgreementReport, planted: Planted) -> None:
    found = {one.dimension: one.judges[0].pearson for one in report.dimensions}
    expected = {name: planted.pearson(place) for place, name in enumerate(DEPARTURES)}
    assert set(found) == set(expected)
    assert max(expected.values()) - min(expected.values()) > 0.2, "planted apart from each other"
    for name, value in expected.items():
        assert found[name].n_units >= 290
        assert held(found[name].interval, value), (name, value, found[name])
    names = list(expected)
    others = dict(zip(names, [*names[1:], names[0]], strict=True))
    misplaced = [name for name in names if not held(found[name].interval, expected[others[name]])]
    assert len(misplaced) >= 7, "another dimension's correlation is told from its own"


def test_each_dimensions_bias_comes_back(report: AgreementReport, planted: Planted) -> None:
    """What Pearson does not see: `tf` and `gra` are read almost in the right order, and a step off."""
    places = {name: place for place, name in enumerate(DEPARTURES)}
    for one in report.dimensions:
        (judge,) = one.judges
        value = planted.bias(places[one.dimension])
        assert held(judge.differences.interval, value), (one.dimension, value, judge.differences)
    by_name = {one.dimension: one.judges[0] for one in report.dimensions}
    for name in ("tf", "gra"):
        r, kappa = by_name[name].pearson.value, by_name[name].panel.judge_clinician.value
        assert r is not None
        assert kappa is not None
        assert r - kappa > 0.1


def test_the_dimensions_together(report: AgreementReport, planted: Planted) -> None:
    (totals,) = report.totals
    (judge,) = totals.judges
    assert held(judge.icc.interval, planted.total_icc())
    macro = np.mean([planted.pearson(place) for place in range(len(DEPARTURES))])
    assert judge.macro_pearson.value == pytest.approx(macro, abs=0.03)
    assert totals.icc.value is not None
    assert judge.icc.value is not None
    assert totals.macro_pearson.n_undefined == 0


def test_the_judge_is_corrected_dimension_by_dimension(rows: AuditRows, planted: Planted) -> None:
    """With all traces rated the corrected mean is the clinicians'; the judge's own is off by the planted bias."""
    found = {one.dimension: one for one in calibration_report(rows, level=LEVEL).models}
    assert set(found) == set(DEPARTURES)
    for place, name in enumerate(DEPARTURES):
        one = found[name]
        assert one.judge.value is not None
        assert one.corrected.value is not None
        assert one.judge.value - one.corrected.value == pytest.approx(planted.bias(place), abs=0.2)
        assert held(one.corrected.interval, float(planted.means[planted.known[:, place], place].mean()))


def test_a_misspelt_departure_is_refused(tmp_path: Path) -> None:
    benchmark = write_items(tmp_path / "reports.jsonl", report_items(2))
    run = spinebench.run({"benchmark": str(benchmark), "models": ["sim/careful"]}, workspace=tmp_path / "ws")
    judge = {"name": JUDGE, "args": {"by_dimension": {"ir": {"noisy": 0.1}}}}
    with pytest.raises(UsageError, match="by_dimension"):
        prepare_audit(audit_plan_of({"runs": run.id, "judges": [judge]}), run.workspace)
