"""What has to be said wherever figures of some runs or of an audit stand: simulated, partial, unfinished."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from spinebench.audit_records import AuditSpec
from spinebench.dashboard.charts import mark_charts
from spinebench.dashboard.workspace_data import workspace
from spinebench.records import RunSpec


@dataclass(frozen=True)
class Caveat:
    """One of them: `name` alone stands in charts, which are saved without the page's warnings."""

    name: str
    text: str
    icon: str

    @property
    def said(self) -> str:
        """As a page says it."""
        return f"{self.name}: {self.text}"


def run_caveats(runs: Sequence[RunSpec]) -> list[Caveat]:
    """Of figures of these runs; [] where all are real, whole and finished."""
    partial = sum(run.partial for run in runs)
    unfinished = sum(_is_unfinished(run) for run in runs)
    caveats = []
    if any(run.simulated for run in runs):
        text = "simulated models or a drawn benchmark. No figure here is about a real model on real images."
        caveats.append(Caveat("SIMULATION", text, ":material/science:"))
    if partial:
        text = f"{partial} of {len(runs)} chosen runs asked only part of the benchmark."
        caveats.append(Caveat("PARTIAL", text, ":material/pie_chart:"))
    if unfinished:
        text = (
            f"{unfinished} of {len(runs)} chosen runs have not got through all their questions. What is "
            "shown is of the answers in the database; the page Runs says how far each run is."
        )
        caveats.append(Caveat("INCOMPLETE", text, ":material/hourglass_empty:"))
    return caveats


def audit_caveats(spec: AuditSpec) -> list[Caveat]:
    """Of figures of an audit; [] where it is real and of whole runs."""
    caveats = []
    if spec.simulated:
        text = (
            "simulated models, judges, clinicians or images. No figure here is about real models, judges and "
            "clinicians on real images."
        )
        caveats.append(Caveat("SIMULATION", text, ":material/science:"))
    if spec.partial:
        text = "the audited runs asked only part of their benchmark."
        caveats.append(Caveat("PARTIAL", text, ":material/pie_chart:"))
    return caveats


def show_caveats(caveats: Sequence[Caveat]) -> None:
    """Say them above figures."""
    for caveat in caveats:
        st.warning(caveat.said, icon=caveat.icon)


def mark_runs(runs: Sequence[RunSpec]) -> None:
    """Say those of these runs above the figures, and below the title of each chart that follows."""
    _mark(run_caveats(runs))


def mark_audit(spec: AuditSpec) -> None:
    """The same for an audit."""
    _mark(audit_caveats(spec))


def _mark(caveats: Sequence[Caveat]) -> None:
    mark_charts(*(caveat.name for caveat in caveats))
    show_caveats(caveats)


def _is_unfinished(spec: RunSpec) -> bool:
    """Whether a run has questions without a reply or a failure: at work still, stopped or killed."""
    status = workspace().run(spec.run_id).status()
    return status is None or status.n_done + status.n_failed < status.n_planned
