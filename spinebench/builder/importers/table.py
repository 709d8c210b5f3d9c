"""Any folder of labelled images: a CSV or Parquet file with a row per label, or several labels in a cell."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any, Literal

from spinebench.benchmarks.problems import shown
from spinebench.builder.importers.files import SourceFiles
from spinebench.builder.importers.imported import Draft, Ledger, finish
from spinebench.builder.importers.rows import Row, read_rows, whole_number
from spinebench.builder.importers.source import Columns
from spinebench.builder.records import Finding, LabelledImage
from spinebench.builder.vocabulary import Vocabulary
from spinebench.errors import DataError
from spinebench.terms import canonical_level, fold

_USUAL = {
    "image": ("image", "image_path", "path", "file", "filename", "file_name", "image_id"),
    "label": ("label", "labels", "disease", "diagnosis", "finding", "class"),
    "level": ("level", "levels"),
    "side": ("side", "laterality"),
    "severity": ("severity", "grade"),
    "study": ("study", "study_id"),
    "patient": ("patient", "patient_id"),
    "modality": ("modality",),
    "view": ("view",),
    "region": ("region",),
    "split": ("split",),
    "sex": ("sex", "gender"),
    "age": ("age",),
}
_OF_THE_IMAGE = ("study", "patient", "modality", "view", "region", "split", "sex", "age")
_PARQUET = (".parquet", ".pq")
_SIDES: dict[str, tuple[Literal["left", "right"], ...]] = {
    "left": ("left",),
    "l": ("left",),
    "right": ("right",),
    "r": ("right",),
    "both": ("left", "right"),
    "bilateral": ("left", "right"),
}
_SEXES: dict[str, Literal["F", "M"]] = {"f": "F", "female": "F", "m": "M", "male": "M"}
_NO_SEX = ("o", "other", "u", "unknown")
"""What DICOM and registers write where neither is said."""
_DICOM_AGE = re.compile(r"(\d{3})Y", re.ASCII)
_MODALITIES = {
    "mri": "MRI",
    "mr": "MRI",
    "x-ray": "X-ray",
    "xray": "X-ray",
    "xr": "X-ray",
    "cr": "X-ray",
    "dx": "X-ray",
    "ct": "CT",
}
_CHAIN = (
    *(f"C{n}" for n in range(1, 8)),
    *(f"T{n}" for n in range(1, 13)),
    *(f"L{n}" for n in range(1, 6)),
    "S1",
)
_OTHER_LEVEL = re.compile(r"([ctls])(\d{1,2})\s*[/\-–—_]\s*([ctls])?(\d{1,2})")
_OLDEST = 120


class _Wrong(Exception):
    """What is wrong with a row, in words."""


def read_table(files: SourceFiles, vocabulary: Vocabulary, ledger: Ledger) -> list[LabelledImage]:
    """An image per path. Raises `DataError` where the table is missing, or has no column of images or of labels."""
    name = files.source.file or _only_table(files)
    drafts: dict[str, Draft] = {}
    columns: dict[str, str] = {}

    def damaged(row: Row) -> None:
        nonlocal columns
        columns = columns or _columns(files.source.columns, row, name)
        path = files.spelled(_path(row[columns["image"]]))
        if path:
            _draft(path, drafts, ledger).doubts.append(row.place)

    for row in _rows(files, name, ledger, damaged):
        columns = columns or _columns(files.source.columns, row, name)
        path = files.spelled(_path(row[columns["image"]]))
        if not path:
            ledger.drop(row.place, "bad_row", f"{columns['image']} is empty: expected the path of an image")
            continue
        draft = _draft(path, drafts, ledger)
        draft.rows.append(row.place)
        cells = {what: row[column] for what, column in columns.items()}
        try:
            _set_fields(draft, cells, row.place)
            new = _set_findings(draft, cells, row.place, files.source.separators, vocabulary)
        except _Wrong as error:
            ledger.drop(row.place, "bad_row", str(error))
            draft.doubts.append(row.place)
        else:
            if not new:
                ledger.drop(row.place, "duplicate", f"an earlier row says the same of {shown(path)}")
    if not ledger.counts["rows"]:
        raise DataError(f"label file {name!r}: expected rows below the header, found none; name another file")
    return finish(drafts.values(), files, ledger)


def _only_table(files: SourceFiles) -> str:
    names = [name for name in files.names() if name.lower().endswith((".csv", ".tsv", *_PARQUET))]
    if len(names) == 1:
        return names[0]
    found = ", ".join(names[:5]) or "none"
    raise DataError(
        f"folder {files.source.folder!r} of source {files.source.source_name!r}: expected one CSV or Parquet file, "
        f"found {found}; name it with the source's `file`"
    )


def _rows(files: SourceFiles, name: str, ledger: Ledger, damaged: Callable[[Row], None]) -> Iterator[Row]:
    file = files.label_file(name)
    if not name.lower().endswith(_PARQUET):
        yield from read_rows(file, name, ledger, delimiters=",;\t", damaged=damaged)
        return
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.ParquetFile(file)
        used = _used(table.schema_arrow, files.source.columns, name)
        line = 0
        for batch in table.iter_batches(columns=list(used)):
            header = [used[column] for column in batch.schema.names]
            for values in zip(*map(_texts, batch.columns), strict=True):
                line += 1
                ledger.counts["rows"] += 1
                row = Row(f"{name}:{line}", dict(zip(header, (text or "" for text in values), strict=True)))
                if None in values:
                    detail = f"{header[values.index(None)]} cannot be read: expected text or a number"
                    ledger.drop(row.place, "bad_row", detail)
                    damaged(row)
                else:
                    yield row
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"label file {name!r}: expected a Parquet file ({error}); write it anew") from error


def _used(schema: Any, wanted: Columns, name: str) -> dict[str, str]:
    """The Parquet columns that are read, and their names as in `Row.cells`; others may hold whole pictures."""
    import pyarrow

    names = [column.strip().casefold() for column in schema.names]
    columns = set(_columns(wanted, Row(name, dict.fromkeys(names, "")), name).values())
    used = {column: folded for column, folded in zip(schema.names, names, strict=True) if folded in columns}
    for folded in sorted(columns):
        if names.count(folded) > 1:
            raise DataError(
                f"label file {name!r} has the column {folded!r} twice: expected it once; rename one"
            )
    for column, folded in used.items():
        kind = schema.field(column).type
        if pyarrow.types.is_struct(kind) or pyarrow.types.is_map(kind):
            raise DataError(
                f"label file {name!r}, column {folded!r} holds {shown(str(kind))}: expected text or numbers; "
                "name another one with the source's columns"
            )
    return used


def _texts(column: Any) -> list[str | None]:
    """The cells as text; None where one is no text, or a date that none can be made of."""
    try:
        return [_text(value) for value in column.to_pylist()]
    except (ValueError, OverflowError):
        return [_single_text(value) for value in column]


def _single_text(value: Any) -> str | None:
    try:
        return _text(value.as_py())
    except (ValueError, OverflowError):
        return None


def _text(value: Any) -> str:
    if value is None or value != value:  # NaN
        return ""
    if isinstance(value, list | tuple):
        return ";".join(map(_text, value))
    if isinstance(value, bytes):  # texts of writers that do not mark them as such
        return value.decode().strip()
    return str(value).strip()


def _columns(wanted: Columns, row: Row, name: str) -> dict[str, str]:
    """What -> column of the file."""
    columns = {}
    for what, usual in _USUAL.items():
        said = getattr(wanted, what)
        if said is not None and said.casefold() not in row.cells:
            raise DataError(
                f"label file {name!r}: expected the column {said!r} for {what}, found {shown(', '.join(row.cells))}; "
                "correct the source's columns"
            )
        found = (
            said.casefold() if said is not None else next((one for one in usual if one in row.cells), None)
        )
        if found is not None:
            columns[what] = found
    for what in ("image", "label"):
        if what not in columns:
            raise DataError(
                f"label file {name!r}: expected a column for {what} ({', '.join(_USUAL[what])}), found "
                f"{shown(', '.join(row.cells))}; name it with the source's columns"
            )
    return columns


def _path(text: str) -> str:
    path = text.replace("\\", "/")
    while path.startswith("./"):
        path = path[2:]
    return re.sub(r"/(?:\./|/)+", "/", path)


def _draft(path: str, drafts: dict[str, Draft], ledger: Ledger) -> Draft:
    if path not in drafts:
        drafts[path] = Draft(ledger.id(path), path)
    return drafts[path]


def _set_fields(draft: Draft, cells: dict[str, str], place: str) -> None:
    for what in _OF_THE_IMAGE:
        text = unicodedata.normalize("NFC", cells.get(what, ""))  # one person, however the accents are stored
        if not text or (what == "sex" and fold(text) in _NO_SEX):
            continue
        value = _field(what, text)
        known = draft.fields.setdefault(what, value)
        if known != value and draft.conflict is None:
            draft.conflict = f"{what} is {known!r} in {draft.rows[0]} and {value!r} in {place}"


def _field(what: str, text: str) -> str | int:
    match what:
        case "age":
            years = _DICOM_AGE.fullmatch(text)
            digits = whole_number(text if years is None else years[1])
            if digits is None or int(digits) > _OLDEST:
                raise _Wrong(f"age is {shown(text)}: expected whole years")
            return int(digits)
        case "sex":
            if fold(text) not in _SEXES:
                raise _Wrong(f"sex is {shown(text)}: expected F or M")
            return _SEXES[fold(text)]
        case "modality":
            return _MODALITIES.get(fold(text), text)
        case "study" | "patient":
            return whole_number(text) or text
        case _:
            return text


def _set_findings(
    draft: Draft, cells: dict[str, str], place: str, separators: str, vocabulary: Vocabulary
) -> bool:
    """Adds what a row says; whether any of it was not said before."""
    labels = _parts(cells["label"], separators)
    levels: list[str | None] = [_level(text) for text in _parts(cells.get("level", ""), separators)]
    side, severity = fold(cells.get("side", "")), cells.get("severity") or None
    if not labels:
        raise _Wrong("the label is empty: expected a disease or Healthy")
    if len(labels) > 1 and len(levels) > 1:
        raise _Wrong(f"has {len(labels)} labels and {len(levels)} levels: expected one row per label")
    if side and side not in _SIDES:
        raise _Wrong(f"side is {shown(cells['side'])}: expected left, right or both")
    if vocabulary.healthy in map(vocabulary.canonical, labels):
        if levels or len(labels) > 1:
            raise _Wrong(f"{cells['label']!r} has a level or another label beside it: expected it alone")
        first, draft.healthy = draft.healthy is None, draft.healthy or place
        return first
    known = {(one.label, one.level, one.side, one.severity) for one in draft.findings}
    said = {
        (label, level, one, severity): vocabulary.canonical(label)
        for label in labels
        for level in levels or [None]
        for one in _SIDES.get(side, (None,))
    }
    for key, disease in said.items():
        if key not in known:
            label, level, one, _ = key
            draft.findings.append(
                Finding(label=label, disease=disease, level=level, side=one, severity=severity, row=place)
            )
    return not known.issuperset(said)


def _parts(text: str, separators: str) -> list[str]:
    pieces = re.split(f"[{re.escape(separators)}\n]", text)
    return [piece.strip() for piece in pieces if piece.strip()]


def _level(text: str) -> str:
    lumbar = canonical_level(text)
    if lumbar is not None:
        return lumbar
    match = _OTHER_LEVEL.fullmatch(fold(text))
    if match is not None:
        upper = f"{match[1]}{match[2]}".upper()
        lower = f"{match[3] or match[1]}{match[4]}".upper()
        if upper in _CHAIN and lower in _CHAIN and _CHAIN.index(lower) == _CHAIN.index(upper) + 1:
            return f"{upper}/{lower}"
    raise _Wrong(f"level is {shown(text)}: expected two neighbouring vertebrae, e.g. L4/L5")
