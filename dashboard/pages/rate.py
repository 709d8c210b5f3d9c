"""The page Rate: how far each clinician is, and how they get to their own traces. No score is shown here."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from pathlib import Path

import streamlit as st

from spinebench.audit_records import AuditSpec
from spinebench.dashboard.audit_reports import audit_specs
from spinebench.dashboard.workspace_data import stop_with, workspace
from spinebench.errors import SpinebenchError
from spinebench.exchange.rating_book import RatingBook
from spinebench.rating.progress import Progress, progress
from spinebench.store.audit_folder import AuditFolder
from spinebench.store.rater_tokens import current_tokens


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
        spec = _chosen(specs)
        _show_audit(spec)
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


def _show_audit(spec: AuditSpec) -> None:
    if spec.simulated:
        st.warning(
            "Simulation: traces, judges or clinicians of this audit are simulated.", icon=":material/science:"
        )
    folder = workspace().audit(spec.audit_id)
    if not any(one.traces for one in folder.assignments().values()):
        st.info("Nothing is assigned to clinicians yet. Name two raters or more:", icon=":material/info:")
        st.code(f"spinebench rate assign {spec.audit_id} --rater r-1 --rater r-2{_at()}", language=None)
        return
    stamp = _stamp(folder)
    found = _progress(str(folder.path), stamp)
    n_assigned, n_rated = sum(one.n_assigned for one in found), sum(one.n_rated for one in found)
    n_traces = len({shown.trace_id for one in folder.assignments().values() for shown in one.traces})
    st.progress(
        n_rated / n_assigned,
        text=f"{n_rated:,} of {n_assigned:,} assignments rated: {n_traces:,} traces, each to one rater or more, "
        "hidden duplicates among them",
    )
    tokens = current_tokens(workspace())
    st.dataframe(
        {
            "rater": [one.rater for one in found],
            "rated": [100 * one.n_rated / one.n_assigned if one.n_assigned else None for one in found],
            "assignments": [f"{one.n_rated} of {one.n_assigned}" for one in found],
            "sittings done": [f"{one.n_sittings_done} of {one.n_sittings}" for one in found],
            "last activity (UTC)": [one.last_activity for one in found],
            "token": ["has one" if one.rater in tokens else "none" for one in found],
        },
        column_config={
            "rated": st.column_config.ProgressColumn(format="%.0f %%", min_value=0, max_value=100),
            "last activity (UTC)": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm", timezone="UTC"),
        },
        hide_index=True,
        placeholder="–",
    )
    written = max((written for _, written, _ in stamp), default=0)
    st.caption(f"Data as of {datetime.fromtimestamp(written / 1e9, UTC):%Y-%m-%d %H:%M:%S} UTC.")
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


def _stamp(folder: AuditFolder) -> tuple[tuple[str, int, int], ...]:
    """Which state the assignments and the ratings of an audit are in."""
    files = [
        folder.path / "assignments.jsonl",
        *(folder.ratings_journal(one).path for one in folder.rater_ids()),
    ]
    return tuple((path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in files)


@st.cache_data(max_entries=50, show_spinner=False)
def _progress(path: str, stamp: tuple[tuple[str, int, int], ...]) -> list[Progress]:
    # The stamp is part of the key: a new state is counted anew.
    folder = AuditFolder(Path(path))
    return progress(RatingBook.open(folder), folder.ratings())
