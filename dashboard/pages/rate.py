"""The page Rate: how far each clinician is, and how they get to their own traces. No score is shown here."""

from __future__ import annotations

import shlex

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from spinebench.audit_records import AuditSpec
from spinebench.dashboard.address import Address
from spinebench.dashboard.audit_reports import audit_specs, latest_or_named
from spinebench.dashboard.caveats import audit_caveats, show_caveats
from spinebench.dashboard.headlines import show_headline
from spinebench.dashboard.page_heads import PageHead
from spinebench.dashboard.rating_progress import rating_headline, rating_progress
from spinebench.dashboard.workspace_data import stop_with, workspace
from spinebench.errors import SpinebenchError
from spinebench.store.rater_tokens import current_tokens


def head(address: Address) -> PageHead | None:
    """What a new window shows first at this address; None where that is not known at once."""
    specs = audit_specs()
    if not specs:
        return None
    spec = latest_or_named(specs, address.last("audit"))
    found = rating_progress(workspace().audit(spec.audit_id))
    return None if found is None else PageHead("Rate", audit_caveats(spec), rating_headline(found))


def show() -> None:
    """Draw the page."""
    st.title("Rate")
    specs = audit_specs()
    if not specs:
        st.info(
            "This workspace has no audit yet, so there is nothing to rate. Begin with `spinebench audit latest`.",
            icon=":material/info:",
        )
        for path, _ in workspace().unreadable_audits():
            st.warning("An audit cannot be read; `spinebench store check` says why:", icon=":material/error:")
            st.text(path.name)
        return
    try:
        above = st.container()
        spec = _chosen(specs)
        _show_audit(spec, above)
        if workspace().audit(spec.audit_id).rating_lock() is None:
            _say_how_to_rate()
    except SpinebenchError as error:
        stop_with(error)


def _chosen(specs: tuple[AuditSpec, ...]) -> AuditSpec:
    """The audit that the address names, else the latest."""
    names = [spec.audit_id for spec in reversed(specs)]
    asked = st.query_params.get("audit")
    picked = st.selectbox("Audit", names, index=names.index(asked) if asked in names else 0)
    st.query_params["audit"] = picked
    return next(spec for spec in specs if spec.audit_id == picked)


def _show_audit(spec: AuditSpec, above: DeltaGenerator) -> None:
    with above:
        show_caveats(audit_caveats(spec))
    folder = workspace().audit(spec.audit_id)
    found = rating_progress(folder)
    if found is None:
        st.info("Nothing is assigned to clinicians yet. Name two raters or more:", icon=":material/info:")
        st.code(f"spinebench rate assign {spec.audit_id} --rater r-1 --rater r-2{_at()}", language=None)
        return
    with above:
        show_headline(rating_headline(found))
    st.progress(found.n_rated / found.n_assigned)
    raters = found.raters
    tokens = current_tokens(workspace())
    st.dataframe(
        {
            "rater": [one.rater for one in raters],
            "rated": [100 * one.n_rated / one.n_assigned if one.n_assigned else None for one in raters],
            "assignments": [f"{one.n_rated} of {one.n_assigned}" for one in raters],
            "sittings done": [f"{one.n_sittings_done} of {one.n_sittings}" for one in raters],
            "last activity (UTC)": [one.last_activity for one in raters],
            "token": ["has one" if one.rater in tokens else "none" for one in raters],
        },
        column_config={
            "rated": st.column_config.ProgressColumn(format="%.0f %%", min_value=0, max_value=100),
            "last activity (UTC)": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm", timezone="UTC"),
        },
        hide_index=True,
        placeholder="–",
    )
    st.caption(f"Data as of {found.at:%Y-%m-%d %H:%M:%S} UTC.")
    lock = folder.rating_lock()
    if lock is not None:
        st.caption(
            f"Locked at {lock.at:%Y-%m-%d %H:%M} UTC with {lock.n_ratings:,} ratings: none is taken in any more. "
            "What they say of the judges is on the page Agreement."
        )
        st.write("What raters are far apart on is decided one by one:")
        st.code(f"spinebench rate adjudicate {spec.audit_id}{_at()}", language=None)
    else:
        st.caption("Progress only: scores and agreement before the lock would unblind those who still rate.")


def _say_how_to_rate() -> None:
    st.subheader("Rating in the browser")
    st.write(
        "Raters have a server of their own, which has their own blinded traces and no page of this dashboard. "
        "Give each of them a personal token, then start the server:"
    )
    st.code(f"spinebench rate token RATER{_at()}\nspinebench rate serve{_at()}", language=None)
    st.write("Without a network: `spinebench rate packets` writes a file for each of them.")


def _at() -> str:
    """The option that names this workspace, as a command takes it."""
    return f" --workspace {shlex.quote(str(workspace().path))}"
