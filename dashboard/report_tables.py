"""Rows of the tables on the page Reports: what was written, scores within divisions, levels named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from spinebench.dashboard.report_data import WrittenReports
from spinebench.evaluators.estimate import Estimate
from spinebench.evaluators.invisible import written_out
from spinebench.evaluators.level_naming import FindingOutcome, Support
from spinebench.evaluators.report_results import Facet, LevelAwareScores
from spinebench.evaluators.report_sections import ReportSection
from spinebench.records import Outcome, Task
from spinebench.runs.level_tables import LevelRow

Row = dict[str, str | int | None]


def written_rows(found: Mapping[tuple[str, str, str], WrittenReports]) -> list[Row]:
    """Reports asked for and what came, then in how many of those written each section has no text."""
    names = _labels(list(found))
    return [
        {
            "model": name,
            "asked": one.n.total(),
            "complete": one.n[Outcome.COMPLETE],
            "incomplete": one.n[Outcome.INCOMPLETE],
            "not answered": one.n[Outcome.NOT_ANSWERED],
            **{f"no {section.value}": one.missing[section] for section in ReportSection},
        }
        for name, one in zip(names, found.values(), strict=True)
    ]


def report_count_rows(models: Iterable[LevelAwareScores]) -> list[Row]:
    """What the score of the reports is of, and what it is with those not written at 0 points."""
    return [
        {
            "model": written_out(one.model),
            "asked": one.report.counts.asked,
            "scored": one.report.counts.scored,
            "incomplete": one.report.counts.incomplete,
            "unscored": one.report.counts.unscored,
            "not written": one.report.counts.not_written,
            "points": points(one.report.score),
            "not written at 0": points(one.report.not_written_as_zero),
            "text less image": points(one.text_less_image, signed=True),
        }
        for one in models
    ]


def divided_rows(models: Iterable[LevelAwareScores], by: Facet) -> list[Row]:
    """Scores in points of 100 within each value of a facet, each with what it is of."""
    return [
        {
            "model": written_out(one.model),
            by: divided.value,
            "text": points(divided.scores.text.of_asked),
            "n text": divided.scores.weights.text,
            "image": points(divided.scores.image.of_asked),
            "n image": divided.scores.weights.image,
            "report": points(divided.scores.report),
            "n report": divided.scores.weights.report,
            "overall": points(divided.scores.overall),
        }
        for one in models
        for divided in one.divided
        if divided.by == by
    ]


def level_rows(found: Sequence[LevelRow]) -> list[Row]:
    """Levels named against the reference, in percent with interval and counts; one task."""
    names = _labels([(row.levels.model, row.persona, row.image_condition) for row in found])
    return [
        {
            "model": name,
            "exact": share(row.levels.outcomes[FindingOutcome.EXACT]),
            "within one level": share(row.levels.exact_or_within_one),
            "wrong side": share(row.levels.wrong_side),
            "missed": share(row.levels.outcomes[FindingOutcome.MISSED]),
            "unsupported": share(row.levels.support[Support.UNSUPPORTED]),
            "texts": row.levels.n_texts,
            "name none": row.levels.n_silent,
            "no text": row.n_no_text,
            "no reference": row.n_no_reference,
        }
        for name, row in zip(names, found, strict=True)
    ]


def level_tasks(found: Iterable[LevelRow]) -> list[Task]:
    """Tasks that have a level table, reports first."""
    return sorted({row.task for row in found}, key=lambda task: (task != Task.REPORT, task.value))


def points(estimate: Estimate, *, signed: bool = False) -> str | None:
    """`87.5 [50 to 100]` points; None where it is undefined."""
    if estimate.value is None:
        return None
    sign = "+" if signed else ""
    text = f"{estimate.value:{sign}.1f}"
    if estimate.interval is not None:
        text += f" [{estimate.interval.low:{sign}.0f} to {estimate.interval.high:{sign}.0f}]"
    return text


def share(estimate: Estimate) -> str | None:
    """`81.8 % [43 to 100], 9 of 11`; None where it is undefined."""
    if estimate.value is None:
        return None
    text = f"{100 * estimate.value:.1f} %"
    if estimate.interval is not None:
        text += f" [{100 * estimate.interval.low:.0f} to {100 * estimate.interval.high:.0f}]"
    of = f"n {estimate.n:,}" if estimate.count is None else f"{estimate.count:,} of {estimate.n:,}"
    return f"{text}, {of}"


def _labels(keys: Sequence[tuple[str, str, str]]) -> list[str]:
    """The model of each (model, persona, image condition), with what else tells the rows apart."""
    varying = [place for place in (1, 2) if len({key[place] for key in keys}) > 1]
    return [written_out(", ".join([key[0], *(key[place] for place in varying)])) for key in keys]
