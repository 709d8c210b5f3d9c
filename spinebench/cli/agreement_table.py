"""The agreement report as tables for a person, and as one figure per row for a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spinebench.cli.console import print_table, printable, put

if TYPE_CHECKING:
    from spinebench.evaluators.agreement import Agreement, AgreementReport, BlandAltman
    from spinebench.evaluators.agreement.report import DimensionAgreement, JudgeAgreement
    from spinebench.evaluators.agreement.totals import MacroPearson, TaskTotals


_ONE_PER_LINE = 6
"""Lines on the worth of panels up to which each stands by itself."""


def print_report(report: AgreementReport, *, details: bool) -> None:
    """One line per judge, task and dimension beside the human ceiling; with `details` everything else too.

    A report on one task and dimension is always printed whole.
    """
    marks = [*(["SIMULATION"] if report.simulated else []), *report.warnings]
    mark = f"  [{'; '.join(marks)}]" if marks else ""
    if not report.dimensions:
        put(f"No scores to compare.{mark}\n")
        return
    whole = details or len(report.dimensions) == 1
    if len(report.dimensions) > 1:
        _print_summary(report, mark, whole=whole)
    if whole:
        for one in report.dimensions:
            _print_dimension(one, report, mark)


def _print_summary(report: AgreementReport, mark: str, *, whole: bool) -> None:
    rows: list[tuple[object, ...]] = []
    for one in report.dimensions:
        rows.append(
            (
                f"{one.task}, {one.dimension}",
                coefficient(one.ceiling.alpha),
                coefficient(one.ceiling.mean_kappa),
                _share(one.ceiling.exact),
                None,
                one.n_rated,
            )
        )
        rows += [
            (
                f"  {judge.judge}",
                coefficient(judge.panel.alpha_with_judge),
                coefficient(judge.panel.judge_clinician),
                _share(judge.exact),
                _bias(judge.differences),
                judge.n_traces,
            )
            for judge in one.judges
        ]
    clinicians = sorted({rater for one in report.dimensions for rater in one.clinicians})
    print_table(
        ("clinicians\n  judge with clinicians", "alpha", "QW kappa", "exact %", "bias", "n"),
        rows,
        title=f"Agreement, {len(clinicians)} clinicians{mark}",
        caption=(
            f"{100 * report.level:g} % intervals ({report.interval}, by cluster). alpha: ordinal; on a judge's line "
            "with the judge as one more rater. Kappa: quadratic weights, mean over pairs. Bias: judge less the "
            "clinicians' mean, in points of the scale. n: rated traces."
        ),
    )
    for totals in report.totals:
        _print_correlations(totals, [one for one in report.dimensions if one.task == totals.task], report)
    panels = [
        f"{one.task}, {one.dimension}: {one.panel_votes.value:.1f} of {one.panel_votes.n_raters}"
        for one in report.dimensions
        if one.panel_votes.value is not None and one.panel_votes.n_raters > 1
    ]
    if panels:
        put(
            "Votes that the panel of judges is worth (errors that go together count less, opposite ones more):\n"
        )
        per_line = 1 if len(panels) <= _ONE_PER_LINE else 4
        for start in range(0, len(panels), per_line):
            put(f"  {'; '.join(panels[start : start + per_line])}\n")
        put("\n")
    claims = [judge.claims for one in report.dimensions for judge in one.judges]
    common = (
        [line for line in claims[0].may_not if all(line in other.may_not for other in claims)]
        if claims
        else []
    )
    if common:
        put("What may not be said from this:\n" + "".join(f"  - {printable(line)}\n" for line in common))
    if not whole:
        put(
            "Each judge with each clinician, by model, and what may be said: --details, or --dimension NAME.\n\n"
        )


def _print_correlations(
    totals: TaskTotals, dimensions: Sequence[DimensionAgreement], report: AgreementReport
) -> None:
    """ICC and Pearson of a task, dimension by dimension, then of all together."""
    rows: list[tuple[object, ...]] = []
    for one in dimensions:
        rows.append((one.dimension, coefficient(one.ceiling.pairwise_icc), coefficient(one.ceiling.pearson)))
        rows += [
            (f"  {judge.judge}", coefficient(judge.icc), coefficient(judge.pearson)) for judge in one.judges
        ]
    rows.append(("total; mean r", coefficient(totals.icc), _macro(totals.macro_pearson)))
    rows += [
        (f"  {judge.judge}", coefficient(judge.icc), _macro(judge.macro_pearson)) for judge in totals.judges
    ]
    print_table(
        (f"{totals.task}: clinicians\n  judge with clinicians", "ICC(A,1)", "Pearson's r"),
        rows,
        caption=(
            f"{100 * report.level:g} % intervals. ICC: mean over pairs, as kappa. r: judge with the clinicians' mean; "
            "a clinician with the mean of the others, averaged. r does not see a judge who is stricter throughout: "
            "never read it without kappa and bias. Total: a rater's mean over the dimensions. Mean r: over the "
            "dimensions that have one, unweighted."
        ),
    )


def _macro(found: MacroPearson) -> str | None:
    if found.value is None:
        return None
    return f"{found.value:.2f}" + (f" ({found.n_undefined} undefined)" if found.n_undefined else "")


def coefficient(found: Agreement) -> str | None:
    """`0.48 [0.31–0.62]`, or None where there is no value."""
    if found.value is None:
        return None
    text = f"{found.value:.2f}"
    if found.interval is not None:
        low, high = f"{found.interval.low:.2f}", f"{found.interval.high:.2f}"
        text += f" [{low} to {high}]" if low.startswith("-") else f" [{low}–{high}]"
    return text


def _share(found: Agreement) -> str | None:
    return None if found.value is None else f"{100 * found.value:.0f}"


def _bias(found: BlandAltman) -> str | None:
    if found.bias is None:
        return None
    text = f"{found.bias:+.2f}"
    if found.interval is not None:
        text += f" [{found.interval.low:+.2f} to {found.interval.high:+.2f}]"
    return text


def _print_dimension(one: DimensionAgreement, report: AgreementReport, mark: str) -> None:
    ceiling = one.ceiling
    rows: list[tuple[object, ...]] = [
        (
            "clinicians with each other",
            coefficient(ceiling.mean_kappa),
            coefficient(ceiling.ac2),
            coefficient(ceiling.alpha),
            coefficient(ceiling.pairwise_icc),
            coefficient(ceiling.pearson),
            _share(ceiling.exact),
            _share(ceiling.within_one),
            None,
            ceiling.alpha.n_units,
        )
    ]
    for judge in one.judges:
        rows.append(
            (
                f"{judge.judge} with clinicians",
                coefficient(judge.panel.judge_clinician),
                None,
                coefficient(judge.panel.alpha_with_judge),
                coefficient(judge.icc),
                coefficient(judge.pearson),
                _share(judge.exact),
                _share(judge.within_one),
                _bias(judge.differences),
                judge.n_traces,
            )
        )
        rows += [
            (
                f"  with {each.clinician}",
                coefficient(each.kappa),
                coefficient(each.ac2),
                None,
                None,
                None,
                _share(each.exact),
                _share(each.within_one),
                _bias(each.differences),
                each.kappa.n_units,
            )
            for each in judge.each
        ]
    values = ", ".join(str(value) for value in one.scale)
    print_table(
        ("", "QW kappa", "AC2", "alpha", "ICC(A,1)", "Pearson's r", "exact %", "within 1 %", "bias", "n"),
        rows,
        title=f"{one.task}, {one.dimension}: {one.n_rated} rated traces in {one.n_clusters} clusters, "
        f"{len(one.clinicians)} clinicians, scale {values}{mark}",
        caption=(
            f"{100 * report.level:g} % intervals ({report.interval}, by cluster). Kappa: quadratic weights, mean over "
            "pairs, as ICC. alpha: ordinal; on a judge's line with the judge as one more rater. r: with the "
            "clinicians' mean, of clinicians with the others'. Bias: judge less the clinicians' mean. n: traces."
        ),
    )
    panel = one.panel_votes
    if panel.n_raters > 1:
        worth = f"undefined ({panel.reason})" if panel.value is None else f"{panel.value:.1f}"
        put(
            f"Votes that the {panel.n_raters} judges are worth (errors that go together count less, opposite ones "
            f"more): {worth}.\n\n"
        )
    for judge in one.judges:
        _print_judge(judge)
    _print_coverage(one)
    if one.repeatability:
        print_table(
            ("same rater again", "traces", "identical %", "QW kappa", "ICC(1,1)"),
            [
                (
                    again.rater,
                    again.n_traces,
                    _share(again.identical),
                    coefficient(again.kappa),
                    coefficient(again.icc),
                )
                for again in one.repeatability
            ],
        )


def _print_judge(judge: JudgeAgreement) -> None:
    if len(judge.per_model) > 1:
        print_table(
            (f"{judge.judge}, by model", "bias", "exact %", "within 1 %", "n"),
            [
                (
                    row.model,
                    _bias(row.differences),
                    _share(row.exact),
                    _share(row.within_one),
                    row.differences.n_units,
                )
                for row in judge.per_model
            ],
            caption=_of_models(judge),
        )
    limits = judge.differences.limits
    lines = []
    if limits is not None:
        lines.append(
            f"95 % of single differences lie between {limits[0]:+.1f} and {limits[1]:+.1f} (Bland-Altman)."
        )
    if judge.margins.p_value is not None:
        lines.append(
            f"Use of the scale against the clinicians' median, Stuart-Maxwell: p = {judge.margins.p_value:.2g}."
        )
    put(f"{printable(judge.judge)}: {' '.join(lines)}\n")
    for heading, sentences in (("may be said", judge.claims.may), ("may not be said", judge.claims.may_not)):
        if sentences:
            put(f"  {heading}:\n" + "".join(f"    - {printable(sentence)}\n" for sentence in sentences))
    put("\n")


def _of_models(judge: JudgeAgreement) -> str:
    parts = [f"Kappa pooled {coefficient(judge.models.pooled) or 'undefined'}"]
    parts.append(f"within models {coefficient(judge.models.within) or 'undefined'}")
    if judge.models.across_means is not None:
        parts.append(f"correlation of model means {judge.models.across_means:.2f}")
    ranking = judge.ranking
    if ranking.tau is not None:
        text = f"order of models tau-b {ranking.tau:.2f}"
        if ranking.interval is not None:
            text += f" [{ranking.interval.low:.2f} to {ranking.interval.high:.2f}]"
        parts.append(text)
    if ranking.order_probability is not None:
        parts.append(f"two models in the same order {100 * ranking.order_probability:.0f} % of the time")
    return "; ".join(parts) + "."


def _print_coverage(one: DimensionAgreement) -> None:
    rows = [
        (row.rater, row.asked, row.scored, row.cannot_assess, row.unparsed, row.refused, row.error)
        for row in one.coverage
        if row.scored < row.asked
    ]
    if rows:
        print_table(
            ("without a score", "asked", "scored", "cannot\nassess", "unparsed", "refused", "error"), rows
        )


def write_figures(report: AgreementReport, path: Path) -> int:
    """One row per figure with value, interval, n and reason; returns the number of rows. Replaces the file."""
    import csv

    from spinebench.errors import DataError

    header = (
        "task", "dimension", "judge", "figure", "comparator", "value", "low", "high", "method", "n_units", "n_clusters",
        "n_raters", "reason",
    )  # fmt: skip
    rows = [row for one in report.dimensions for row in _figures(one)]
    rows += [row for totals in report.totals for row in _total_figures(totals)]
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            writer.writerows(rows)
    except OSError as error:
        raise DataError(
            f"file {str(path)!r}: expected a place to write to ({error.strerror}); name another with --csv"
        ) from None
    return len(rows)


def _figures(one: DimensionAgreement) -> Iterator[tuple[Any, ...]]:
    ceiling = one.ceiling
    for found in (
        ceiling.alpha,
        ceiling.ac2,
        ceiling.icc,
        ceiling.mean_kappa,
        ceiling.pairwise_icc,
        ceiling.pearson,
        ceiling.exact,
        ceiling.within_one,
    ):
        yield (one.task, one.dimension, "", *_figure(found))
    for judge in one.judges:
        panel = judge.panel
        whole = (
            panel.judge_clinician, panel.difference, panel.alpha_with_judge, panel.alpha_difference, judge.icc,
            judge.pearson, judge.exact, judge.within_one, judge.models.pooled, judge.models.within,
        )  # fmt: skip
        single = [
            figure for each in judge.each for figure in (each.kappa, each.ac2, each.exact, each.within_one)
        ]
        of_models = [figure for row in judge.per_model for figure in (row.exact, row.within_one)]
        for found in (*whole, *single, *of_models):
            yield (one.task, one.dimension, judge.judge, *_figure(found))
        for differences in (
            judge.differences,
            *(each.differences for each in judge.each),
        ):
            yield (one.task, one.dimension, judge.judge, *_difference(differences, differences.comparator))
        for row in judge.per_model:
            yield (
                one.task,
                one.dimension,
                judge.judge,
                *_difference(row.differences, f"{row.model}, judge less clinicians"),
            )


def _total_figures(totals: TaskTotals) -> Iterator[tuple[Any, ...]]:
    """ICC of the totals, and the mean correlations, which have no interval."""
    for judge, found, mean in (
        ("", totals.icc, totals.macro_pearson),
        *((one.judge, one.icc, one.macro_pearson) for one in totals.judges),
    ):
        yield (totals.task, "total", judge, *_figure(found))
        reason = None if mean.value is not None else "no dimension has a correlation"
        name = "mean of Pearson's r over dimensions"
        yield (
            totals.task,
            "total",
            judge,
            name,
            None,
            mean.value,
            None,
            None,
            None,
            None,
            None,
            None,
            reason,
        )


def _figure(found: Agreement) -> tuple[Any, ...]:
    interval = found.interval
    return (
        found.name, found.comparator, found.value, interval and interval.low, interval and interval.high,
        interval and interval.method, found.n_units, found.n_clusters, found.n_raters, found.reason,
    )  # fmt: skip


def _difference(found: BlandAltman, comparator: str | None) -> tuple[Any, ...]:
    interval = found.interval
    return (
        "bias", comparator, found.bias, interval and interval.low, interval and interval.high,
        interval and interval.method, found.n_units, found.n_clusters, 2, found.reason,
    )  # fmt: skip
