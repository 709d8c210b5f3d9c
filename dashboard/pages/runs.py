"""The page Runs: how far runs and audits are, what went wrong in them, what they are, and how good the data are."""

from __future__ import annotations

import streamlit as st

from spinebench.dashboard.address import Address, asked_for
from spinebench.dashboard.audit_details import show_audit
from spinebench.dashboard.data_quality import show_data_quality
from spinebench.dashboard.live_progress import show_progress, work_headline
from spinebench.dashboard.page_heads import PageHead
from spinebench.dashboard.run_choice import all_runs
from spinebench.dashboard.run_details import show_run
from spinebench.dashboard.workspace_data import (
    data_stamp,
    say_when,
    stop_if_empty,
    stop_with,
    when_said,
    workspace,
)
from spinebench.errors import SpinebenchError
from spinebench.store.ingest import ingest

_VIEWS = ("Run", "Audit", "Data quality")


def head(address: Address) -> PageHead | None:
    """What a new window shows first, whatever its address asks for; None where there is no run."""
    if not workspace().runs():
        return None
    return PageHead("Runs", (when_said(data_stamp()),), work_headline())


def show() -> None:
    """Draw the page."""
    st.title("Runs")
    stop_if_empty()
    try:
        # The place is above, but the progress comes first: it does not wait for what is loaded.
        above = st.container()
        show_progress()
        with above:
            _load_on_request()
            say_when(data_stamp())
        _say_unreadable()
        _show_one()
    except SpinebenchError as error:
        stop_with(error)


def _load_on_request() -> None:
    if st.button(
        "Load what is new",
        icon=":material/sync:",
        help="Brings the database up to the journals of all runs and audits. A run at work goes on meanwhile.",
    ):
        with st.spinner("Loading ..."):
            done = ingest(workspace())
        st.toast(f"Runs and audits that had something new: {len(done)}.", icon=":material/check:")


def _say_unreadable() -> None:
    place = workspace()
    for path, error in [*place.unreadable_runs(), *place.unreadable_audits()]:
        st.text(f"Cannot be read: {path.name}: {error}")


def _show_one() -> None:
    """One run, one audit, or the items of one run: the address says which (`view`, `run`, `audit`)."""
    views = [view for view in _VIEWS if view != "Audit" or workspace().audits()]
    asked = st.query_params.get("view")
    st.session_state["runs view"] = asked if asked in views else views[0]

    def remember() -> None:
        st.query_params["view"] = st.session_state["runs view"] or views[0]

    view = st.segmented_control(
        "Details", views, key="runs view", on_change=remember, required=True, label_visibility="collapsed"
    )
    if view == "Audit":
        audits = [folder.audit_id for folder in workspace().audits()][::-1]
        show_audit(workspace().audit(_pick("Audit", "audit", audits)))
        return
    # Of several runs in the address, as the other pages have them, the newest.
    run = _pick("Run", "run", [spec.run_id for spec in all_runs()][::-1])
    if view == "Run":
        show_run(workspace().run(run))
    else:
        show_data_quality(workspace().run(run).spec())


def _pick(label: str, name: str, options: list[str]) -> str:
    """A choice of one whose memory is the address."""
    key = f"details of {name}"
    wanted = asked_for(name)
    st.session_state[key] = next((option for option in options if option in wanted), options[0])

    def remember() -> None:
        st.query_params[name] = st.session_state[key]

    return str(st.selectbox(label, options, key=key, on_change=remember))
