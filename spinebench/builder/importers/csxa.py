"""CSXA V3.0: a workbook with the curvature of the cervical spine, and a PNG per case."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from spinebench.benchmarks.problems import shown
from spinebench.builder.importers.files import SourceFiles
from spinebench.builder.importers.imported import Draft, Ledger, finish
from spinebench.builder.importers.rows import whole_number
from spinebench.builder.records import Finding, LabelledImage
from spinebench.builder.vocabulary import Vocabulary
from spinebench.errors import DataError
from spinebench.terms import fold

_BOOK, _SHEET, _HEADER_ROW, _IMAGES = "datasets.xlsx", "Sheet1", 2, "datasets-PNG"
_NUMBER_NAMES = ("number", "no", "id", "case", "case number", "image", "name", "file", "filename")
_CODES = {
    "1": ("Lordotic", "cervical Lordosis"),
    "2": ("Straight", "Straight cervical vertebrae"),
    "3": ("Sigmoid1", "sigmoid cervical vertebrae"),
    "4": ("Sigmoid2", "sigmoid cervical vertebrae"),
    "5": ("Kyphotic", "cervical Kyphosis"),
}
"""Code -> the source's word and the disease; both sigmoid shapes are one disease."""
_CODE_WORD = re.compile(r"([1-5])\s*[.=]\s*([a-z]+)")
"""`1.lordotic` of the header of the curvature."""
_STEM = re.compile(r"(\d{4})\d*", re.ASCII)
_OLDEST = 120
_LARGEST_BOOK = 1 << 29
"""Bytes when unpacked; 5,000 rows of 124 columns are some 20 MiB."""


def read_csxa(files: SourceFiles, vocabulary: Vocabulary, ledger: Ledger) -> list[LabelledImage]:
    """An image per row of the workbook; the first four digits of a picture's name are the row's number.

    Raises `DataError` where the workbook is no such workbook.
    """
    pictures = _pictures(files, ledger)
    drafts: dict[str, Draft] = {}
    mentioned: set[str] = set()
    for place, number, cells in _rows(files.label_file(_BOOK), ledger):
        mentioned.add(number)
        code = _whole(cells["curvature"])
        found = None if code is None else _CODES.get(code)
        names = pictures.get(number, [])
        if number in drafts:
            _repeat(drafts[number], place, found, number, ledger)
            continue
        name = names[0] if names else f"{number}.png"
        path = f"{_IMAGES}/{name}"
        draft = drafts[number] = Draft(ledger.id(Path(name).stem), path, _fields(number, cells), rows=[place])
        if len(names) > 1:
            draft.conflict = f"{', '.join(names)} all begin with the number of {place}"
        if found is None:
            detail = f"curvature is {shown(cells['curvature'])}: expected 1 to 5"
            ledger.drop(place, "bad_row", detail)
            draft.doubts.append(place)
        else:
            word, disease = found
            label = vocabulary.first(disease, word)
            draft.findings.append(Finding(label=word, disease=label, severity=code, row=place))
    for number, names in sorted(pictures.items()):
        if number not in mentioned:
            for name in names:
                ledger.drop(
                    ledger.id(Path(name).stem), "missing_labels", f"{_BOOK} has no row of number {number}"
                )
    return finish(drafts.values(), files, ledger)


def _pictures(files: SourceFiles, ledger: Ledger) -> dict[str, list[str]]:
    """Names of pictures by their first four digits."""
    pictures: dict[str, list[str]] = {}
    for name in files.names(_IMAGES):
        if not name.lower().endswith(".png") or name.startswith("."):
            continue
        match = _STEM.fullmatch(name[:-4])
        if match is None:
            ledger.drop(
                f"{_IMAGES}/{name}",
                "bad_name",
                f"{shown(name)}: expected four digits of the case, and its age",
            )
        else:
            pictures.setdefault(match[1], []).append(name)
    return pictures


def _repeat(draft: Draft, place: str, found: tuple[str, str] | None, number: str, ledger: Ledger) -> None:
    said = f"number {number} stands in {draft.rows[0]} already"
    same = bool(draft.findings) and found is not None and draft.findings[0].label == found[0]
    ledger.drop(place, "duplicate" if same else "label_conflict", said)
    if not same and draft.conflict is None:
        draft.conflict = f"{draft.rows[0]} and {place} give number {number} different curvatures"
    draft.rows.append(place)


def _fields(number: str, cells: dict[str, Any]) -> dict[str, Any]:
    age = _whole(cells.get("age"))
    return {
        "study": number,
        "patient": number,
        "modality": "X-ray",
        "region": "cervical",
        "view": "lateral",
        "sex": _sex(cells),
        "age": int(age) if age is not None and int(age) <= _OLDEST else None,
    }


def _sex(cells: dict[str, Any]) -> Literal["F", "M"] | None:
    """By word, or by a code that the header explains, as in `Gender: 1.Male, 2.Female`."""
    value, header = cells.get("sex"), str(cells.get("sex_header", ""))
    text = fold(str(value)) if value is not None else ""
    code = _whole(value)
    if code is not None:
        words = dict(re.findall(r"(\d+)\s*[.:=]\s*([a-z]+)", fold(header)))
        text = words.get(code, "")
    return {"f": "F", "female": "F", "m": "M", "male": "M"}.get(text)  # type: ignore[return-value]  # closed by the keys


def _rows(file: Path, ledger: Ledger) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Place, number in four digits, and the cells that are read."""
    for line, columns, values in _sheet(file):
        cells: dict[str, Any] = {
            key: values[at] if at < len(values) else None for key, (at, _) in columns.items()
        }
        if "sex" in columns:
            cells["sex_header"] = columns["sex"][1]
        place = f"{_BOOK}:{line}"
        ledger.counts["rows"] += 1
        digits = _whole(cells["number"])
        if digits is None or not 0 <= int(digits) <= 9999:
            ledger.drop(place, "bad_row", f"number is {shown(cells['number'])}: expected 1 to 9999")
        else:
            yield place, f"{int(digits):04d}", cells


def _sheet(file: Path) -> list[tuple[int, dict[str, tuple[int, str]], tuple[Any, ...]]]:
    """Line, the columns by what they are (position and header), and the values of every row that is not empty."""
    import zipfile
    import zlib
    from xml.etree.ElementTree import ParseError

    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    # What openpyxl lets through of a damaged archive or document, beside its own error.
    broken = (
        InvalidFileException, zipfile.BadZipFile, zlib.error, ParseError, EOFError, OSError, LookupError, ValueError,
        TypeError, AttributeError, RuntimeError,
    )  # fmt: skip
    rows = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of formats and extensions that the labels do not use
        try:
            with open(file, "rb") as stream:
                with zipfile.ZipFile(stream) as archive:
                    if sum(one.file_size for one in archive.infolist()) > _LARGEST_BOOK:
                        raise _no_book(f"unpacks to more than {_LARGEST_BOOK >> 20} MiB")
                book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
                if _SHEET not in book.sheetnames:
                    raise _no_book(f"has the sheets {', '.join(book.sheetnames)}")
                sheet = book[_SHEET]
                sheet.reset_dimensions()  # some tools write a wrong extent
                columns: dict[str, tuple[int, str]] = {}
                for line, values in enumerate(sheet.iter_rows(values_only=True), start=1):
                    if line == _HEADER_ROW:
                        columns = _columns(values)
                    elif line > _HEADER_ROW and any(value is not None for value in values):
                        rows.append((line, columns, values))
                if not columns:
                    raise _no_book("has no second row")
        except broken as error:
            raise _no_book(f"cannot be read ({type(error).__name__}: {error})") from error
    return rows


def _columns(values: tuple[Any, ...]) -> dict[str, tuple[int, str]]:
    columns: dict[str, tuple[int, str]] = {}
    for at, value in enumerate(values):
        header = "" if value is None else str(value)
        word = re.split(r"[:(]", fold(header))[0].strip(" .")
        kind = {"curvature": "curvature", "age": "age", "gender": "sex", "sex": "sex"}.get(word)
        if kind is None and word in _NUMBER_NAMES:
            kind = "number"
        if kind is not None:
            columns.setdefault(kind, (at, header))
    for kind, shape in (("number", "Number"), ("curvature", "Curvature: 1.Lordotic, ... 5.Kyphotic")):
        if kind not in columns:
            there = ", ".join(str(value) for value in values if value is not None)
            raise _no_book(
                f"has no column {shape!r} in row {_HEADER_ROW} of {_SHEET}, which holds {shown(there)}"
            )
    words = _CODE_WORD.findall(fold(columns["curvature"][1]))
    # "Lordosis" will do for "Lordotic"; another order of the codes would turn every label.
    if other := [(code, word) for code, word in words if fold(_CODES[code][0])[:4] != word[:4]]:
        raise _no_book(f"says in its header that curvature {other[0][0]} is {other[0][1]!r}")
    return columns


def _whole(value: object) -> str | None:
    """Digits without leading zeros of an integer, as a number or as text."""
    if isinstance(value, bool) or value is None:
        return None
    digits = whole_number(str(value).strip())
    return None if digits is None else str(int(digits))


def _no_book(found: str) -> DataError:
    return DataError(
        f"label file {_BOOK!r} {found}: expected the workbook of CSXA V3.0; correct sheet, row or column names in a "
        "copy of it, as docs/builder-sources.md has them"
    )
