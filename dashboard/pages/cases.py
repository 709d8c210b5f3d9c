"""Cases: the answers behind every figure, to be filtered, read and taken along."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from spinebench.dashboard.address import Address
from spinebench.dashboard.audit_reports import audit_specs
from spinebench.dashboard.case_data import read_ahead, read_case
from spinebench.dashboard.case_export import MOST_ON_A_PAGE
from spinebench.dashboard.case_filters import (
    CaseFilters,
    clear_filters,
    draw_filters,
    filters_asked_for,
    is_filtered,
)
from spinebench.dashboard.case_links import CaseParameter
from spinebench.dashboard.case_opening import show_selectable_table
from spinebench.dashboard.case_search import TextSearch
from spinebench.dashboard.case_selection import (
    PAGE,
    Place,
    Selection,
    case_name,
    cases_on_page,
    place_of,
    remember_list,
    selection,
)
from spinebench.dashboard.case_view import show_case
from spinebench.dashboard.caveats import mark_runs, run_caveats
from spinebench.dashboard.export_route import FileKind, export_url
from spinebench.dashboard.headlines import Headline, show_headline
from spinebench.dashboard.page_heads import PageHead, head_of_runs
from spinebench.dashboard.run_choice import RunChoice, chosen
from spinebench.dashboard.workspace_data import data_stamp, rows, say_when, stop_with, workspace
from spinebench.errors import SpinebenchError
from spinebench.evaluators.invisible import written_out

_LINKS = """<style>
.case-files { display: flex; flex-wrap: wrap; gap: 8px; align-items: baseline; font-size: .9rem; }
.case-files a { border: 1px solid rgba(128,128,128,.45); border-radius: 8px; padding: 4px 14px; color: inherit;
  text-decoration: none; }
.case-files a:hover, .case-files a:focus-visible { border-color: currentColor; }
.case-files span { opacity: .75; }
</style>"""


def head(address: Address) -> PageHead | None:
    """What a new window shows first at this address; None where that is not known at once, as of a single case."""
    if CaseParameter.CASE in address or CaseParameter.TEXT in address:
        return None

    def figures(choice: RunChoice) -> list[Headline]:
        found = cases_on_page(_filters(address, choice).parameters(), _page_number(address.last("page")))
        return _headline(_values(choice).get("model", []), _n_cases(found), None) if found else []

    return head_of_runs("Cases", address, figures, said=lambda choice: run_caveats(choice.runs))


def show() -> None:
    """Draw the page: one case where the address names it, else the list."""
    choice = chosen()
    try:
        filters = _filters(Address.of_page(), choice)
        if "case" in st.query_params:
            _one_case(filters)
        else:
            _list(choice, filters)
    except SpinebenchError as error:
        stop_with(error)


def _filters(address: Address, choice: RunChoice) -> CaseFilters:
    return filters_asked_for(
        address,
        runs=choice.run_ids,
        personas=choice.personas,
        conditions=choice.conditions,
        audit_id=_audit(address, choice),
    )


def _audit(address: Address, choice: RunChoice) -> str | None:
    """The audit that scores and failure modes are of: the one asked for, else the last of the chosen runs."""
    ids = [spec.audit_id for spec in audit_specs() if set(spec.sample.run_ids) & set(choice.run_ids)]
    wanted = [one for one in address.parts("audit") if one in ids]
    return wanted[0] if wanted else ids[-1] if ids else None


def _list(choice: RunChoice, filters: CaseFilters) -> None:
    st.title("Cases", anchor=False)
    mark_runs(choice.runs)
    values = _values(choice)
    dimensions: list[str] = []
    modes: list[str] = []
    if filters.audit_id is not None:
        for one in rows("case_rubric", audit_id=filters.audit_id):
            (dimensions if one["kind"] == "dimension" else modes).append(str(one["name"]))
    number = _page_number(st.query_params.get("page"))
    chosen_now = selection(filters)
    found = cases_on_page(chosen_now.parameters, number)
    n_cases = _n_cases(found)
    # Above the filters: there first, see `show_headline`.
    show_headline(_headline(values.get("model", []), n_cases, chosen_now.search))
    draw_filters(filters, values, dimensions, modes)
    if not found and number > 1:
        st.query_params.pop("page", None)
        st.rerun()
    line, clear = st.columns([6, 1], vertical_alignment="center")
    search = chosen_now.search
    line.text(f"{n_cases:,} cases" + ("" if search is None else _looked_through(search)))
    if is_filtered(filters):
        clear.button("Clear filters", on_click=clear_filters, width="stretch")
    progress = st.empty()
    if search is not None and not search.is_done and not found:
        _go_on(search, progress)
    if not found and not values and search is None:
        st.info(
            "No graded answer of these runs is in the database yet. Answers get there when a run stops; the page "
            "Runs shows how far it is, and loads what there is.",
            icon=":material/hourglass_empty:",
        )
        say_when(data_stamp())
        return
    if not found:
        st.info(
            "No case fits these filters: take one away, or clear them all.", icon=":material/filter_alt_off:"
        )
        say_when(data_stamp())
        return
    remember_list(chosen_now.parameters, number)
    _table(found, first=(number - 1) * PAGE + 1)
    n_pages = -(-n_cases // PAGE)
    if n_pages > 1:
        turned = st.pagination(n_pages, default=number, key=f"cases page {number} of {n_pages}")
        if turned != number:
            st.query_params["page"] = str(turned)
            st.rerun()
    _files(filters, n_cases)
    say_when(data_stamp())
    if search is not None and not search.is_done:
        _go_on(search, progress)


def _values(choice: RunChoice) -> dict[str, list[tuple[str, int]]]:
    """By filter the values that occur in the chosen runs, each with its number of answers."""
    values: dict[str, list[tuple[str, int]]] = {}
    for one in rows("case_values", runs=choice.run_ids):
        values.setdefault(str(one["name"]), []).append((str(one["value"]), int(str(one["n"]))))
    return values


def _n_cases(found: Sequence[dict[str, object]]) -> int:
    """Of the whole selection, as every row of a page of it says."""
    return int(str(found[0]["n_cases"])) if found else 0


def _headline(models: Sequence[tuple[str, int]], n_cases: int, search: TextSearch | None) -> list[Headline]:
    n = sum(count for _, count in models)
    if not n:
        return []
    partly = search is not None and not search.is_done
    return [
        Headline("Cases found so far" if partly else "Cases", f"{n_cases:,}", "That fit the filters."),
        Headline("Of graded answers", f"{n:,}", "Of the chosen runs."),
        Headline("Of models", f"{len(models):,}"),
    ]


def _looked_through(search: TextSearch) -> str:
    """What a search has not looked at, so that its number is not taken for all."""
    if search.is_full:
        return (
            f" that hold the text: the search ended after {search.looked_at:.0%} of {search.n_answers:,} answers. "
            "Name more of the text, or filter further."
        )
    if search.is_done:
        return f" that hold the text, of {search.n_answers:,} answers looked through"
    return (
        f" so far that hold the text: {search.looked_at:.0%} of {search.n_answers:,} answers looked through"
    )


def _go_on(search: TextSearch, place: DeltaGenerator) -> None:
    """Look further, and show what was found when all is looked through. A click ends this at the next word said."""
    while not search.is_done:
        place.progress(search.looked_at, f"Looking on: {len(search.found):,} found")
        search.go_on(for_s=0.2)
    st.rerun()


def _table(found: Sequence[dict[str, object]], *, first: int) -> None:
    shown: dict[str, list[object]] = {
        "#": [first + place for place in range(len(found))],
        "Model": [written_out(str(one["model"])) for one in found],
        "Task": [one["task"] for one in found],
        "Gold": [written_out(", ".join(_strings(one["gold"]))) for one in found],
        "Chosen": [written_out(", ".join(_strings(one["chosen"]))) for one in found],
        "Outcome": [str(one["outcome"]).replace("_", " ") for one in found],
        "Status": [str(one["status"]).replace("_", " ") for one in found],
        "Judges": [one["score"] for one in found],
        "Clinicians": [one["rating"] for one in found],
        "Difference": [one["difference"] for one in found],
        "Failure modes": [len(_strings(one["modes"])) if one["modes"] is not None else None for one in found],
        "Item": [written_out(str(one["item_id"])) for one in found],
    }
    show_selectable_table(
        shown,
        lambda row: _go(case_name(found[row])),
        height=35 * (min(len(found), 14) + 1) + 3,
        key="cases table",
    )
    st.caption(
        "Select a row to open its case. Judges and Clinicians: lowest median score over the dimensions."
    )


def _one_case(filters: CaseFilters) -> None:
    name = st.query_params["case"]
    run_id, _, answer_id = name.partition("/")
    case = read_case(run_id, answer_id)
    back, previous, following, where = st.columns([2.1, 1.5, 1.2, 5], vertical_alignment="center")
    place, among = (None, "") if case is None else _place(filters, name)
    back.button(
        "Back to the list", icon=":material/arrow_back:", on_click=_back, args=(place,), width="stretch",
        shortcut="Esc",
    )  # fmt: skip
    if case is None:
        st.error(
            "There is no such case in this workspace. Its address names a run and an answer; reload when the run "
            "has been stored, or go back to the list.",
            icon=":material/search_off:",
        )
        return
    before, after = (None, None) if place is None else (place.previous, place.following)
    previous.button(
        "Previous", shortcut="Left", disabled=before is None, width="stretch", on_click=_go, args=(before,)
    )
    following.button(
        "Next", shortcut="Right", disabled=after is None, width="stretch", on_click=_go, args=(after,)
    )
    at = "Case" if place is None else f"Case {place.place:,} of {place.n_cases:,}{among}"
    where.text(f"{at} · {written_out(case.answer['model'])} · {case.outcome.replace('_', ' ')}")
    spec = workspace().run(run_id).spec()
    mark_runs([spec])
    show_case(case)
    say_when(data_stamp())
    if after is not None:
        read_ahead(after)


def _place(filters: CaseFilters, name: str) -> tuple[Place | None, str]:
    """Where a case stands among those of the filters, else among all of its run, and which of the two it is."""
    now: Selection = selection(filters)
    place = place_of(now.parameters, name)
    if place is not None:
        return place, "" if now.search is None or now.search.is_done else " found so far"
    run_id = name.partition("/")[0]
    return place_of({"runs": [run_id], "sort": "asked", "audit_id": filters.audit_id}, name), " of its run"


def _go(name: str | None) -> None:
    """Name another case in the address; nothing where there is none (a key beyond the ends)."""
    if name is not None:
        st.query_params["case"] = name


def _back(place: Place | None) -> None:
    st.query_params.pop("case", None)
    if place is not None:
        st.query_params["page"] = str((place.place - 1) // PAGE + 1)


def _page_number(asked: str | None) -> int:
    text = asked or ""
    return int(text) if len(text) < 9 and text.isdecimal() and int(text) > 0 else 1


def _files(filters: CaseFilters, n_cases: int) -> None:
    """Links to the selection as files. They are served beside the pages, since a page would have to hold them."""
    kinds: dict[str, FileKind] = {"CSV": "csv", "JSONL": "jsonl", "HTML": "html"}
    links = "".join(
        f'<a href="{escape(export_url(kind, filters.parameters()))}" download target="_self">{label}</a>'
        for label, kind in kinds.items()
    )
    some = f", HTML the first {MOST_ON_A_PAGE}" if n_cases > MOST_ON_A_PAGE else ""
    st.html(
        f'{_LINKS}<div class="case-files">{links}<span>The selection in this order, with texts: CSV and JSONL all of '
        f"it{some}, with the images in the page.</span></div>"
    )


def _strings(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []
