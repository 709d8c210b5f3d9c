"""Audits drawn from a made-up frame whose truth is known: rows as the store would give them.

Everything is planted: clinician scores of the whole frame, the judge's bias, which strata are drawn how often, and
which traces go to clinicians for a reason.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from spinebench.evaluators.audit_rows import AuditRows, MarkRow, ScoreRow, StratumRow, TraceRow

SCALE = (1, 2, 3, 4, 5)
MODE = "wrong_level"


@dataclass
class Drawn:
    """The rows and the truth about the frame they were drawn from."""

    rows: AuditRows
    mean: dict[str, float] = field(default_factory=dict)
    """Model -> mean clinician score over its frame."""
    judge_mean: dict[str, float] = field(default_factory=dict)
    low_if_correct: dict[str, float] = field(default_factory=dict)
    """Model -> share of its correct traces with a clinician score of 1 or 2."""
    prevalence: dict[str, float] = field(default_factory=dict)
    """Model -> share of its traces with the failure mode."""


def drawn_audit(
    seed: int,
    *,
    n_models: int = 4,
    n_frame: int = 1500,
    per_stratum: int = 25,
    random_share: float = 0.3,
    bias: float = 0.8,
    clinicians: int = 2,
    locked: bool = True,
) -> Drawn:
    """Correct traces (three in four) score higher than wrong ones; equal numbers are drawn from both, so that
    unweighted means are off. Correct traces that the judge scores 1 or 2 are rated for sure, others by chance.
    """
    rng = np.random.default_rng(seed)
    traces: list[TraceRow] = []
    strata: list[StratumRow] = []
    scores: list[ScoreRow] = []
    marks: list[MarkRow] = []
    found = Drawn(AuditRows((), (), (), (), {"clinical": SCALE}, {}))
    for number in range(n_models):
        model = f"model-{number}"
        correct = rng.random(n_frame) < 0.75
        quality = np.where(correct, 4.0, 2.4) + rng.normal(0, 0.9, n_frame) - 0.2 * number
        truth = np.clip(np.round(quality), 1, 5)
        # The judge is lenient, more so on correct answers, and noisy.
        judge = np.clip(
            np.round(quality + bias + 0.3 * correct - 0.1 * number + rng.normal(0, 0.7, n_frame)), 1, 5
        )
        mode = rng.random(n_frame) < np.where(truth <= 3, 0.5, 0.1)
        judged_mode = np.where(mode, rng.random(n_frame) < 0.8, rng.random(n_frame) < 0.15)
        found.mean[model] = float(truth.mean())
        found.judge_mean[model] = float(judge.mean())
        found.low_if_correct[model] = float((truth[correct] <= 2).mean())
        found.prevalence[model] = float(mode.mean())
        for is_correct in (True, False):
            places = np.flatnonzero(correct == is_correct)
            picks = rng.choice(places, min(per_stratum, len(places)), replace=False)
            name = f"diagnosis/{model}/{'correct' if is_correct else 'incorrect'}"
            strata.append(StratumRow(name, model, "diagnosis", len(places), len(picks)))
            for place in picks:
                trace = f"run/{model}-{place}"
                reason = bool(is_correct and judge[place] <= 2)
                referred = reason or bool(rng.random() < random_share)
                traces.append(
                    TraceRow(
                        trace_id=trace,
                        run_id="run",
                        model=model,
                        task="diagnosis",
                        image=f"image-{place}",
                        cluster=f"image-{place}",
                        correct=is_correct,
                        outcome="correct" if is_correct else "confused",
                        stratum=name,
                        probability=len(picks) / len(places),
                        rating_probability=1.0 if reason else random_share,
                        referred=referred,
                    )
                )
                scores.append(
                    ScoreRow(trace, "clinical", "judge", "sim/judge", 1, int(judge[place]), "scored")
                )
                marks.append(MarkRow(trace, MODE, "judge", "sim/judge", 1, bool(judged_mode[place])))
                for rater in range(clinicians if referred else 0):
                    scores.append(
                        ScoreRow(trace, "clinical", "clinician", f"c{rater}", 1, int(truth[place]), "scored")
                    )
                    marks.append(MarkRow(trace, MODE, "clinician", f"c{rater}", 1, bool(mode[place])))
    found.rows = AuditRows(
        tuple(traces), tuple(strata), tuple(scores), tuple(marks), {"clinical": SCALE}, {}, locked=locked
    )
    return found
