"""How far runs and audits are, read from their status files every few seconds: the database is not asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import streamlit as st

from spinebench.audit_records import AuditStatus
from spinebench.dashboard.headlines import Headline, show_headline
from spinebench.dashboard.workspace_data import stop_with, stop_with_file_fault, workspace
from spinebench.errors import SpinebenchError
from spinebench.records import RunState, RunStatus
from spinebench.store.audit_folder import AuditFolder
from spinebench.store.run_folder import RunFolder

_EVERY_S = 2.0
_SAMPLES = "samples of progress"
_WINDOW_S = 60.0
"""The rate is that of the last minute or so."""


@dataclass(frozen=True)
class Progress:
    """How far a run or audit is, as its status file says."""

    name: str
    kind: str
    live: bool
    state: str
    n_done: int
    n_planned: int
    n_failed: int
    cost_usd: float | None
    budget_usd: float | None
    updated_at: datetime | None
    message: str
    marks: str


def progress_of(folder: RunFolder | AuditFolder) -> Progress:
    """The present state; `incomplete` also where the process is gone without having said so."""
    spec, status, live = folder.spec(), folder.status(), folder.is_live()
    state: str = (RunState.INCOMPLETE if status is None else status.state).value
    if live:  # its status file may be that of the sitting before
        state = RunState.RUNNING.value
    budget = spec.plan.get("budget_usd")
    return Progress(
        name=folder.path.name,
        kind="run" if isinstance(folder, RunFolder) else "audit",
        live=live,
        state=state,
        n_done=0 if status is None else status.n_done,
        n_planned=_planned(folder, status),
        n_failed=0 if status is None else status.n_failed,
        cost_usd=None if status is None else status.cost_usd,
        budget_usd=None if budget is None else float(budget),
        updated_at=None if status is None else status.updated_at,
        message="" if status is None or status.message is None else status.message,
        marks=", ".join(
            name for name, holds in (("SIMULATED", spec.simulated), ("partial", spec.partial)) if holds
        ),
    )


def rate_between(earlier: tuple[datetime, int], later: tuple[datetime, int]) -> float | None:
    """Answers per second between two states (when, how many are done); None where no time passed."""
    seconds = (later[0] - earlier[0]).total_seconds()
    return (later[1] - earlier[1]) / seconds if seconds > 0 else None


def show_progress() -> None:
    """The table of all runs, then all audits, those at work first, then newest first, drawn anew every two seconds."""
    st.fragment(_draw, run_every=_EVERY_S)()


def work_headline() -> list[Headline]:
    """All runs and audits in a few numbers, from their status files. Raises `SpinebenchError`, `OSError`."""
    return _headline(_everything())


def _everything() -> list[Progress]:
    """All runs, then all audits, those at work first, then newest first."""
    place = workspace()
    runs = [progress_of(folder) for folder in reversed(place.runs())]
    audits = [progress_of(folder) for folder in reversed(place.audits())]
    return sorted([*runs, *audits], key=lambda one: not one.live)


def _draw() -> None:
    try:
        found = _everything()
    except SpinebenchError as error:
        stop_with(error)
        return
    except OSError as error:
        stop_with_file_fault(error)
        return
    rates = {(one.kind, one.name): _rate(one) for one in found}
    live = [one for one in found if one.live]
    show_headline(_headline(found))
    for one in live:
        rate = rates[one.kind, one.name]
        left = one.n_planned - one.n_done - one.n_failed
        st.text(f"{one.kind} {one.name}")
        st.progress(
            min(1.0, one.n_done / one.n_planned) if one.n_planned else 0.0,
            text=f"{one.n_done} of {one.n_planned}, {one.n_failed} failed, "
            + ("rate not known yet" if rate is None else f"{rate:.2f} per s")
            + (f", about {left / rate / 60:.0f} min left" if rate and left > 0 else ""),
        )
    st.dataframe(
        [
            {
                "what": one.kind,
                "id": one.name,
                "state": one.state,
                "share done": one.n_done / one.n_planned if one.n_planned else None,
                "done": one.n_done,
                "planned": one.n_planned,
                "failed": one.n_failed,
                "per s": rates[one.kind, one.name],
                "cost, USD": one.cost_usd,
                "budget, USD": one.budget_usd,
                "as of (UTC)": None if one.updated_at is None else f"{one.updated_at:%Y-%m-%d %H:%M:%S}",
                "marks": one.marks,
                "message": one.message,
            }
            for one in found
        ],
        hide_index=True,
        placeholder="–",
        width="stretch",
        height=min(38 + 35 * len(found), 400),
        column_config={
            "share done": st.column_config.ProgressColumn(format="percent", min_value=0.0, max_value=1.0),
            "per s": st.column_config.NumberColumn(format="%.2f", help="While at work: of the last minute."),
            "cost, USD": st.column_config.NumberColumn(
                format="%.4f", help="Of the last sitting; empty where no price is known."
            ),
            "budget, USD": st.column_config.NumberColumn(format="%.2f", help="Empty where none was set."),
        },
    )
    st.caption(
        f"{len(live)} at work. Read from the status files; drawn anew every {_EVERY_S:g} s without asking the database."
        + (
            " That of a killed run may lag behind its journal by some answers."
            if _any_incomplete(found)
            else ""
        )
    )


def _any_incomplete(found: Sequence[Progress]) -> bool:
    return any(one.state == RunState.INCOMPLETE.value for one in found)


def _headline(found: Sequence[Progress]) -> list[Headline]:
    if not found:
        return []
    figures = [
        Headline("At work", f"{sum(one.live for one in found):,}", "Runs and audits with a living process.")
    ]
    for kind, what in (("run", "Answers"), ("audit", "Judgements")):
        own = [one for one in found if one.kind == kind]
        if own:
            done, planned = sum(one.n_done for one in own), sum(one.n_planned for one in own)
            figures.append(Headline(f"{kind.capitalize()}s", f"{len(own):,}"))
            figures.append(Headline(f"{what} done", f"{done:,} of {planned:,}", f"Of all {kind}s together."))
    return figures


def _planned(folder: RunFolder | AuditFolder, status: RunStatus | AuditStatus | None) -> int:
    if status is not None:
        return status.n_planned
    if isinstance(folder, RunFolder):
        return folder.spec().n_planned
    spec = folder.spec()
    return spec.n_traces * len(spec.judges) * spec.repeats


def _rate(one: Progress) -> float | None:
    """Of a live run or audit, from what this session saw of it; None before its second status."""
    if not one.live or one.updated_at is None:
        return None
    samples = st.session_state.setdefault(_SAMPLES, {}).setdefault((one.kind, one.name), [])
    if not samples or samples[-1][0] != one.updated_at:
        samples.append((one.updated_at, one.n_done))
    while len(samples) > 2 and (samples[-1][0] - samples[0][0]).total_seconds() > _WINDOW_S:
        samples.pop(0)
    return rate_between(samples[0], samples[-1])
