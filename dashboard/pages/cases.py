"""Cases: the answers behind every figure, to be filtered, read and taken along."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from spinebench.dashboard.case_data import read_case
from spinebench.dashboard.case_export import MOST_ON_A_PAGE, MOST_ROWS, as_csv, as_html, as_jsonl, exported
from spinebench.dashboard.case_filters import (
    CaseFilters,
    clear_filters,
    draw_filters,
    filters_asked_for,
    is_filtered,
)
from spinebench.dashboard.case_view import show_case
from spinebench.dashboard.run_choice import RunChoice, asked_for, chosen, mark_runs
from spinebench.dashboard.workspace_data import data_stamp, rows, say_when, stop_with, workspace
from spinebench.errors import SpinebenchError

PAGE = 25
"""Cases of the list that are shown at once."""


def show() -> None:
    """Draw the page: one case where the address names it, else the list."""
    choice = chosen()
    try:
        filters = filters_asked_for(
            runs=choice.run_ids,
            personas=choice.personas,
            conditions=choice.conditions,
            audit_id=_audit(choice),
        )
        if "case" in st.query_params:
            _one_case(filters)
        else:
            _list(choice, filters)
    except SpinebenchError as error:
        stop_with(error)


def _audit(choice: RunChoice) -> str | None:
    """The audit that scores and failure modes are of: the one asked for, else the last of the chosen runs."""
    audits = [one for one in rows("audits") if set(_strings(one["run_ids"])) & set(choice.run_ids)]
    ids = [str(one["audit_id"]) for one in audits]
    wanted = [one for one in asked_for("audit") if one in ids]
    return wanted[0] if wanted else ids[-1] if ids else None


def _list(choice: RunChoice, filters: CaseFilters) -> None:
    st.title("Cases", anchor=False)
    mark_runs(choice.runs)
    values: dict[str, list[tuple[str, int]]] = {}
    for one in rows("case_values", runs=choice.run_ids):
        values.setdefault(str(one["name"]), []).append((str(one["value"]), int(str(one["n"]))))
    dimensions: list[str] = []
    modes: list[str] = []
    if filters.audit_id is not None:
        for one in rows("case_rubric", audit_id=filters.audit_id):
            (dimensions if one["kind"] == "dimension" else modes).append(str(one["name"]))
    draw_filters(filters, values, dimensions, modes)
    number = _page_number()
    found = rows("cases", **filters.parameters(), size=PAGE, skip=(number - 1) * PAGE)
    if not found and number > 1:
        st.query_params.pop("page", None)
        st.rerun()
    n_cases = int(str(found[0]["n_cases"])) if found else 0
    line, clear = st.columns([6, 1], vertical_alignment="center")
    line.text(f"{n_cases:,} cases")
    if is_filtered(filters):
        clear.button("Clear filters", on_click=clear_filters, width="stretch")
    if not found:
        st.info(
            "No case fits these filters: take one away, or clear them all.", icon=":material/filter_alt_off:"
        )
        say_when(data_stamp())
        return
    _table(found, first=(number - 1) * PAGE + 1)
    n_pages = -(-n_cases // PAGE)
    if n_pages > 1:
        turned = st.pagination(n_pages, default=number, key=f"cases page {number} of {n_pages}")
        if turned != number:
            st.query_params["page"] = str(turned)
            st.rerun()
    _exports(filters, n_cases)
    say_when(data_stamp())


def _table(found: Sequence[dict[str, object]], *, first: int) -> None:
    shown = {
        "#": [first + place for place in range(len(found))],
        "Model": [one["model"] for one in found],
        "Task": [one["task"] for one in found],
        "Gold": [", ".join(_strings(one["gold"])) for one in found],
        "Chosen": [", ".join(_strings(one["chosen"])) for one in found],
        "Outcome": [str(one["outcome"]).replace("_", " ") for one in found],
        "Status": [str(one["status"]).replace("_", " ") for one in found],
        "Judges": [one["score"] for one in found],
        "Clinicians": [one["rating"] for one in found],
        "Difference": [one["difference"] for one in found],
        "Failure modes": [len(_strings(one["modes"])) if one["modes"] is not None else None for one in found],
        "Item": [one["item_id"] for one in found],
    }
    version = st.session_state.setdefault("cases table", 0)
    event = st.dataframe(
        shown,
        on_select="rerun",
        selection_mode="single-row",
        hide_index=True,
        placeholder="–",
        width="stretch",
        height=35 * (min(len(found), 14) + 1) + 3,
        key=f"cases table {version}",
    )
    picked = event["selection"]["rows"]
    st.caption(
        "Select a row to open its case. Judges and Clinicians: lowest median score over the dimensions."
    )
    if picked:
        st.session_state["cases table"] = version + 1  # back in the list, no row is selected
        _go(found[picked[0]], first + picked[0])
        st.rerun()


def _one_case(filters: CaseFilters) -> None:
    run_id, _, answer_id = st.query_params["case"].partition("/")
    case = read_case(run_id, answer_id)
    back, previous, following, where = st.columns([1.3, 1, 1, 6], vertical_alignment="center")
    back.button(
        "Back to the list", icon=":material/arrow_back:", on_click=_back, width="stretch", shortcut="Esc"
    )
    if case is None:
        st.error(
            "There is no such case in this workspace. Its address names a run and an answer; reload when the run "
            "has been stored, or go back to the list.",
            icon=":material/search_off:",
        )
        return
    at = _position()
    beside = _neighbours(filters, at) if at is not None else {}
    if at is not None and _names(beside.get(at)) == case.name:
        n_cases = int(str(beside[at]["n_cases"]))
        previous.button(
            "Previous", shortcut="Left", disabled=at == 1, width="stretch",
            on_click=_go, args=(beside.get(at - 1), at - 1),
        )  # fmt: skip
        following.button(
            "Next", shortcut="Right", disabled=at == n_cases, width="stretch",
            on_click=_go, args=(beside.get(at + 1), at + 1),
        )  # fmt: skip
        place = f"Case {at:,} of {n_cases:,}"
    else:
        place = "Case"
    answer = case.answer
    where.text(f"{place} · {answer['model']} · {answer['outcome'] or 'not graded yet'}".replace("_", " "))
    spec = workspace().run(run_id).spec()
    mark_runs([spec])
    show_case(case)
    say_when(data_stamp())


def _neighbours(filters: CaseFilters, at: int) -> dict[int, dict[str, object]]:
    """Position (from 1) in the selection -> case, of the one at a position and those beside it."""
    first = max(1, at - 1)
    found = rows("cases", **filters.parameters(), size=at - first + 2, skip=first - 1)
    return dict(enumerate(found, first))


def _names(row: dict[str, object] | None) -> str | None:
    return None if row is None else f"{row['run_id']}/{row['answer_id']}"


def _go(row: dict[str, object] | None, at: int) -> None:
    """Name another case in the address; nothing where there is none (a key beyond the ends)."""
    name = _names(row)
    if name is not None:
        st.query_params["case"] = name
        st.query_params["at"] = str(at)


def _back() -> None:
    st.query_params.pop("case", None)
    at = _position()
    if at is not None:
        st.query_params["page"] = str((at - 1) // PAGE + 1)
    st.query_params.pop("at", None)


def _position() -> int | None:
    text = st.query_params.get("at", "")
    return int(text) if text.isdecimal() and 0 < int(text) < 10**9 else None


def _page_number() -> int:
    text = st.query_params.get("page", "")
    return int(text) if text.isdecimal() and 0 < int(text) < 10**8 else 1


def _exports(filters: CaseFilters, n_cases: int) -> None:
    parameters = filters.parameters()
    place = workspace()

    def table() -> bytes:
        return as_csv(exported(place, parameters, most=MOST_ROWS))

    def lines() -> bytes:
        return as_jsonl(exported(place, parameters, most=MOST_ROWS))

    def page() -> bytes:
        return as_html(place, exported(place, parameters, most=MOST_ON_A_PAGE), n_cases=n_cases)

    one, two, three, note = st.columns([1, 1, 1, 4], vertical_alignment="center")
    one.download_button("CSV", table, "spinebench-cases.csv", "text/csv", on_click="ignore", width="stretch")
    two.download_button(
        "JSONL", lines, "spinebench-cases.jsonl", "application/jsonl", on_click="ignore", width="stretch"
    )
    three.download_button(
        "HTML", page, "spinebench-cases.html", "text/html", on_click="ignore", width="stretch"
    )
    note.caption(
        f"The selection in this order: up to {MOST_ROWS:,} cases as CSV or JSONL, up to {MOST_ON_A_PAGE} with their "
        "images as one HTML file."
    )


def _strings(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []
