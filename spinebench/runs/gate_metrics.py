"""The closed list of figures that a gate can be set on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Range = Literal["share", "coefficient", "points"]
"""0 to 1; -1 to 1; any number."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure that a gate can be set on."""

    range: Range
    made_by: Literal["run", "audit"]
    says: str
    parts: str = ""
    """What stands in the brackets; empty: nothing."""


def _run(range_: Range, says: str, parts: str = "") -> Metric:
    return Metric(range_, "run", says, parts)


def _audit(range_: Range, says: str, parts: str = "dimension, task or dimension/task") -> Metric:
    return Metric(range_, "audit", says, parts)


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        "overall": _run("share", "mean of diagnosis and localization accuracy"),
        "overall_chance_corrected": _run("points", "the same, 0 at chance"),
        "answered_share": _run("share", "answered questions of those asked"),
        "diagnosis_accuracy": _run("share", "exact diagnosis, of asked", "label"),
        "diagnosis_macro_accuracy": _run("share", "mean over diseases"),
        "diagnosis_chance_corrected": _run("points", "diagnosis accuracy, 0 at chance"),
        "diagnosis_not_answered": _run("share", "diagnosis questions without an answer"),
        "correct_disease": _run("share", "diseased images answered right"),
        "correct_healthy": _run("share", "healthy images answered Healthy"),
        "healthy_misdiagnosis": _run("share", "healthy images answered with a disease"),
        "disease_missed": _run("share", "diseased images answered Healthy"),
        "disease_confusion": _run("share", "one disease answered as another"),
        "localization_accuracy": _run("share", "exact set of levels, of asked"),
        "localization_precision": _run("share", "mean precision per answer"),
        "localization_recall": _run("share", "mean recall per answer"),
        "localization_f1": _run("share", "mean F1 per answer"),
        "localization_jaccard": _run("share", "mean Jaccard index per answer"),
        "localization_chance_corrected": _run("points", "localization accuracy, 0 at chance"),
        "localization_not_answered": _run("share", "localization questions without an answer"),
        "missed_levels": _run("share", "a proper subset of the gold levels"),
        "extra_levels": _run("share", "a proper superset of the gold levels"),
        "shifted_levels": _run("share", "all levels off by the same number"),
        "mixed_levels": _run("share", "some right, some missed, some extra"),
        "disjoint_levels": _run("share", "none right"),
        "level_sensitivity": _run("share", "sensitivity for one level", "level"),
        "level_specificity": _run("share", "specificity for one level", "level"),
        "knowledge_accuracy": _run("share", "multiple choice without a taxonomy, of asked"),
        "alpha_judge_vs_clinicians": _audit("coefficient", "Krippendorff's alpha, judge as one more rater"),
        "kappa_judge_vs_clinicians": _audit(
            "coefficient", "mean quadratic weighted kappa, judge and clinician"
        ),
        "ac2_judge_vs_clinicians": _audit("coefficient", "Gwet's AC2, judge and clinician"),
        "exact_judge_vs_clinicians": _audit("share", "same score, judge and clinician"),
        "within_one_judge_vs_clinicians": _audit("share", "at most one level apart, judge and clinician"),
        "alpha_clinicians": _audit("coefficient", "Krippendorff's alpha among clinicians"),
        "kappa_clinicians": _audit("coefficient", "mean quadratic weighted kappa among clinicians"),
        "ac2_clinicians": _audit("coefficient", "Gwet's AC2 among clinicians"),
        "exact_clinicians": _audit("share", "same score, two clinicians"),
        "within_one_clinicians": _audit("share", "at most one level apart, two clinicians"),
        "kappa_judge_repeats": _audit("coefficient", "quadratic weighted kappa of a judge with itself"),
        "kappa_clinician_repeats": _audit("coefficient", "the same of clinicians, on hidden duplicates"),
        "winning_rate": _audit("share", "of the alternative annotator test"),
        "advantage_probability": _audit("share", "of the alternative annotator test"),
        "ranking_tau": _audit("coefficient", "Kendall's tau-b of the models' means, judge and clinicians"),
        "judge_bias": _audit("points", "mean of judge less clinician, in points of the scale"),
        "judge_unparsed_share": _audit("share", "judgements that no reply could be read for"),
        "judge_mean": _audit("points", "mean judge score, weighted to the frame"),
        "clinician_mean": _audit("points", "mean clinician score, weighted to the frame"),
        "corrected_mean": _audit("points", "judge's mean, corrected by the clinicians"),
        "right_for_wrong_reason": _audit("share", "low reasoning score among right answers"),
        "failure_mode_prevalence": _audit("share", "traces with the failure mode", "failure mode"),
    }
)
"""Every metric there is. `of asked`: a question without an answer counts as wrong."""
