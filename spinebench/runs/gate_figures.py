"""The figures of a run that gates are held against."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from spinebench.evaluators.diagnosis import DiagnosisSummary
from spinebench.evaluators.localization import LocalizationSummary
from spinebench.evaluators.proportions import wilson
from spinebench.evaluators.results import ModelSummary
from spinebench.records import Outcome
from spinebench.runs.gates import EstimateLike, GateFigure

_DIAGNOSIS_OUTCOMES = {
    Outcome.CORRECT_DISEASE: "correct_disease",
    Outcome.CORRECT_HEALTHY: "correct_healthy",
    Outcome.HEALTHY_MISDIAGNOSED: "healthy_misdiagnosis",
    Outcome.DISEASE_MISSED: "disease_missed",
    Outcome.DISEASE_CONFUSED: "disease_confusion",
}
_LOCALIZATION_OUTCOMES = {
    Outcome.MISSED_LEVELS: "missed_levels",
    Outcome.EXTRA_LEVELS: "extra_levels",
    Outcome.SHIFTED: "shifted_levels",
    Outcome.MIXED: "mixed_levels",
    Outcome.DISJOINT: "disjoint_levels",
}


def run_figures(results: Sequence[ModelSummary]) -> tuple[GateFigure, ...]:
    """Every figure of a run's summaries, on the denominator of all questions asked.

    Where the normal image condition was asked, the others are left out: what a model says to a blank image is no
    condition on how good it is.
    """
    normal = [result for result in results if result.image_condition == "normal"]
    return tuple(figure for result in (normal or results) for figure in _figures(result, results))


def _figures(result: ModelSummary, results: Sequence[ModelSummary]) -> list[GateFigure]:
    about = _about(result, results)
    found: list[GateFigure] = []

    def add(metric: str, estimate: EstimateLike | None, part: str | None = None) -> None:
        found.append(GateFigure.of(metric, estimate, model=result.model, part=part, about=about))

    add("overall", result.overall.of_asked)
    add("overall_chance_corrected", result.overall_chance_corrected)
    found.append(_answered(result, about))
    _add_diagnosis(result.diagnosis, add)
    _add_localization(result.localization, add)
    add("knowledge_accuracy", None if result.knowledge is None else result.knowledge.accuracy.of_asked)
    return found


def _add_diagnosis(summary: DiagnosisSummary | None, add: Callable[..., None]) -> None:
    if summary is None:
        for metric in ("accuracy", "macro_accuracy", "chance_corrected", "not_answered"):
            add(f"diagnosis_{metric}", None)
        for metric in _DIAGNOSIS_OUTCOMES.values():
            add(metric, None)
        return
    add("diagnosis_accuracy", summary.accuracy.of_asked)
    add("diagnosis_macro_accuracy", summary.macro_accuracy.of_asked)
    add("diagnosis_chance_corrected", summary.chance_corrected)
    for rate in summary.outcomes:
        add(_DIAGNOSIS_OUTCOMES.get(rate.outcome, "diagnosis_not_answered"), rate.rate.of_asked)
    for label in summary.per_label:
        add("diagnosis_accuracy", label.accuracy.of_asked, label.label)


def _add_localization(summary: LocalizationSummary | None, add: Callable[..., None]) -> None:
    if summary is None:
        for metric in (
            "accuracy",
            "precision",
            "recall",
            "f1",
            "jaccard",
            "chance_corrected",
            "not_answered",
        ):
            add(f"localization_{metric}", None)
        for metric in _LOCALIZATION_OUTCOMES.values():
            add(metric, None)
        return
    for metric, found in (
        ("accuracy", summary.accuracy),
        ("precision", summary.precision),
        ("recall", summary.recall),
        ("f1", summary.f1),
        ("jaccard", summary.jaccard),
    ):
        add(f"localization_{metric}", found.of_asked)
    add("localization_chance_corrected", summary.chance_corrected)
    for rate in summary.outcomes:
        if rate.outcome is not Outcome.EXACT:  # the accuracy itself
            metric = _LOCALIZATION_OUTCOMES.get(rate.outcome, "localization_not_answered")
            add(metric, rate.rate.of_asked)
    for level in summary.levels:
        add("level_sensitivity", level.sensitivity.of_asked, level.level)
        add("level_specificity", level.specificity.of_asked, level.level)


def _answered(result: ModelSummary, about: str) -> GateFigure:
    """The share of answered questions, with Wilson's interval as if each cluster were one question."""
    counts = result.denominators
    if not counts.asked:
        return GateFigure(
            metric="answered_share", value=None, reason="nothing was asked", model=result.model, about=about
        )
    share = counts.answered / counts.asked
    units = min(counts.asked, result.n_clusters)
    bounds = wilson(share * units, units)
    return GateFigure(
        metric="answered_share",
        value=share,
        low=bounds.low,
        high=bounds.high,
        n=counts.asked,
        model=result.model,
        about=about,
    )


def _about(result: ModelSummary, results: Sequence[ModelSummary]) -> str:
    """What tells a summary from the others of its model."""
    parts = []
    for what, field in (("persona", "persona"), ("image", "image_condition"), ("options", "option_order")):
        if len({getattr(one, field) for one in results if one.model == result.model}) > 1:
            parts.append(f"{what} {getattr(result, field)}")
    return ", ".join(parts)
