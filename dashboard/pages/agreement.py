"""The page agreement: clinicians among themselves, each judge beside them, and what follows for the scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from spinebench.audit_records import AuditSpec
from spinebench.dashboard import agreement_tables as tables
from spinebench.dashboard.address import Address
from spinebench.dashboard.agreement_differences import show_differences, show_models
from spinebench.dashboard.agreement_judges import show_agreement
from spinebench.dashboard.agreement_scores import (
    show_claims,
    show_corrected,
    show_coverage,
    show_wrong_reasons,
)
from spinebench.dashboard.audit_reports import (
    AuditState,
    StillComputingError,
    agreement_of,
    audit_specs,
    audit_state,
    facts_of,
    latest_or_named,
    scored_dimensions,
)
from spinebench.dashboard.caveats import audit_caveats, show_caveats
from spinebench.dashboard.charts import mark_charts
from spinebench.dashboard.headlines import audit_headline, show_headline
from spinebench.dashboard.page_heads import PageHead
from spinebench.dashboard.waiting import wait_for
from spinebench.dashboard.workspace_data import rows, stop_with, workspace
from spinebench.errors import SpinebenchError


def head(address: Address) -> PageHead | None:
    """What a new window shows first at this address; None where that is not known at once."""
    specs = audit_specs()
    if not specs:
        return None
    spec = latest_or_named(specs, address.last("audit"))
    return PageHead("Agreement", audit_caveats(spec), audit_headline(spec))


def show() -> None:
    """Draw the page."""
    st.title("Agreement")
    mark_charts()
    specs = audit_specs()
    if not specs:
        _say_no_audit()
        return
    try:
        _show_audit(specs)
    except SpinebenchError as error:
        stop_with(error)


def _say_no_audit() -> None:
    st.info(
        "This workspace holds no audit yet. An audit draws traces of a run, has judges score them and refers some to "
        "clinicians. Begin with `spinebench audit RUN`, or see one by `spinebench demo`; then reload this page.",
        icon=":material/info:",
    )
    for path, _ in workspace().unreadable_audits():
        st.warning("An audit cannot be read; `spinebench store check` says why:", icon=":material/error:")
        st.text(path.name)


def _show_audit(specs: Sequence[AuditSpec]) -> None:
    ids = [spec.audit_id for spec in reversed(specs)]
    wanted = latest_or_named(specs, _wanted("audit", ids))
    # Above the choices: there first, see `show_headline`.
    show_caveats(audit_caveats(wanted))
    show_headline(audit_headline(wanted))
    where = st.columns([3, 1.3, 2, 2.2])
    with where[0]:
        audit_id = _choice("Audit", "audit", ids)
    state = audit_state(audit_id)
    dimensions = scored_dimensions(state)
    if not dimensions:
        st.info(
            "Nobody has scored a trace of this audit yet. `spinebench audit` lets the judges go on, "
            "`spinebench rate` brings in the clinicians.",
            icon=":material/info:",
        )
        return
    with where[1]:
        task = _choice("Task", "task", list(dimensions))
    with where[2]:
        dimension = _choice("Dimension", "dimension", dimensions[task])
    pending: StillComputingError | None = None
    try:
        _show_report(state, task, dimension, where[3])
    except StillComputingError as error:
        pending = error
    place = st.empty()
    st.subheader(f"How each rater used the scale: {task}, {dimension}", anchor=False)
    tables.show_table(
        tables.spread_rows(rows("score_spread", audit_id=audit_id, task=task, dimension=dimension))
    )
    if pending is not None:
        wait_for(pending, place, "Computing agreement with its intervals ...")


def _show_report(state: AuditState, task: str, dimension: str, where: DeltaGenerator) -> None:
    known = facts_of(state)
    _mark_ratings(known.locked, known.stale)
    report = agreement_of(state, task, dimension)
    one = report.dimensions[0]
    judges = [judge.judge for judge in one.judges]
    with where:
        name = _choice("Judge", "judge", judges[::-1]) if judges else None
    judge = next((each for each in one.judges if each.judge == name), None)
    st.caption(
        f"{one.n_rated} of {one.n_traces} traces rated, in {one.n_clusters} clusters, by {len(one.clinicians)} "
        f"clinicians; {one.n_models} models; scale {', '.join(map(str, one.scale))}. {report.n_tuning} tuning traces "
        f"of the audit are left out. Scores as of {state.at:%Y-%m-%d %H:%M:%S} UTC."
    )
    views: dict[str, Callable[[], None]] = {
        "Judge and clinicians": lambda: show_agreement(one, report),
        "Differences": lambda: show_differences(state, one, judge),
        "Models": lambda: show_models(state, one, judge),
        "Corrected scores": lambda: show_corrected(state, one, judge),
        "Wrong reasons": lambda: show_wrong_reasons(state, one, judge),
        "What may be said": lambda: show_claims(state, one, judge),
        "Coverage": lambda: show_coverage(one),
    }
    asked = st.query_params.get("view")
    view = st.segmented_control(
        "What to look at",
        list(views),
        default=asked if asked in views else next(iter(views)),
        required=True,
        key="agreement view",
        label_visibility="collapsed",
    )
    st.query_params["view"] = view
    if not one.n_rated and view not in ("Corrected scores", "Wrong reasons", "Coverage"):
        st.info(
            "No clinician has rated this task on this dimension yet, so there is nothing to agree with. Next: "
            "`spinebench rate packets`, then `spinebench rate import`; judges' own scores are under Corrected scores.",
            icon=":material/info:",
        )
        return
    views[view]()


def _choice(label: str, name: str, options: list[str]) -> str:
    """One of a few names, kept in the address."""
    key = f"agreement {name}"
    st.session_state[key] = _wanted(name, options)
    picked = st.selectbox(label, options, key=key)
    st.query_params[name] = picked
    return picked


def _wanted(name: str, options: list[str]) -> str:
    """What will be chosen, before the choice is drawn."""
    held, asked = st.session_state.get(f"agreement {name}"), st.query_params.get(name)
    return next((str(one) for one in (held, asked) if one in options), options[0])


def _mark_ratings(locked: bool, stale: Sequence[str]) -> None:
    if stale:
        st.warning("STALE: changed since the judge was held against clinicians:", icon=":material/history:")
        tables.show_list(stale)
    st.caption(
        "Ratings are locked." if locked else "Ratings are NOT LOCKED: preliminary, figures may still change."
    )
