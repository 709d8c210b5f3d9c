"""Rows of the tables on the agreement page: figures as text with interval and n, in the words of the command line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import streamlit as st

from spinebench.dashboard.foreign_text import escaped
from spinebench.evaluators.agreement import Agreement, BlandAltman
from spinebench.evaluators.agreement.report import DimensionAgreement, HumanCeiling, JudgeAgreement
from spinebench.evaluators.calibration import CalibrationReport
from spinebench.evaluators.estimate import Estimate, Interval
from spinebench.evaluators.reasoning import WrongReason

Row = dict[str, str | int]


def ceiling_rows(ceiling: HumanCeiling) -> list[Row]:
    """Clinicians with each other, one figure per row."""
    named = (
        ("Krippendorff's alpha, ordinal", ceiling.alpha, False),
        ("Gwet's AC2, quadratic weights", ceiling.ac2, False),
        ("mean QW kappa over pairs", ceiling.mean_kappa, False),
        ("mean ICC(A,1) over pairs", ceiling.pairwise_icc, False),
        ("ICC(A,1), traces that all rated", ceiling.icc, False),
        ("exact, %", ceiling.exact, True),
        ("within 1, %", ceiling.within_one, True),
    )
    return [
        {
            "figure": name,
            "value [95 % interval]": coefficient(found, percent=percent),
            "n": found.n_units,
            "clusters": found.n_clusters,
        }
        for name, found, percent in named
    ]


def judge_rows(one: DimensionAgreement) -> list[Row]:
    """Every judge with all clinicians, then with each."""
    rows: list[Row] = []
    for judge in one.judges:
        rows.append(
            {
                "judge": judge.judge,
                "clinician": "all",
                "QW kappa": coefficient(judge.panel.judge_clinician),
                "alpha": coefficient(judge.panel.alpha_with_judge),
                "AC2": "",
                "exact, %": coefficient(judge.exact, percent=True),
                "within 1, %": coefficient(judge.within_one, percent=True),
                "bias": bias(judge.differences),
                "n": judge.n_traces,
            }
        )
        rows += [
            {
                "judge": judge.judge,
                "clinician": each.clinician,
                "QW kappa": coefficient(each.kappa),
                "alpha": "",
                "AC2": coefficient(each.ac2),
                "exact, %": coefficient(each.exact, percent=True),
                "within 1, %": coefficient(each.within_one, percent=True),
                "bias": bias(each.differences),
                "n": each.kappa.n_units,
            }
            for each in judge.each
        ]
    return rows


def model_rows(judge: JudgeAgreement) -> list[Row]:
    """One judge against the clinicians' mean, per model: too few traces for a coefficient."""
    return [
        {
            "model": row.model,
            "bias": bias(row.differences),
            "exact, %": coefficient(row.exact, percent=True),
            "within 1, %": coefficient(row.within_one, percent=True),
            "n": row.differences.n_units,
        }
        for row in judge.per_model
    ]


def coverage_rows(one: DimensionAgreement) -> list[Row]:
    """What became of the traces that each rater was to score."""
    return [
        {
            "rater": row.rater,
            "is": row.source,
            "asked": row.asked,
            "scored": row.scored,
            "cannot assess": row.cannot_assess,
            "unparsed": row.unparsed,
            "refused": row.refused,
            "error": row.error,
        }
        for row in one.coverage
    ]


def repeat_rows(one: DimensionAgreement) -> list[Row]:
    """Every rater who scored traces more than once, with itself."""
    return [
        {
            "rater": again.rater,
            "is": again.source,
            "identical, %": coefficient(again.identical, percent=True),
            "QW kappa": coefficient(again.kappa),
            "ICC(1,1)": coefficient(again.icc),
            "traces": again.n_traces,
        }
        for again in one.repeatability
    ]


def spread_rows(found: Sequence[dict[str, object]]) -> list[Row]:
    """How often each rater gave each score, in percent of what that rater scored; of the query `score_spread`."""
    given = [dict(zip(_numbers(row["scores"]), _numbers(row["counts"]), strict=True)) for row in found]
    scale = sorted({score for counts in given for score in counts})
    return [
        {
            "rater": str(row["rater"]),
            "is": str(row["source"]),
            "scored": int(str(row["n_scored"])),
            "mean": f"{float(str(row['mean'])):.2f}",
            **{f"{score}, %": f"{100 * counts.get(score, 0) / sum(counts.values()):.0f}" for score in scale},
        }
        for row, counts in zip(found, given, strict=True)
    ]


def corrected_rows(report: CalibrationReport, task: str) -> list[Row]:
    """Per model the judge's mean as it is, the clinicians' and the corrected one, weighted to the frame."""
    return [
        {
            "model": row.model,
            "judge, raw": estimate(row.judge),
            "clinicians alone": estimate(row.clinicians),
            "corrected": estimate(row.corrected),
            "lambda": "" if row.corrected.lam is None else f"{row.corrected.lam:.2f}",
            "rated": row.coverage.n_rated,
            "judged": row.coverage.n_judged,
            "drawn": row.coverage.n_drawn,
            "frame": row.coverage.n_frame,
        }
        for row in report.models
        if row.task == task
    ]


def wrong_reason_rows(reasons: Iterable[WrongReason]) -> list[Row]:
    """Shares of low reasoning behind right and behind wrong answers, in percent."""
    return [
        {
            "model": reason.model,
            "low if right: judge, raw": estimate(reason.low_if_correct_judge, percent=True),
            "clinicians alone": estimate(reason.low_if_correct_clinicians, percent=True),
            "corrected": estimate(reason.low_if_correct, percent=True),
            "low if wrong: judge, raw": estimate(reason.low_if_wrong_judge, percent=True),
            "right: rated": reason.coverage_correct.n_rated,
            "right: judged": reason.coverage_correct.n_judged,
        }
        for reason in reasons
    ]


def band_rows(reasons: Iterable[WrongReason]) -> list[Row]:
    """Correctness by band of reasoning as the judge sees it, in percent of all traces of the frame."""
    return [
        {
            "model": reason.model,
            **{
                f"{'right' if cell.correct else 'wrong'}, {cell.band}": estimate(cell.judge, percent=True)
                for cell in reason.cells
            },
        }
        for reason in reasons
    ]


def coefficient(found: Agreement, *, percent: bool = False) -> str:
    """`0.48 [0.31 to 0.62]`, in percent `42 [31 to 54]`, or why it is undefined."""
    return _text(found.value, found.interval, found.reason, percent)


def estimate(found: Estimate, *, percent: bool = False) -> str:
    """As `coefficient`, of a mean or share."""
    return _text(found.value, found.interval, found.reason, percent)


def bias(found: BlandAltman) -> str:
    """`+0.48 [+0.31 to +0.62]` points, or why it is undefined."""
    if found.bias is None:
        return f"undefined: {found.reason}"
    span = found.interval
    return f"{found.bias:+.2f}" + ("" if span is None else f" [{span.low:+.2f} to {span.high:+.2f}]")


def show_table(rows: list[Row]) -> None:
    """As a table that scrolls by itself."""
    st.dataframe(rows, hide_index=True, placeholder="–", width="stretch")


def show_list(sentences: Iterable[str]) -> None:
    """Sentences that may hold names from files or models: as text, never as Markdown."""
    items = "".join(f"<li>{escaped(sentence)}</li>" for sentence in sentences)
    st.html(f"<ul style='margin:0;padding-left:1.2rem'>{items}</ul>")


def _numbers(values: object) -> list[int]:
    return [int(one) for one in values] if isinstance(values, list) else []


def _text(value: float | None, span: Interval | None, reason: str | None, percent: bool) -> str:
    if value is None:
        return f"undefined: {reason}"
    factor, digits = (100.0, 0) if percent else (1.0, 2)
    text = f"{factor * value:.{digits}f}"
    return (
        text
        if span is None
        else f"{text} [{factor * span.low:.{digits}f} to {factor * span.high:.{digits}f}]"
    )
