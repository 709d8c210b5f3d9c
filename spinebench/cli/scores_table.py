"""The level-aware scores as tables for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from spinebench.cli.console import print_table, put

if TYPE_CHECKING:
    from spinebench.audits.level_aware import LevelAwareReport, RatedScores
    from spinebench.evaluators.estimate import Estimate
    from spinebench.evaluators.report_results import LevelAwareScores, PartScores


def print_scores(report: LevelAwareReport, *, by: Sequence[str], details: bool) -> None:
    """Scores per model, then the reports' sections and counts, then the divisions asked for.

    Without `details` of the judges all together and of the clinicians; with it of each judge too, and dimensions.
    """
    shown = [one for one in report.ratings if details or one.rater is None or len(report.ratings) == 1]
    if not any(one.source == "judge" for one in shown):
        shown = [*report.ratings[:1], *(one for one in shown if one is not report.ratings[0])]
    _print_main(report, shown)
    if any(model.report.counts.asked for one in shown for model in one.models):
        _print_reports(shown)
        _print_parts(shown, "section", report.section_names)
        if details:
            _print_parts(shown, "dimension", report.dimension_names)
    for name in by:
        _print_divided(shown, name)
    _print_warnings(shown)


def _print_main(report: LevelAwareReport, shown: Sequence[RatedScores]) -> None:
    marks = [
        *(["SIMULATION"] if report.simulated else []),
        *(["PARTIAL"] if report.partial else []),
        *([f"image condition {report.image_condition.value}"] if report.image_condition != "normal" else []),
    ]
    print_table(
        ("model", "reports by", "text", "image", "report", "overall", "text - image", "n"),
        [
            (
                model.model,
                _rater(one),
                *_figures(model.scores),
                _signed(model.text_less_image),
                _sizes(model.scores),
            )
            for one, model in _each(shown)
        ],
        title=f"Level-aware scores, {', '.join(report.run_ids)}"
        + (f"  [{', '.join(marks)}]" if marks else ""),
        caption=(
            f"Points of 100 with {100 * report.level:g} % intervals from resampled cases. Text, image: accuracy, "
            "unanswered counts as wrong. Report: mean over reports of the mean of the sections, by "
            f"{report.rubric}. Overall: the three weighted by n, the counts scored (text + image + report)."
        ),
    )


def _print_reports(shown: Sequence[RatedScores]) -> None:
    rows = []
    for one, model in _each(shown):
        counts = model.report.counts
        rows.append(
            (
                model.model,
                _rater(one),
                counts.asked,
                counts.scored,
                counts.incomplete,
                counts.unscored,
                counts.not_written,
                _points(model.report.not_written_as_zero),
            )
        )
    print_table(
        (
            "model",
            "reports by",
            "asked",
            "scored",
            "incomplete",
            "unscored",
            "not\nwritten",
            "not written at 0",
        ),
        rows,
        title="Reports",
        caption=(
            "Incomplete: scored, but without a score in some dimension. Unscored: a section has no score at all; left "
            "out. Not written: left out, in the last column at 0 points."
        ),
    )


def _print_parts(shown: Sequence[RatedScores], what: str, names: Mapping[str, str]) -> None:
    parts: list[dict[str, Estimate]] = [getattr(model.report, f"{what}s") for _, model in _each(shown)]
    print_table(
        ("model", "reports by", *names),
        [
            (model.model, _rater(one), *(_value(own[name]) for name in names))
            for (one, model), own in zip(_each(shown), parts, strict=True)
        ],
        title=f"Reports by {what}",
        caption=f"Mean of each {what} on the rubric's scale, over the reports with a score in it. "
        + "; ".join(f"{key}: {name}" for key, name in names.items())
        + ".",
        keys=2,
    )


def _print_divided(shown: Sequence[RatedScores], by: str) -> None:
    rows = [
        (model.model, _rater(one), divided.value, *_figures(divided.scores), _sizes(divided.scores))
        for one, model in _each(shown)
        for divided in model.divided
        if divided.by == by
    ]
    if not rows:
        put(f"By {by}: no question and no report states one.\n\n")
        return
    print_table(
        ("model", "reports by", by, "text", "image", "report", "overall", "n"), rows, title=f"By {by}", keys=3
    )


def _print_warnings(shown: Sequence[RatedScores]) -> None:
    lines = [
        *(f"  {_rater(one)}: {text}\n" for one in shown for text in one.warnings),
        *(
            f"  {model.model}, {_rater(one)}: {text}\n"
            for one, model in _each(shown)
            for text in model.warnings
        ),
    ]
    if lines:
        put("To be read with this:\n" + "".join(lines) + "\n")


def _each(shown: Sequence[RatedScores]) -> Iterator[tuple[RatedScores, LevelAwareScores]]:
    return ((one, model) for one in shown for model in one.models)


def _rater(one: RatedScores) -> str:
    if one.source is None:
        return "nobody yet"
    if one.rater is not None:
        return one.rater
    return f"{one.n_raters} {one.source}{'' if one.n_raters == 1 else 's'}"


def _figures(scores: PartScores) -> tuple[str | None, ...]:
    parts = (scores.text.of_asked, scores.image.of_asked, scores.report, scores.overall)
    return tuple(_points(one) for one in parts)


def _sizes(scores: PartScores) -> str:
    weights = scores.weights
    return f"{weights.text}+{weights.image}+{weights.report}"


def _points(estimate: Estimate) -> str | None:
    """`81.9 [65–94]`."""
    return _with_interval(estimate, ".1f", ".0f", "–")


def _signed(estimate: Estimate) -> str | None:
    """`-12.5 [-50 to +0]`."""
    return _with_interval(estimate, "+.1f", "+.0f", " to ")


def _value(estimate: Estimate) -> str | None:
    """`4.33 [3.4–4.9]`."""
    return _with_interval(estimate, ".2f", ".1f", "–")


def _with_interval(estimate: Estimate, figure: str, bound: str, between: str) -> str | None:
    if estimate.value is None:
        return None
    text = f"{estimate.value:{figure}}"
    if estimate.interval is not None:
        text += f" [{estimate.interval.low:{bound}}{between}{estimate.interval.high:{bound}}]"
    return text
