"""Models by tasks: accuracy with its interval, what stands behind it, and what one gets without looking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import streamlit as st

from spinebench.dashboard.case_links import cases_url
from spinebench.dashboard.case_opening import Filters, picking, show_linked_chart
from spinebench.dashboard.charts import chart_columns, names_width
from spinebench.dashboard.interval_chart import IntervalMark, ReferenceLine, interval_chart
from spinebench.evaluators.baselines import Baseline
from spinebench.evaluators.estimate import Estimate, Rate
from spinebench.evaluators.invisible import written_out
from spinebench.evaluators.results import AccuracySummary

_TITLES = {
    "diagnosis": "Diagnosis: the right option",
    "localization": "Localization: the exact set of levels",
    "overall": "Overall: mean of diagnosis and localization",
    "knowledge": "Knowledge: the right option",
}
"""Scopes in the order in which they are shown."""
_DRAWN = ("random option", "always Healthy", "uniform non-empty subset", "best constant")
"""Of the answers without looking, those that are drawn in; all are in the list below the table."""


def row_labels(summaries: Sequence[AccuracySummary]) -> list[str]:
    """The model of each summary, with what else tells it apart from the others."""
    varying = [
        name
        for name in ("persona", "image_condition", "option_order")
        if len({getattr(one, name) for one in summaries}) > 1
    ]
    return [
        written_out(", ".join([one.model, *(str(getattr(one, name)) for name in varying)]))
        + (" (simulated)" if one.simulated else "")
        + (" (partial)" if one.partial else "")
        for one in summaries
    ]


def accuracy_charts(
    summaries: Sequence[AccuracySummary], labels: Sequence[str], run_ids: Sequence[str]
) -> None:
    """One chart per task that was asked; a click on a point opens the model's cases of that task."""
    scopes = [scope for scope in _TITLES if any(_rate(one, scope) is not None for one in summaries)]
    least = names_width(labels) + 210 + 150  # the figures behind the bars, and what the bars need themselves
    # Two beside each other; a row of its own for each two keeps them in order where they stand below each other.
    places = [
        column
        for row in range(0, len(scopes), 2)
        for column in chart_columns(min(len(scopes), 2), least=least, key=f"accuracies-{run_ids[0]}-{row}")
    ]
    for place, scope in enumerate(scopes):
        marks = []
        for one, label in zip(summaries, labels, strict=True):
            rate = _rate(one, scope)
            if rate is None:
                continue
            estimate = rate.of_asked
            interval = estimate.interval
            marks.append(
                IntervalMark(
                    label=label,
                    value=estimate.value,
                    low=None if interval is None else interval.low,
                    high=None if interval is None else interval.high,
                    n=estimate.n,
                    note=f"n {estimate.n}, {_unanswered(estimate)} unanswered",
                    fields={
                        "model": one.model,
                        "persona": one.persona,
                        "condition": one.image_condition,
                    },
                )
            )
        chart = interval_chart(
            marks,
            _references(summaries, scope),
            title=_TITLES[scope],
            x_title="% of asked (unanswered is wrong), 95 % interval",
            picking=picking("model", "persona", "condition"),
        )
        with places[place]:
            # The runs are part of the key: a point picked in other runs is not picked in these.
            show_linked_chart(
                chart, partial(_cases, run_ids, scope), key=f"accuracy {scope} {' '.join(run_ids)}"
            )


def _cases(run_ids: Sequence[str], scope: str, point: Mapping[str, str]) -> Filters:
    return {
        "run": run_ids,
        "model": point["model"],
        "persona": point["persona"],
        "condition": point["condition"],
        "task": _tasks(scope),
    }


def accuracy_table(
    summaries: Sequence[AccuracySummary], labels: Sequence[str], run_ids: Sequence[str]
) -> None:
    """The same figures as a table, with both denominators, what answering without looking gives, and warnings."""
    rows = []
    for one, label in zip(summaries, labels, strict=True):
        for scope in _TITLES:
            rate = _rate(one, scope)
            if rate is None:
                continue
            asked = rate.of_asked
            rows.append(
                {
                    "model": label,
                    "task": scope,
                    "accuracy, %": _percent(asked),
                    "95 % interval": _bounds(asked),
                    "n": asked.n,
                    "clusters": asked.n_clusters,
                    "unanswered": _unanswered(asked),
                    "of answered, %": _percent(rate.of_answered),
                    "above chance, %": _percent(_corrected(one, scope)),
                    "interval by": asked.interval.method if asked.interval else asked.reason or "",
                    "cases": cases_url(
                        run=run_ids,
                        model=one.model,
                        persona=one.persona,
                        condition=one.image_condition,
                        task=_tasks(scope),
                    ),
                }
            )
    figures = st.column_config.NumberColumn(format="%.1f")
    st.dataframe(
        rows,
        hide_index=True,
        placeholder="–",
        width="stretch",
        column_config={
            "accuracy, %": figures,
            "of answered, %": figures,
            "above chance, %": st.column_config.NumberColumn(
                format="%.1f",
                help="(accuracy - chance) / (1 - chance): 0 is guessing, 100 is always right. Chance: a random "
                "option in diagnosis, a uniform non-empty set of levels in localization.",
            ),
            "n": st.column_config.NumberColumn(
                help="Answers asked for. A model that was asked a question twice (epochs, rotations of the options, "
                "several runs) counts twice with it; clusters do not."
            ),
            "unanswered": st.column_config.NumberColumn(help="Counted as wrong in accuracy."),
            "cases": st.column_config.LinkColumn(display_text="open cases"),
        },
    )
    _say_baselines(summaries)
    for warning in dict.fromkeys(
        f"{label}: {text}" for one, label in zip(summaries, labels, strict=True) for text in one.warnings
    ):
        st.text(f"Note: {warning}.")


def _rate(summary: AccuracySummary, scope: str) -> Rate | None:
    """The accuracy of one scope; None where it was not asked."""
    if scope == "overall":
        return summary.overall if summary.diagnosis and summary.localization else None
    part = {
        "diagnosis": summary.diagnosis,
        "localization": summary.localization,
        "knowledge": summary.knowledge,
    }[scope]
    return None if part is None else part.accuracy


def _tasks(scope: str) -> list[str]:
    return ["diagnosis", "localization"] if scope == "overall" else [scope]


def _corrected(summary: AccuracySummary, scope: str) -> Estimate | None:
    if scope == "overall":
        return summary.overall_chance_corrected
    if scope == "diagnosis" and summary.diagnosis:
        return summary.diagnosis.chance_corrected
    if scope == "localization" and summary.localization:
        return summary.localization.chance_corrected
    return None


def _baselines(summary: AccuracySummary, scope: str) -> tuple[Baseline, ...]:
    if scope == "diagnosis" and summary.diagnosis:
        return summary.diagnosis.baselines
    if scope == "localization" and summary.localization:
        return summary.localization.baselines
    return ()


def _widest_baselines(summaries: Sequence[AccuracySummary], scope: str) -> tuple[Baseline, ...]:
    """Of the model that was asked most questions, the first of several: baselines are the questions', not the
    model's, and those of a partial run's few are not what the others could have got."""
    found = [_baselines(one, scope) for one in summaries]
    return max(found, key=lambda own: own[0].n_items if own else 0, default=())


def _references(summaries: Sequence[AccuracySummary], scope: str) -> list[ReferenceLine]:
    found = _widest_baselines(summaries, scope)
    wanted = [one for one in found if one.name in _DRAWN]
    if scope == "localization":  # one level at random is no way to name a set
        wanted = [one for one in wanted if one.name != "random option"]
    return [ReferenceLine(one.name, one.accuracy) for one in wanted]


def _say_baselines(summaries: Sequence[AccuracySummary]) -> None:
    for scope in ("diagnosis", "localization"):
        found = _widest_baselines(summaries, scope)
        if found:
            figures = ", ".join(
                f"{one.name}{f' ({written_out(one.answer)})' if one.answer else ''} {100 * one.accuracy:.1f}"
                for one in found
            )
            fewer = any(
                own and own[0].n_items < found[0].n_items
                for own in (_baselines(one, scope) for one in summaries)
            )
            asked = ", of which some rows were asked only part" if fewer else ""
            st.text(f"Without looking, {scope}, percent of {found[0].n_items} items{asked}: {figures}.")


def _unanswered(estimate: Estimate) -> int:
    counts = estimate.denominators
    return 0 if counts is None else counts.asked - counts.answered


def _percent(estimate: Estimate | None) -> float | None:
    return None if estimate is None or estimate.value is None else 100 * estimate.value


def _bounds(estimate: Estimate) -> str:
    if estimate.interval is None:
        return ""
    return f"{100 * estimate.interval.low:.1f} to {100 * estimate.interval.high:.1f}"
