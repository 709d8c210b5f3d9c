"""One run: what became of its questions, errors by class, cost against budget, plan and hashes."""

from __future__ import annotations

import altair as alt
import streamlit as st

from spinebench.dashboard.caveats import mark_runs
from spinebench.dashboard.charts import show_chart
from spinebench.dashboard.cost_table import cost_table
from spinebench.dashboard.interval_chart import BLUE
from spinebench.dashboard.live_progress import progress_of
from spinebench.dashboard.spec_table import show_spec
from spinebench.dashboard.workspace_data import rows
from spinebench.evaluators.invisible import written_out
from spinebench.records import RunSpec
from spinebench.store.audit_folder import AuditFolder
from spinebench.store.run_folder import RunFolder

_STATUSES = ("answered", "no_answer", "unparsed", "refused", "truncated", "filtered", "errored")


def show_run(folder: RunFolder) -> None:
    """Draw all of it."""
    spec = folder.spec()
    mark_runs([spec])
    n_loaded = _show_sizes(folder, spec)
    _show_statuses(spec.run_id)
    st.subheader("Errors by class")
    show_failures(
        rows("failures", run_id=spec.run_id),
        by="model",
        what="answers",
        n="n_answers",
        message="last_message",
        n_seen=n_loaded,
    )
    st.subheader("Cost and time")
    show_budget(folder)
    cost_table([spec.run_id])
    st.subheader("Plan and hashes")
    show_spec(spec)


def _show_sizes(folder: RunFolder, spec: RunSpec) -> int:
    """Draw how much there is; how many answers of the run the database holds, failed ones too."""
    now = progress_of(folder)
    loaded = rows("runs", run_id=spec.run_id)
    n_loaded = int(str(loaded[0]["n_answers"])) if loaded else 0
    n_loaded_failed = int(str(loaded[0]["n_failed"])) if loaded else 0
    n_unscored = int(str(loaded[0]["n_unscored"])) if loaded else 0
    # The status file of a killed run lags behind its journal, from which the database is filled.
    n_done = max(now.n_done, n_loaded - n_loaded_failed)
    columns = st.columns(5)
    columns[0].metric("Answers done", f"{n_done} of {now.n_planned}")
    columns[1].metric("Failed", now.n_failed)
    columns[2].metric("In the database", n_loaded)
    columns[3].metric("Waiting for a score", n_unscored)
    columns[4].metric("Items", f"{spec.n_items} of {spec.benchmark.n_items}")
    if n_loaded < n_done:
        st.info(
            f"{n_done - n_loaded} answers are not in the database yet. They get there when the run stops, or by "
            "`Load what is new` above.",
            icon=":material/hourglass_empty:",
        )
    return n_loaded


def _show_statuses(run_id: str) -> None:
    found = rows("statuses", run_id=run_id)
    if not found:
        return
    st.subheader("What became of the questions")
    st.dataframe(
        [
            {
                "model": written_out(str(one["model"])),
                "persona": written_out(str(one["persona"])),
                "images": one["image_condition"],
                "option order": one["option_order"],
                "asked": one["n_asked"],
                **{status: one[f"n_{status}"] for status in _STATUSES},
            }
            for one in found
        ],
        hide_index=True,
        placeholder="–",
        width="stretch",
    )


def show_failures(
    failures: list[dict[str, object]], *, by: str, what: str, n: str, message: str, n_seen: int
) -> None:
    """Failed attempts by class and by model or judge, as bars and as a table with an example.

    `n_seen` counts the answers or judgements that the database holds: of others nothing is known here.
    """
    if not failures:
        st.text(
            f"No attempt failed, of {n_seen:,} {what} in the database."
            if n_seen
            else f"No {what} are in the database yet: whether attempts failed is not known here."
        )
        return
    values = [{"class": one["failure_class"], "who": one[by], "attempts": one["n"]} for one in failures]
    total = sum(int(str(one["n"])) for one in failures)
    show_chart(
        alt.Chart(alt.InlineData(values=values))
        .mark_bar(color=BLUE)
        .encode(
            x=alt.X("sum(attempts):Q", title="failed attempts", axis=alt.Axis(tickMinStep=1)),
            y=alt.Y("class:N", title=None, sort="-x", axis=alt.Axis(labelLimit=200)),
            tooltip=[
                alt.Tooltip("class:N", title="class"),
                alt.Tooltip("who:N", title=by),
                alt.Tooltip("attempts:Q", title="failed attempts"),
            ],
        )
        .properties(
            title=f"Failed attempts by class, n = {total} (attempts that were repeated with success too)",
            height=alt.Step(26),
        )
    )
    st.dataframe(
        [
            {
                by: one[by],
                "class": one["failure_class"],
                "status code": one.get("status_code"),
                "attempts": one["n"],
                what: one[n],
                "example": one[message],
            }
            for one in failures
        ],
        hide_index=True,
        placeholder="–",
        width="stretch",
    )


def show_budget(folder: RunFolder | AuditFolder) -> None:
    """Cost of the last sitting against the plan's budget."""
    now = progress_of(folder)
    if now.budget_usd is None:
        st.text(
            "No budget was set."
            + ("" if now.cost_usd is None else f" The last sitting cost {now.cost_usd:.4f} USD.")
        )
    elif now.cost_usd is None:
        st.text(f"Budget {now.budget_usd:.2f} USD; what was spent is not known, as no price is.")
    else:
        st.progress(
            min(1.0, now.cost_usd / now.budget_usd) if now.budget_usd else 1.0,
            text=f"{now.cost_usd:.4f} of {now.budget_usd:.2f} USD spent in the last sitting",
        )
