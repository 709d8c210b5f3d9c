"""The transcribed tables, as they lie in the package. Numbers stay text, so that no printed digit is lost."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

from spinebench.records import Record


class ResultsTable(Record):
    """The pathology benchmark's results table."""

    benchmark: str
    paper: str
    where: str
    decimals: int
    columns: tuple[str, ...]
    rows: dict[str, tuple[str, ...]]


class Rows(Record):
    """A table of models (or settings) by columns."""

    columns: tuple[str, ...]
    rows: dict[str, tuple[str, ...]]


class Shares(Record):
    """A table of counts with their printed percentages."""

    decimals: int
    rows: tuple[tuple[str, int, str], ...]


class Counts(Record):
    """Questions scored per part of the level-aware benchmark."""

    text_mcq: int
    image_mcq: int
    report: int


class LevelAwareTables(Record):
    """The level-aware benchmark's tables."""

    benchmark: str
    paper: str
    where: str
    decimals: int
    counts: Counts
    counts_note: str
    sections: dict[str, tuple[str, ...]]
    table6: Rows
    appendix_d: Rows
    table7: Rows
    table10: Shares
    table11: Shares


@cache
def pathology_table() -> ResultsTable:
    return ResultsTable.model_validate(_load("pathology.json"))


@cache
def level_aware_tables() -> LevelAwareTables:
    return LevelAwareTables.model_validate(_load("level_aware.json"))


def _load(name: str) -> object:
    text = files("spinebench.evaluators.published").joinpath(name).read_text(encoding="utf-8")
    return json.loads(text, parse_float=str)
