"""The figures at the head of a page: what a table or chart below says in full, in a few numbers that are there first.

Shares are of asked questions, unanswered ones among them, as everywhere.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import streamlit as st

from spinebench.audit_records import AuditSpec
from spinebench.dashboard.workspace_data import rows
from spinebench.records import Outcome, Task

Counts = Mapping[tuple[str, str, str, str, str], int]
"""Answers by model, persona, image condition, task and outcome."""
_RIGHT = {
    Task.DIAGNOSIS: ("Diagnosis right", (Outcome.CORRECT_DISEASE, Outcome.CORRECT_HEALTHY)),
    Task.LOCALIZATION: ("Localization exact", (Outcome.EXACT,)),
}
_SHOWN = {
    Task.DIAGNOSIS: (
        Outcome.CORRECT_DISEASE,
        Outcome.CORRECT_HEALTHY,
        Outcome.HEALTHY_MISDIAGNOSED,
        Outcome.DISEASE_MISSED,
        Outcome.DISEASE_CONFUSED,
        Outcome.NOT_ANSWERED,
    ),
    Task.LOCALIZATION: (
        Outcome.EXACT,
        Outcome.MISSED_LEVELS,
        Outcome.EXTRA_LEVELS,
        Outcome.SHIFTED,
        Outcome.MIXED,
        Outcome.DISJOINT,
        Outcome.NOT_ANSWERED,
    ),
}
_WRITTEN = {
    Task.KNOWLEDGE: ("Questions right", Outcome.CORRECT, ""),
    Task.REPORT: ("Reports complete", Outcome.COMPLETE, "; a report with text in every section"),
    Task.CONSULTATION: ("Consultations complete", Outcome.COMPLETE, "; one with a reply to every turn"),
}
_SHOWN_BEFORE = "a headline was shown"
_AHEAD_S = 0.15
_STYLE = """<style>
dl.headline { display: flex; flex-wrap: wrap; gap: .4rem 2.2rem; margin: 0; padding: 0; }
.headline div { margin: 0; padding: 0; }
.headline dt { font-size: .875rem; opacity: .75; }
.headline dd { font-size: 1.6rem; margin: 0; font-variant-numeric: tabular-nums; }
</style>"""


@dataclass(frozen=True)
class Headline:
    """One number with its name."""

    name: str
    value: str
    help: str = ""


def answers_headline(counts: Counts) -> list[Headline]:
    """How many answers there are and, from the lowest to the highest model (under each persona and image condition
    for itself), how often they are right, and of how many asked. [] without answers."""
    n = sum(counts.values())
    if not n:
        return []
    unanswered = sum(n for (*_, outcome), n in counts.items() if outcome == Outcome.NOT_ANSWERED)
    found = [
        Headline("Answers", f"{n:,}", "To all questions of the chosen runs, personas and image conditions."),
        Headline(
            "Not answered", f"{100 * unanswered / n:.1f} %", f"{unanswered:,} of {n:,}; counted as wrong."
        ),
    ]
    for task, (name, right) in _RIGHT.items():
        shares, n_asked = _shares(counts, task, right)
        if shares:
            fewest, most = min(n_asked), max(n_asked)
            each = f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}"
            found.append(
                Headline(
                    f"{name}, of {each} each",
                    _span(shares),
                    "Share of asked questions, from the lowest to the highest row.",
                )
            )
    return found


def outcomes_headline(counts: Counts, task: Task) -> list[Headline]:
    """The share of each outcome of a task in all its questions asked, all chosen models together; those that do not
    occur are left out. How many were asked stands in the name: of healthy spines alone, `Healthy misdiagnosed` is
    another figure."""
    found: Counter[str] = Counter()
    for (_, _, _, of, outcome), n in counts.items():
        if of == task:
            found[outcome] += n
    total = sum(found.values())
    return [
        Headline(
            f"{outcome.replace('_', ' ').capitalize()}, of {total:,}",
            f"{100 * found[outcome] / total:.1f} %",
            f"{found[outcome]:,} of {total:,} asked, all chosen models together.",
        )
        for outcome in _SHOWN[task]
        if found[outcome]
    ]


def written_headline(counts: Counts) -> list[Headline]:
    """Of the tasks of the level-aware benchmark that were asked, how many were right or complete, all chosen models
    together; what was not answered is neither."""
    found = []
    for task, (name, wanted, help) in _WRITTEN.items():
        of_task: Counter[str] = Counter()
        for (_, _, _, of, outcome), n in counts.items():
            if of == task:
                of_task[outcome] += n
        if total := of_task.total():
            text = f"{of_task[wanted]:,} of {total:,} asked, all chosen models together{help}."
            found.append(Headline(f"{name}, of {total:,}", f"{100 * of_task[wanted] / total:.1f} %", text))
    return found


def audit_headline(spec: AuditSpec) -> list[Headline]:
    """How much of an audit there is to compare; [] where the database holds nothing of it."""
    audit = next(iter(rows("audits", audit_id=spec.audit_id)), None)
    if audit is None:
        return []
    return [
        Headline("Traces", f"{audit['n_traces']:,}", "Drawn for the audit."),
        Headline("Judgements scored", f"{audit['n_scored']:,} of {audit['n_planned']:,}"),
        Headline(
            "Ratings", f"{audit['n_ratings']:,} of {audit['n_assigned']:,}", "By clinicians, of assigned."
        ),
        Headline("Clinicians assigned", f"{audit['n_raters']:,}", "They need not have rated yet."),
    ]


def show_headline(found: Sequence[Headline]) -> None:
    """Draw them side by side, so that a new window shows them before it has loaded what draws tables and charts.

    What arrives together with a table or chart is shown together with it, a second later: hence HTML, which needs
    nothing loaded, and a moment's pause, once per window.
    """
    if not found:
        return
    st.html(headline_html(found))
    if _SHOWN_BEFORE not in st.session_state:
        st.session_state[_SHOWN_BEFORE] = True
        time.sleep(_AHEAD_S)


def headline_html(found: Sequence[Headline]) -> str:
    """The figures side by side, all of it text, with its style."""
    figures = "".join(
        f'<div title="{escape(one.help, quote=True)}"><dt>{escape(one.name)}</dt><dd>{escape(one.value)}</dd></div>'
        for one in found
    )
    return f'{_STYLE}<dl class="headline">{figures}</dl>'


def _shares(counts: Counts, task: Task, right: Sequence[Outcome]) -> tuple[list[float], list[int]]:
    """Per row how often it is right, and of how many asked."""
    asked: Counter[tuple[str, str, str]] = Counter()
    met: Counter[tuple[str, str, str]] = Counter()
    for (model, persona, condition, of, outcome), n in counts.items():
        if of == task:
            asked[model, persona, condition] += n
            met[model, persona, condition] += n if outcome in right else 0
    return [met[key] / n for key, n in asked.items()], list(asked.values())


def _span(shares: Sequence[float]) -> str:
    low, high = f"{100 * min(shares):.1f}", f"{100 * max(shares):.1f}"
    return f"{low} %" if low == high else f"{low} to {high} %"
