"""BUU-LSPINE: pairs of a JPEG and a CSV without header, one line per edge of a vertebra."""

from __future__ import annotations

import math
import re
from typing import Final

from spinebench.benchmarks.problems import shown
from spinebench.builder.importers.files import SourceFiles
from spinebench.builder.importers.imported import Draft, Ledger, finish
from spinebench.builder.importers.rows import read_cells, whole_number
from spinebench.builder.records import Finding, LabelledImage
from spinebench.builder.vocabulary import Vocabulary
from spinebench.errors import DataError
from spinebench.terms import LEVELS

_VIEWS: Final = {"AP": ("0", "AP", 10), "LA": ("1", "lateral", 11)}
"""Folder -> digit of the stem, view, lines of the CSV."""
_STEM = re.compile(r"(\d{4,6})-([FM])-(\d{3})Y([01])", re.ASCII)
_PICTURES = (".jpg", ".jpeg")
_OLDEST = 120
_CODES = {"1": "left", "2": "right", "3": "anterolisthesis", "4": "retrolisthesis"}
"""Readings by third parties: the code stands before them."""


def level_of_edge(position: int) -> str:
    """The disc that an edge borders, by its line counted from 0: L1 upper, L1 lower, L2 upper, ..., S1 upper.

    A vertebra's upper edge borders the disc above it, the lower edge the one below.
    """
    return ("T12/L1", *LEVELS)[(position + 1) // 2]


def read_buu(files: SourceFiles, vocabulary: Vocabulary, ledger: Ledger) -> list[LabelledImage]:
    """An image per pair; healthy where every edge has class 0. Raises `DataError` where neither folder is there."""
    drafts = []
    folders = [folder for folder in _VIEWS if files.names(folder)]
    if not folders:
        raise DataError(
            f"folder {files.source.folder!r} of source {files.source.source_name!r}: expected the folders AP and LA "
            "with pairs of .jpg and .csv; see docs/builder-sources.md for the tree"
        )
    for folder in sorted(set(_VIEWS) - set(folders)):
        ledger.drop(folder, "missing_file", "is not in the source's folder, or is empty: its view stays out")
    for folder in folders:
        pictures, tables = _pairs(files.names(folder), folder, ledger)
        for stem in sorted({*pictures, *tables}):
            draft = _draft(stem, folder, pictures, tables, ledger)
            if draft is not None:
                _read_edges(draft, f"{folder}/{tables[stem]}", _VIEWS[folder][2], files, vocabulary, ledger)
                drafts.append(draft)
    return finish(drafts, files, ledger)


def _pairs(names: list[str], folder: str, ledger: Ledger) -> tuple[dict[str, str], dict[str, str]]:
    """File names of pictures and of tables by their stem."""
    pictures: dict[str, str] = {}
    tables: dict[str, str] = {}
    for name in names:
        stem, dot, ending = name.rpartition(".")
        ending = (dot + ending).lower()
        if name.startswith(".") or ending not in (*_PICTURES, ".csv"):
            continue  # Thumbs.db, readme files
        found = tables if ending == ".csv" else pictures
        if stem in found:
            ledger.drop(f"{folder}/{name}", "duplicate", f"{found[stem]!r} of this stem stands beside it")
        else:
            found[stem] = name
    return pictures, tables


def _draft(
    stem: str, folder: str, pictures: dict[str, str], tables: dict[str, str], ledger: Ledger
) -> Draft | None:
    digit, view, _ = _VIEWS[folder]
    name = f"{folder}/{pictures.get(stem, tables.get(stem))}"
    match = _STEM.fullmatch(stem)
    if match is None or match[4] != digit or int(match[3]) > _OLDEST:
        detail = (
            f"stem {shown(stem)}: expected NNNN-S-AAAY{digit} (case, F or M, age, view {digit} of the folder)"
        )
        ledger.drop(name, "bad_name", detail)
        return None
    if stem not in pictures:
        ledger.drop(name, "missing_image", f"has no {stem}.jpg beside it")
        return None
    if stem not in tables:
        ledger.drop(name, "missing_labels", f"has no {stem}.csv beside it")
        return None
    fields = {
        "study": match[1],
        "patient": match[1],
        "modality": "X-ray",
        "region": "lumbar",
        "view": view,
        "sex": match[2],
        "age": int(match[3]),
    }
    return Draft(ledger.id(f"{folder}/{stem}"), name, fields)


def _read_edges(
    draft: Draft, name: str, expected: int, files: SourceFiles, vocabulary: Vocabulary, ledger: Ledger
) -> None:
    try:
        file = files.label_file(name)
    except DataError as error:
        ledger.drop(name, "bad_file", str(error))
        draft.doubts.append(name)
        return
    rows = list(read_cells(file, name, ledger))
    draft.rows = [place for place, _ in rows]
    if len(rows) != expected:
        detail = f"has {len(rows)} lines: expected {expected}, one per edge from L1 upper"
        ledger.drop(name, "bad_file", detail)
        draft.doubts.append(name)
        return
    for position, (place, cells) in enumerate(rows):
        code = cells if isinstance(cells, str) else _code(cells)
        if code is None or not code.isdigit():
            found = cells if isinstance(cells, str) else f"is {shown(','.join(cells))}"
            ledger.drop(place, "bad_row", f"{found}: expected x1,y1,x2,y2,class with a class of 0 or more")
            draft.doubts.append(place)
        elif code != "0":
            draft.findings.append(
                Finding(
                    label="Spondylolisthesis",
                    disease=vocabulary.canonical("Spondylolisthesis"),
                    level=level_of_edge(position),
                    severity=f"{code} {_CODES[code]}" if code in _CODES else code,
                    row=place,
                )
            )
    if not draft.findings:
        draft.healthy = name


def _code(cells: list[str]) -> str | None:
    """The class, without leading zeros; None where the line is no edge."""
    if len(cells) != 5:
        return None
    try:
        places = [float(cell) for cell in cells[:4]]
    except ValueError:
        return None
    digits = whole_number(cells[4])
    return None if digits is None or not all(map(math.isfinite, places)) else str(int(digits))
