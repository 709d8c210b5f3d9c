"""What was planted in simulated traces, judges and clinicians comes out again, through the whole pipeline.

One exam, two audits of it: in the first every trace goes to clinicians, in the second a part, whose labels correct the
judge. Intervals are taken at 99 %, since some two dozen of them are looked at.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from spinebench.audits.plan import audit_plan_of
from spinebench.audits.prepare import prepare_audit
from spinebench.audits.rows import audit_rows
from spinebench.audits.sitting import audit_through
from spinebench.demo.clinicians import SimulatedClinician, fill_packet
from spinebench.evaluators.agreement import agreement_report, weighted_kappa
from spinebench.evaluators.audit_rows import AuditRows
from spinebench.evaluators.calibration import calibration_report
from spinebench.evaluators.reasoning import failure_prevalence
from spinebench.exchange.rating_book import RatingBook
from spinebench.models.simulated_judge import JUDGES
from spinebench.models.simulated_quality import MODE_RATES, Quality, Reader, draw, planted, vote
from spinebench.rating.assigning import Rateable, assign
from spinebench.rating.importing import import_ratings
from spinebench.rating.locking import lock_ratings
from spinebench.runs.plan import plan_of
from spinebench.runs.prepare import prepare_run
from spinebench.runs.sitting import sit_through
from spinebench.store.workspace import Workspace

SCALE = (1, 2, 3, 4, 5)
DIMENSIONS = ("clinical_rationality", "spatial_reasoning", "visual_features")
JUDGE = "sim/judge-lenient"
LEVEL = 0.99
CLINICIAN = SimulatedClinician(Reader(noise=0.2), cannot_assess=0.02)
"""Even noise; finds every failure mode and invents none, so that the truth itself is what they estimate."""


@dataclass(frozen=True)
class Recovered:
    """The rows of an audit, and what was planted in the traces of its frame."""

    rows: AuditRows
    truth: dict[str, Quality]
    """By trace id, of every trace of the run with a text."""
    model_of: dict[str, str]
    correct: dict[str, bool]


def write_benchmark(path: Path, n: int) -> Path:
    labels = ["Healthy", "Osteophytes", "Spondylolisthesis", "Disc space narrowing", "Vertebral collapse"]
    records = [
        {
            "id": f"q{number}",
            "benchmark": "planted",
            "task": "diagnosis",
            "question": f"Which finding does film {number} show?",
            "options": labels,
            "gold": [labels[number % 5]],
        }
        for number in range(n)
    ]
    path.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    return path


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("planted")
    benchmark = write_benchmark(folder / "planted.jsonl", 160)
    plan = plan_of({"benchmark": str(benchmark), "models": ["sim/careful", "sim/overcaller"], "seed": 11})
    place = Workspace(folder / "workspace")
    # A run's id is part of its traces' random numbers: with a fixed one the test draws the same sample every time.
    asyncio.run(sit_through(prepare_run(plan, workspace=place, run_id="planted-exam"), place))
    return place


@pytest.fixture(scope="module")
def recovered(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Callable[[float], Recovered]:
    """Audits the run with a random share of referrals, has clinicians rate, locks; by that share, each once."""
    made: dict[float, Recovered] = {}

    def of(random_share: float) -> Recovered:
        if random_share not in made:
            scratch = tmp_path_factory.mktemp("filled")
            made[random_share] = audited(workspace, scratch, random_share=random_share)
        return made[random_share]

    return of


def audited(workspace: Workspace, scratch: Path, *, random_share: float) -> Recovered:
    plan = audit_plan_of(
        {"runs": "latest", "judges": [JUDGE], "per_cell": 150, "random_share": random_share, "seed": 3}
    )
    asyncio.run(audit_through(prepare_audit(plan, workspace), workspace))
    folder = workspace.latest_audit()
    assert folder is not None
    now = datetime(2026, 1, 5, 9, tzinfo=UTC)
    raters = ["sim-1", "sim-2", "sim-3"]
    for rater in raters:
        workspace.save_rater(CLINICIAN.card(rater))
    reviews = folder.reviews()
    referred = [trace for trace in folder.traces() if reviews[trace.trace_id].refers_by]
    folder.write_assignments(
        assign([Rateable.of(trace) for trace in referred], raters, audit_id=folder.audit_id, seed=5, at=now)
    )
    book = RatingBook.open(folder)
    files = [
        fill_packet(book, rater, scratch / f"{rater}.json", clinician=CLINICIAN, seed=7, at=now)
        for rater in raters
    ]
    assert not [one for file in import_ratings(folder, files, at=now) for one in file.rejected]
    lock_ratings(folder, at=now)
    truth, model_of, correct = {}, {}, {}
    (run_id,) = folder.spec().sample.run_ids
    for entry in workspace.run(run_id).latest():
        assert entry.answer is not None
        if not entry.answer.text:
            continue
        key = f"{run_id}/{entry.answer.key.id()}"
        right = entry.scored is not None and bool(entry.scored.grade.correct)
        truth[key] = planted(
            entry.answer.text,
            entry.answer.key.item_id,
            correct=right,
            scales=dict.fromkeys(DIMENSIONS, SCALE),
            modes=list(MODE_RATES),
        )
        model_of[key], correct[key] = entry.answer.key.model, right
    return Recovered(audit_rows(workspace, [folder.audit_id]), truth, model_of, correct)


def expected_shift(truth: int, reader: Reader) -> float:
    """Mean of vote less truth over the planted steps, cut off at the ends of the scale."""
    leaning = [(-1, reader.harsher), (1, reader.milder), (0, 1 - reader.harsher - reader.milder)]
    slipping = [(-1, reader.noise / 2), (1, reader.noise / 2), (0, 1 - reader.noise)]
    return sum(
        p * q * (min(5, max(1, truth + a + b)) - truth)
        for (a, p), (b, q) in itertools.product(leaning, slipping)
    )


def test_the_judges_planted_bias(recovered: Callable[[float], Recovered]) -> None:
    case = recovered(1.0)
    report = agreement_report(case.rows, level=LEVEL)
    drawn = [trace.trace_id for trace in case.rows.traces]
    assert {one.dimension for one in report.dimensions} == set(DIMENSIONS)
    for one in report.dimensions:
        (judge,) = one.judges
        lenient, even = JUDGES["judge-lenient"], CLINICIAN.reader
        planted_bias = np.mean(
            [
                expected_shift(case.truth[key].scores[one.dimension], lenient)
                - expected_shift(case.truth[key].scores[one.dimension], even)
                for key in drawn
            ]
        )
        assert planted_bias > 0.3
        interval = judge.differences.interval
        assert interval is not None
        assert interval.low <= planted_bias <= interval.high
        assert interval.low > 0, "the leniency is seen"


def test_the_planted_agreement_of_clinicians(recovered: Callable[[float], Recovered]) -> None:
    case = recovered(1.0)
    report = agreement_report(case.rows, level=LEVEL)
    rng = draw("planted agreement")
    truths = [case.truth[trace.trace_id].scores for trace in case.rows.traces]
    for one in report.dimensions:
        pairs = [
            [vote(truth[one.dimension], SCALE, CLINICIAN.reader, correct=True, rng=rng) for _ in range(2)]
            for truth in truths
            for _ in range(40)
        ]
        planted_kappa = weighted_kappa(np.array(pairs, dtype=float), scale=SCALE, weights="quadratic").value
        found = one.ceiling.mean_kappa
        assert planted_kappa is not None
        assert found.interval is not None
        assert found.interval.low <= planted_kappa <= found.interval.high
        assert found.interval.high - found.interval.low < 0.2, "an interval that says something"


def test_corrected_means_are_closer_to_the_truth_than_the_judges(
    recovered: Callable[[float], Recovered],
) -> None:
    case = recovered(0.25)
    report = calibration_report(case.rows, level=LEVEL)
    raw_errors, corrected_errors = [], []
    for one in report.models:
        true = np.mean(
            [
                quality.scores[one.dimension]
                + expected_shift(quality.scores[one.dimension], CLINICIAN.reader)
                for key, quality in case.truth.items()
                if case.model_of[key] == one.model
            ]
        )
        assert one.judge.value is not None
        assert one.corrected.value is not None
        assert one.corrected.interval is not None
        assert one.corrected.interval.low <= true <= one.corrected.interval.high
        raw_errors.append(abs(one.judge.value - true))
        corrected_errors.append(abs(one.corrected.value - true))
    assert len(raw_errors) == 2 * len(DIMENSIONS)
    assert np.mean(corrected_errors) < 0.5 * np.mean(raw_errors)


def test_planted_failure_rates(recovered: Callable[[float], Recovered]) -> None:
    case = recovered(0.25)
    found = [one for one in failure_prevalence(case.rows, level=LEVEL) if one.model == "all models"]
    assert {one.mode for one in found} == set(MODE_RATES)
    raw_errors, corrected_errors = [], []
    for one in found:
        true = np.mean([one.mode in quality.modes for quality in case.truth.values()])
        if true < 0.08:
            continue  # a handful of rated traces has it: an interval by normal theory says little
        assert one.judge.value is not None
        assert one.corrected.value is not None
        assert one.corrected.interval is not None
        assert one.corrected.interval.low <= true <= one.corrected.interval.high, one.mode
        raw_errors.append(abs(one.judge.value - true))
        corrected_errors.append(abs(one.corrected.value - true))
    assert len(raw_errors) >= 5
    assert np.mean(corrected_errors) < np.mean(raw_errors)


def test_every_figure_is_marked_as_simulated(recovered: Callable[[float], Recovered]) -> None:
    case = recovered(1.0)
    assert agreement_report(case.rows).simulated
    assert calibration_report(case.rows).simulated
    assert all(trace.simulated for trace in case.rows.traces)
