"""The errors page: where models fail, each mark a way to the cases behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial

import streamlit as st

from spinebench.dashboard.address import Address, asked_for
from spinebench.dashboard.audit_reports import StillComputingError, audit_state, prevalences_of
from spinebench.dashboard.case_opening import Filters, show_linked_table
from spinebench.dashboard.caveats import audit_caveats, mark_runs, show_caveats
from spinebench.dashboard.charts import chart_columns
from spinebench.dashboard.confusion_matrix import case_filters, confused_pairs, confusion_matrix
from spinebench.dashboard.error_data import (
    NOT_ANSWERED,
    confusion_counts,
    healthy_rates,
    localization_summary,
    outcome_counts,
    shift_counts,
)
from spinebench.dashboard.failure_mode_chart import Figure, doubts, estimate_of, failure_mode_chart
from spinebench.dashboard.headlines import Headline, outcomes_headline, show_headline
from spinebench.dashboard.healthy_chart import healthy_chart
from spinebench.dashboard.localization_charts import level_chart, shift_chart
from spinebench.dashboard.outcome_chart import outcome_chart
from spinebench.dashboard.page_heads import PageHead, head_of_runs
from spinebench.dashboard.run_choice import RunChoice, chosen, counted_together
from spinebench.dashboard.waiting import wait_for
from spinebench.dashboard.workspace_data import data_stamp, rows, say_when, stop_with, workspace
from spinebench.errors import SpinebenchError
from spinebench.evaluators.estimate import Estimate
from spinebench.evaluators.invisible import written_out
from spinebench.evaluators.localization import LocalizationSummary
from spinebench.evaluators.reasoning import ALL_MODELS
from spinebench.records import Outcome, Task

PARTS = {"diagnosis": "Diagnosis", "localization": "Localization", "modes": "Failure modes"}
_TOP_PAIRS = 15
_FIRST_PART = "diagnosis"
_KEPT_PART = "kept part of errors"
_FIGURES: tuple[Figure, ...] = ("corrected", "judge", "clinicians")


def head(address: Address) -> PageHead | None:
    """What a new window shows first at this address; None where that is not known at once."""
    part = next((part for part in address.parts("part") if part in PARTS), _FIRST_PART)
    return head_of_runs("Errors", address, lambda choice: _headline(outcome_counts(choice), part))


def show() -> None:
    """Draw the page."""
    st.title("Errors")
    choice = chosen()
    try:
        _show(choice)
    except SpinebenchError as error:
        stop_with(error)


def _show(choice: RunChoice) -> None:
    mark_runs(choice.runs)
    say_when(data_stamp())
    counts = outcome_counts(choice)
    # Above what chooses the part: there first, see `show_headline`.
    show_headline(_headline(counts, _wanted_part()))
    part = _part()
    if part == "modes":
        _failure_modes(choice)
        return
    if not counts:
        st.info("The chosen runs hold no scored answer yet.", icon=":material/info:")
        return
    if part == "localization":
        _localization(choice, counts)
    else:
        _diagnosis(choice, counts)


def _headline(counts: Counter[tuple[str, str, str, str, str]], part: str) -> list[Headline]:
    return outcomes_headline(counts, Task.LOCALIZATION if part == "localization" else Task.DIAGNOSIS)


def _part() -> str:
    """Which part of the page is shown: the others are not computed."""
    kept = str(st.session_state.get(_KEPT_PART, _FIRST_PART))  # for the way back from a case
    if "part" not in st.session_state:
        st.session_state["part"] = _wanted_part()
    picked = st.segmented_control(
        "Part", list(PARTS), format_func=PARTS.__getitem__, label_visibility="collapsed", key="part"
    )
    part = str(picked or kept)
    st.session_state[_KEPT_PART] = part
    st.caption("A click on any bar, cell, point or row opens its cases.")
    return part


def _wanted_part() -> str:
    """The part that will be shown, before what chooses it is drawn."""
    kept = str(st.session_state.get(_KEPT_PART, _FIRST_PART))
    if "part" in st.session_state:
        return str(st.session_state["part"] or kept)
    return next((part for part in asked_for("part") if part in PARTS), kept)


def _diagnosis(choice: RunChoice, counts: Counter[tuple[str, str, str, str, str]]) -> None:
    if not any(task == Task.DIAGNOSIS for _, _, _, task, _ in counts):
        st.info("The chosen runs asked for no diagnosis.", icon=":material/info:")
        return
    _outcomes(choice, counts, Task.DIAGNOSIS)
    model = _model(choice, everyone=True)
    models = choice.models if model is None else [model]
    confusion = confusion_counts(choice, models)
    if confusion:
        confusion_matrix(
            confusion,
            lambda cell: _cases(choice, model=models, **case_filters(cell["gold"], cell["answered"])),
            title=f"Diagnosis: gold against answered, {written_out(model or ALL_MODELS)}, "
            f"n = {sum(confusion.values()):,}",
        )
        st.caption(
            "Each cell: share of its row, and answers below. Green frames: right answers. A row's n: every time a "
            "question with that gold label was asked of a model, unanswered ones too."
            + counted_together(choice)
        )
        _pairs(choice, confusion, models)
    _healthy(choice)


def _pairs(choice: RunChoice, confusion: Counter[tuple[str, str]], models: list[str]) -> None:
    pairs = confused_pairs(confusion)
    st.subheader("Most confused pairs")
    if not pairs:
        n = sum(confusion.values())
        answered = n - sum(count for (_, given), count in confusion.items() if given == NOT_ANSWERED)
        st.caption(
            f"No wrong diagnosis among the {answered:,} answered, of {n:,} asked."
            if answered
            else f"Not one of {n:,} questions was answered: nothing could be confused."
        )
        return
    shown = pairs[:_TOP_PAIRS]
    show_linked_table(
        {
            "gold": [written_out(pair.gold) for pair in shown],
            "answered": [written_out(pair.answered) for pair in shown],
            "answers": [pair.n for pair in shown],
            "of gold": [pair.n_gold for pair in shown],
            "share of gold": [f"{pair.n / pair.n_gold:.1%}" for pair in shown],
        },
        lambda row: _cases(choice, model=models, **case_filters(shown[row].gold, shown[row].answered)),
        key="confused pairs",
    )
    st.caption(f"{len(shown)} of {len(pairs)} wrong pairs. Select a row to open its cases.")


def _healthy(choice: RunChoice) -> None:
    st.subheader("Healthy images answered with a disease")
    rates = healthy_rates(choice)
    if not rates:
        st.caption("No diagnosis of a healthy image was asked.")
        return
    columns = chart_columns(3, least=280, key="healthy-charts")
    for column, by in zip(columns, ("modality", "region", "source"), strict=True):
        with column:
            healthy_chart(rates, by, choice.models, partial(_misdiagnosed, choice, by))
    st.caption(
        "Share of the times that a model was asked about a healthy image, with exact (Clopper-Pearson) 95 % intervals"
        " (on the effective number of answers where an image or a study was asked about more than once)."
        + counted_together(choice)
    )


def _misdiagnosed(choice: RunChoice, by: str, point: Mapping[str, str]) -> Filters:
    return _cases(
        choice,
        task=str(Task.DIAGNOSIS),
        outcome=str(Outcome.HEALTHY_MISDIAGNOSED),
        model=point["model"],
        **{by: point["value"]},
    )


def _localization(choice: RunChoice, counts: Counter[tuple[str, str, str, str, str]]) -> None:
    n_asked: Counter[str] = Counter()
    for (model, _, _, task, _), n in counts.items():
        if task == Task.LOCALIZATION:
            n_asked[model] += n
    if not n_asked:
        st.info("The chosen runs asked for no localization.", icon=":material/info:")
        return
    _outcomes(choice, counts, Task.LOCALIZATION)
    shift_chart(
        shift_counts(choice),
        n_asked,
        lambda cell: _cases(
            choice,
            task=str(Task.LOCALIZATION),
            outcome=str(Outcome.SHIFTED),
            model=cell["model"],
            shift=str(int(cell["shift"])),  # its sign is written out there
        ),
    )
    named = _model(choice, everyone=False) or choice.models[0]
    summary = localization_summary(choice, named)
    if summary is None:
        st.caption("This model was asked for no localization.")
        return
    level_chart(
        summary.levels,
        named,
        lambda point: _cases(
            choice,
            task=str(Task.LOCALIZATION),
            model=named,
            **{"level" if point["figure"] == "sensitivity" else "spared_level": point["level"]},
        ),
    )
    st.caption(
        "Sensitivity: questions with the level among the right ones in which it is named. Specificity: questions that "
        "offer it without its being right in which it is not named. Unanswered ones are no hit."
        + counted_together(choice)
    )
    _offsets(choice, summary, named)


def _offsets(choice: RunChoice, summary: LocalizationSummary, model: str) -> None:
    found = summary.distances
    if found is None:
        st.caption("The options are not levels of one chain: no distances.")
        return
    st.subheader("Offsets")
    figures = (
        ("mean signed offset in levels, caudal positive", found.offset, False),
        (f"mean distance in levels, 0 to {found.cutoff}", found.distance.of_asked, False),
        ("gold levels met within one level", found.within_one.of_asked, True),
        ("answers with a uniform shift", found.uniform_shifts.of_asked, True),
    )

    def behind(row: int) -> Filters:
        outcome = str(Outcome.SHIFTED) if figures[row][1] is found.uniform_shifts.of_asked else None
        return _cases(choice, task=str(Task.LOCALIZATION), model=model, outcome=outcome)

    show_linked_table(
        {
            "figure": [name for name, _, _ in figures],
            "value": [_said(estimate, percent) for _, estimate, percent in figures],
            "n": [estimate.n for _, estimate, _ in figures],
        },
        behind,
        key=f"offsets {model}",
    )


def _failure_modes(choice: RunChoice) -> None:
    audits = [row for row in rows("audits") if set(_ids(row["run_ids"])) & set(choice.run_ids)]
    if not audits:
        st.info(
            "No audit of the chosen runs: failure modes are read from reasoning. Begin with `spinebench audit`.",
            icon=":material/info:",
        )
        return
    ids = [str(row["audit_id"]) for row in reversed(audits)]
    asked = [one for one in asked_for("audit") if one in ids]
    audit_id = st.selectbox("Audit", ids, index=ids.index(asked[0]) if asked else 0)
    show_caveats(audit_caveats(workspace().audit(audit_id).spec()))
    place = st.empty()
    try:
        found = prevalences_of(audit_state(audit_id))
    except StillComputingError as error:
        wait_for(error, place, "Computing how often each mode occurs, with intervals ...")
        return
    if not found:
        st.info("The rubrics of this audit name no failure mode.", icon=":material/info:")
        return
    figure = st.segmented_control("Figure", _FIGURES, default=_FIGURES[0], key="figure") or _FIGURES[0]
    models = sorted({one.model for one in found} - {ALL_MODELS})
    failure_mode_chart(
        found,
        figure,
        models,
        lambda point: _cases(choice, audit=audit_id, mode=point["mode"], model=point["model"]),
    )
    for doubt in doubts([estimate_of(one, figure) for one in found if one.model != ALL_MODELS]):
        st.text(doubt)
    undefined = [one for one in found if one.model != ALL_MODELS and estimate_of(one, figure).value is None]
    if undefined:
        reason = estimate_of(undefined[0], figure).reason
        st.text(f"{len(undefined)} undefined, e.g. {undefined[0].mode}, {undefined[0].model}: {reason}")
    st.caption(
        "All shares stand for the audit's frame. Corrected: the judge's marks corrected by the clinicians' ratings "
        "(prediction-powered), the figure to quote; its value is not cut at 0. The cases are the audited traces in "
        "which a judge or clinician marked the mode."
    )


def _outcomes(choice: RunChoice, counts: Counter[tuple[str, str, str, str, str]], task: Task) -> None:
    outcome_chart(counts, task, lambda part: _cases(choice, task=str(task), **part))


def _model(choice: RunChoice, *, everyone: bool) -> str | None:
    """The model that the figures below are about; None for all together."""
    options = [*([ALL_MODELS] if everyone else []), *choice.models]
    asked = [one for one in asked_for("model") if one in options]
    picked = st.selectbox(
        "Model",
        options,
        index=options.index(asked[0]) if len(asked) == 1 else 0,
        format_func=written_out,
        key=f"model {everyone} {len(options)}",
    )
    return None if picked == ALL_MODELS else str(picked)


def _cases(choice: RunChoice, **filters: str | Iterable[str] | None) -> Filters:
    """The cases behind a mark, of the chosen runs, personas and image conditions."""
    everyone = {name for run in choice.runs for name in run.personas}
    everything = {one.value for run in choice.runs for one in run.image_conditions}
    chosen_ones: dict[str, str | Iterable[str] | None] = {
        "run": choice.run_ids,
        "persona": choice.personas if set(choice.personas) != everyone else None,
        "condition": choice.conditions if set(choice.conditions) != everything else None,
    }
    return {**chosen_ones, **filters}


def _said(estimate: Estimate, percent: bool) -> str:
    """A value with its interval as text."""
    if estimate.value is None:
        return f"undefined: {estimate.reason}"
    form = "{:.1%}" if percent else "{:.2f}"
    text = form.format(estimate.value)
    if estimate.interval is None:
        return text
    return f"{text} [{form.format(estimate.interval.low)} to {form.format(estimate.interval.high)}]"


def _ids(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []
