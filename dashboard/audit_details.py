"""One audit: how far judges and clinicians are, errors by class, cost against budget, plan and hashes."""

from __future__ import annotations

import streamlit as st

from spinebench.dashboard.caveats import mark_audit
from spinebench.dashboard.live_progress import progress_of
from spinebench.dashboard.run_details import show_budget, show_failures
from spinebench.dashboard.spec_table import show_spec
from spinebench.dashboard.workspace_data import rows
from spinebench.store.audit_folder import AuditFolder


def show_audit(folder: AuditFolder) -> None:
    """Draw all of it."""
    spec = folder.spec()
    mark_audit(spec)
    now = progress_of(folder)
    loaded = next(iter(rows("audits", audit_id=spec.audit_id)), None)
    columns = st.columns(5)
    columns[0].metric("Judgements done", f"{now.n_done} of {now.n_planned}")
    columns[1].metric("Failed", now.n_failed)
    columns[2].metric("Traces", f"{spec.n_traces} of {spec.sample.n_frame}")
    columns[3].metric("Referred to clinicians", _told(loaded, "n_referred"))
    columns[4].metric("Ratings of assigned", f"{_told(loaded, 'n_ratings')} of {_told(loaded, 'n_assigned')}")
    if loaded is None:
        st.info("Nothing of this audit is in the database yet: `Load what is new` above brings it there.")
        return
    st.subheader("Who scored how much")
    st.dataframe(
        [
            {
                "who": one["rater"],
                "as": one["source"],
                "dimension": one["dimension"],
                "planned": one["n_planned"],
                "done": one["n_done"],
                "scored": one["n_scored"],
                "unparsed": one["n_unparsed"],
                "refused": one["n_refused"],
                "failed": one["n_failed"],
                "cannot assess": one["n_cannot_assess"],
                "simulated": one["simulated"],
            }
            for one in rows("coverage", audit_id=spec.audit_id)
        ],
        hide_index=True,
        placeholder="–",
        width="stretch",
    )
    st.subheader("Errors by class")
    failures = rows("judge_failures", audit_id=spec.audit_id)
    show_failures(
        failures,
        by="judge",
        what="judgements",
        n="n_judgements",
        message="example",
        n_seen=int(str(loaded["n_judgements"])),
    )
    st.subheader("Cost")
    show_budget(folder)
    st.dataframe(
        [
            {
                "judge": one["judge"],
                "replies": one["n"],
                "reused": one["n_reused"],
                "cost, USD": one["cost_usd"],
                "priced": one["n_priced"],
                "input tokens": one["input_tokens"],
                "output tokens": one["output_tokens"],
                "reasoning tokens": one["reasoning_tokens"],
            }
            for one in rows("audit_usage", audit_id=spec.audit_id)
        ],
        hide_index=True,
        placeholder="–",
        width="stretch",
    )
    st.subheader("Plan and hashes")
    show_spec(spec)


def _told(loaded: dict[str, object] | None, name: str) -> str:
    return "?" if loaded is None else str(loaded[name])
