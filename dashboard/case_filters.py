"""Which cases are shown: filters that stand in the address, the controls that change them, and the query they make."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import streamlit as st

from spinebench.dashboard.address import Address
from spinebench.dashboard.case_links import CaseParameter
from spinebench.store.database import Parameter

SORTS = {
    "asked": "Run, question, model",
    "difference": "Largest judge-clinician difference",
    "score": "Lowest judge score",
    "model": "Model",
    "disease": "Disease",
    "outcome": "Outcome",
}
_LISTS = {
    CaseParameter.MODEL: "models",
    CaseParameter.TASK: "tasks",
    CaseParameter.DISEASE: "diseases",
    CaseParameter.ANSWERED: "answered",
    CaseParameter.OUTCOME: "outcomes",
    CaseParameter.STATUS: "statuses",
    CaseParameter.MODE: "modes",
    CaseParameter.SOURCE: "sources",
    CaseParameter.MODALITY: "modalities",
    CaseParameter.REGION: "regions",
    CaseParameter.ITEM: "items",
    CaseParameter.ORDER: "orders",
    CaseParameter.LEVEL: "levels",
    CaseParameter.SPARED_LEVEL: "spared_levels",
}
"""Filters by values, and the parameter of the query `cases` that each is."""
_SHIFT = re.compile(r"[+-]?[0-9]{1,3}")
"""Of levels; a spine has some thirty."""
_OTHERS = (
    CaseParameter.SHIFT,
    CaseParameter.SCORE,
    CaseParameter.DIFFERENCE,
    CaseParameter.DIMENSION,
    CaseParameter.TEXT,
)


@dataclass(frozen=True)
class CaseFilters:
    """What the address asks for. Alternatives within a filter, all filters together."""

    runs: Sequence[str]
    personas: Sequence[str]
    conditions: Sequence[str]
    audit_id: str | None
    lists: dict[CaseParameter, list[str]] = field(default_factory=dict)
    shifts: Sequence[int] = ()
    score: tuple[float, float] | None = None
    difference: float | None = None
    dimension: str | None = None
    text: str | None = None
    sort: str = "asked"

    def parameters(self) -> dict[str, Parameter]:
        """The bound parameters of the query `cases`, without its page."""
        found: dict[str, Parameter] = {
            "runs": list(self.runs),
            "personas": list(self.personas),
            "conditions": list(self.conditions),
            "audit_id": self.audit_id,
            "dimension": self.dimension,
            "difference": self.difference,
            "text": self.text,
            "sort": self.sort,
        }
        for name, values in self.lists.items():
            if values:
                found[_LISTS[name]] = list(values)
        if self.shifts:
            found["shifts"] = list(self.shifts)
        if self.score is not None:
            found["score_from"], found["score_to"] = self.score
        return found


def filters_asked_for(
    address: Address,
    *,
    runs: Sequence[str],
    personas: Sequence[str],
    conditions: Sequence[str],
    audit_id: str | None,
) -> CaseFilters:
    """The filters of an address. What is no number, or no known order, counts as not asked for."""
    sort = _one(address, CaseParameter.SORT)
    return CaseFilters(
        runs=runs,
        personas=personas,
        conditions=conditions,
        audit_id=audit_id,
        lists={name: [one for one in address.all(name) if one] for name in _LISTS},
        shifts=[int(one) for one in address.parts(CaseParameter.SHIFT) if _SHIFT.fullmatch(one)],
        score=_range(_one(address, CaseParameter.SCORE)),
        difference=_number(_one(address, CaseParameter.DIFFERENCE)),
        dimension=_one(address, CaseParameter.DIMENSION),
        text=_one(address, CaseParameter.TEXT),
        sort=sort if sort in SORTS else "asked",
    )


def draw_filters(
    filters: CaseFilters,
    values: dict[str, list[tuple[str, int]]],
    dimensions: Sequence[str],
    modes: Sequence[str],
) -> None:
    """The controls. Each writes what it is set to into the address, which is their only memory.

    `values`: by filter the values that occur, each with its number of answers.
    """
    first = st.columns(4)
    for place, name in zip(first, ("model", "task", "disease", "answered"), strict=True):
        with place:
            _values(CaseParameter(name), filters, values.get(name, []))
    second = st.columns(4)
    with second[0]:
        _values(CaseParameter.OUTCOME, filters, values.get("outcome", []))
    with second[1]:
        _values(CaseParameter.STATUS, filters, values.get("status", []))
    with second[2]:
        _line(CaseParameter.TEXT, "Text of answer or reasoning contains", filters.text)
    with second[3]:
        _choice(CaseParameter.SORT, "Sort by", list(SORTS), filters.sort, SORTS.__getitem__, default="asked")
    judged = filters.score or filters.difference or filters.dimension or filters.lists[CaseParameter.MODE]
    rare = [CaseParameter.MODALITY, CaseParameter.SOURCE]
    with st.expander("More filters", expanded=bool(judged or any(filters.lists[name] for name in rare))):
        columns = st.columns(3)
        for place, name in zip(columns, rare, strict=False):
            with place:
                _values(name, filters, values.get(name.value, []))
        if filters.audit_id is not None:
            with columns[2]:
                _values(CaseParameter.MODE, filters, [(mode, 0) for mode in modes])
            columns = st.columns(3)
            with columns[0]:
                _choice(
                    CaseParameter.DIMENSION,
                    "Dimension of scores",
                    ["", *dimensions],
                    filters.dimension or "",
                    lambda name: name.replace("_", " ") or "any",
                    default="",
                )
            with columns[1]:
                _score(filters.score)
            with columns[2]:
                _choice(
                    CaseParameter.DIFFERENCE,
                    "Judge-clinician difference at least",
                    ["", "0.5", "1", "1.5", "2", "3"],
                    "" if filters.difference is None else f"{filters.difference:g}",
                    lambda text: text or "any",
                    default="",
                )
            st.caption(
                "Scores are medians per trace and dimension, of judges and of clinicians; without a dimension a trace "
                "counts by its lowest judge score and its largest difference. Failure modes: found by any judge or "
                "clinician."
            )
    _others(filters)


def clear_filters() -> None:
    """Take all filters of cases out of the address; runs, personas and conditions stay."""
    for name in [*_LISTS, *_OTHERS, CaseParameter.SORT, CaseParameter.CASE, "page"]:
        st.query_params.pop(str(name), None)
    for key in [key for key in st.session_state if str(key).startswith("case filter ")]:
        del st.session_state[key]


def is_filtered(filters: CaseFilters) -> bool:
    """Whether anything but runs, personas and conditions narrows the cases down."""
    others = (filters.shifts, filters.score, filters.difference, filters.text)
    return any(filters.lists.values()) or any(one is not None and one != () and one != [] for one in others)


def _others(filters: CaseFilters) -> None:
    """Say which filters hold that only an address sets."""
    only_linked = [
        f"{name.value.replace('_', ' ')}: {', '.join(filters.lists[name])}"
        for name in (
            CaseParameter.REGION,
            CaseParameter.ITEM,
            CaseParameter.ORDER,
            CaseParameter.LEVEL,
            CaseParameter.SPARED_LEVEL,
        )
        if filters.lists[name]
    ]
    if filters.shifts:
        only_linked.append("shift: " + ", ".join(map(str, filters.shifts)))
    if only_linked:
        st.text("Also filtered by " + "; ".join(only_linked))


def _key(name: CaseParameter) -> str:
    return f"case filter {name.value}"


def _write(name: CaseParameter, values: Sequence[str]) -> None:
    if values:
        st.query_params[name.value] = list(values)
    else:
        st.query_params.pop(name.value, None)
    st.query_params.pop("page", None)


def _values(name: CaseParameter, filters: CaseFilters, known: Sequence[tuple[str, int]]) -> None:
    wanted = filters.lists[name]
    counts = dict(known)
    options = list(dict.fromkeys([*counts, *wanted]))
    st.session_state[_key(name)] = wanted

    def write() -> None:
        _write(name, st.session_state[_key(name)])

    st.multiselect(
        name.value.capitalize() if name is not CaseParameter.MODE else "Failure mode",
        options,
        key=_key(name),
        format_func=lambda value: (
            value.replace("_", " ") + (f" ({counts[value]:,})" if counts.get(value) else "")
        ),
        on_change=write,
        placeholder="any",
    )


def _line(name: CaseParameter, label: str, value: str | None) -> None:
    st.session_state[_key(name)] = value or ""

    def write() -> None:
        text = str(st.session_state[_key(name)]).strip()
        _write(name, [text] if text else [])

    st.text_input(label, key=_key(name), on_change=write)


def _choice(
    name: CaseParameter,
    label: str,
    options: Sequence[str],
    value: str,
    shown: Callable[[str], str],
    *,
    default: str,
) -> None:
    known = list(dict.fromkeys([*options, value]))
    st.session_state[_key(name)] = value

    def write() -> None:
        chosen = str(st.session_state[_key(name)])
        _write(name, [] if chosen == default else [chosen])

    st.selectbox(label, known, key=_key(name), format_func=shown, on_change=write)


def _score(value: tuple[float, float] | None) -> None:
    st.session_state[_key(CaseParameter.SCORE)] = value or (1.0, 5.0)

    def write() -> None:
        low, high = st.session_state[_key(CaseParameter.SCORE)]
        _write(CaseParameter.SCORE, [] if (low, high) == (1.0, 5.0) else [f"{low:g}-{high:g}"])

    st.slider("Judge score", 1.0, 5.0, step=0.5, key=_key(CaseParameter.SCORE), on_change=write)


def _one(address: Address, name: CaseParameter) -> str | None:
    values = [value for value in address.all(name) if value]
    return values[0] if values else None


def _number(text: str | None) -> float | None:
    try:
        value = None if text is None else float(text)
    except ValueError:
        return None
    return value if value is not None and 0 <= value <= 4 else None


def _range(text: str | None) -> tuple[float, float] | None:
    low, _, high = (text or "").partition("-")
    try:
        found = float(low), float(high or low)
    except ValueError:
        return None
    return found if 1 <= found[0] <= found[1] <= 5 else None
