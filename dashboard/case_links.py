"""Addresses of the cases page: any figure of the dashboard can be opened as the cases that it counts."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from urllib.parse import urlencode

CASES_PATH = "/cases"


class CaseParameter(StrEnum):
    """What an address may narrow the cases down by; several values of one are alternatives."""

    RUN = "run"
    MODEL = "model"
    PERSONA = "persona"
    CONDITION = "condition"
    TASK = "task"
    DISEASE = "disease"
    ANSWERED = "answered"
    OUTCOME = "outcome"
    STATUS = "status"
    MODE = "mode"
    SCORE = "score"
    DIFFERENCE = "difference"
    AUDIT = "audit"
    ITEM = "item"
    SOURCE = "source"
    MODALITY = "modality"
    REGION = "region"
    SHIFT = "shift"
    LEVEL = "level"
    SPARED_LEVEL = "spared_level"
    ORDER = "order"
    DIMENSION = "dimension"
    TEXT = "text"
    SORT = "sort"
    CASE = "case"


def cases_url(**filters: str | Iterable[str] | None) -> str:
    """The address of the cases that the filters leave; None and empty filters are left out.

    Names are those of `CaseParameter`; a list of values becomes one parameter each. Raises TypeError for another name.
    """
    unknown = set(filters) - {name.value for name in CaseParameter}
    if unknown:
        raise TypeError(f"case filter {sorted(unknown)}: expected some of {', '.join(CaseParameter)}")
    pairs = [(name, value) for name, values in filters.items() for value in _values(values)]
    return CASES_PATH + (f"?{urlencode(pairs)}" if pairs else "")


def case_url(run_id: str, answer_id: str) -> str:
    """The lasting address of one case."""
    return cases_url(case=f"{run_id}/{answer_id}")


def _values(values: str | Iterable[str] | None) -> list[str]:
    if values is None:
        return []
    return [value for value in ([values] if isinstance(values, str) else values) if value]
