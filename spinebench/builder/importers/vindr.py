"""VinDr-SpineXR 1.0.0: a CSV of boxes per split, and a DICOM file per image."""

from __future__ import annotations

import math
import re
from typing import Any

from spinebench.benchmarks.problems import shown
from spinebench.builder.importers.files import SourceFiles
from spinebench.builder.importers.imported import Draft, Ledger, finish
from spinebench.builder.importers.rows import Row, read_rows
from spinebench.builder.records import Finding, LabelledImage
from spinebench.builder.vocabulary import Vocabulary
from spinebench.errors import DataError
from spinebench.terms import fold

_SPLITS = ("train", "test")
_ENDINGS = (".dicom", ".dcm")
_COLUMNS = ("study_id", "series_id", "image_id", "rad_id", "lesion_type", "xmin", "ymin", "xmax", "ymax")
_BOX = ("xmin", "ymin", "xmax", "ymax")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


def read_vindr(files: SourceFiles, vocabulary: Vocabulary, ledger: Ledger) -> list[LabelledImage]:
    """An image per image id; a label counts once however many readers and boxes it has.

    An image that is called `No finding` in one row and ill in another contradicts itself, as does one of two splits or
    two studies. Raises `DataError` where neither annotation file is there.
    """
    drafts: dict[str, Draft] = {}
    labels: dict[tuple[str, str], str] = {}
    weak: dict[str, list[tuple[str, str]]] = {}
    found = [split for split in _SPLITS if files.has(f"annotations/{split}.csv")]
    if not found:
        raise DataError(
            f"folder {files.source.folder!r} of source {files.source.source_name!r}: expected annotations/train.csv or "
            "annotations/test.csv; see docs/builder-sources.md for the tree"
        )
    for split in sorted(set(_SPLITS) - set(found)):
        ledger.drop(
            f"annotations/{split}.csv", "missing_file", "is not in the source's folder: its images stay out"
        )
    for split in found:
        name = f"annotations/{split}.csv"

        def damaged(row: Row, split: str = split) -> None:
            image = row["image_id"]
            if _NAME.fullmatch(image):
                _draft(row, split, drafts, files, ledger).doubts.append(row.place)

        for row in read_rows(files.label_file(name), name, ledger, columns=_COLUMNS, damaged=damaged):
            image, label = row["image_id"], row["lesion_type"]
            if not _NAME.fullmatch(image):
                detail = f"image_id is {shown(image)}: expected letters and digits, as in the file's name"
                ledger.drop(row.place, "bad_row", detail)
                continue
            draft = _draft(row, split, drafts, files, ledger)
            draft.rows.append(row.place)
            problem = _problem(row)
            if problem is not None:
                ledger.drop(row.place, *problem)
                weak.setdefault(image, []).append((fold(label), row.place))
                continue
            if vocabulary.canonical(label) == vocabulary.healthy:
                draft.healthy = draft.healthy or row.place
                continue
            ledger.counts["boxes"] += 1
            if (image, fold(label)) not in labels:
                labels[image, fold(label)] = row.place
                disease = vocabulary.canonical(label)
                draft.findings.append(Finding(label=label, disease=disease, row=row.place))
    for image, places in weak.items():
        # A label that another row of the image has with a good box is sure; of the others nobody can say.
        drafts[image].doubts += [place for label, place in places if (image, label) not in labels]
    return finish(drafts.values(), files, ledger)


def _draft(row: Row, split: str, drafts: dict[str, Draft], files: SourceFiles, ledger: Ledger) -> Draft:
    image = row["image_id"]
    fields: dict[str, Any] = {
        "study": row["study_id"] or None,
        "series": row["series_id"] or None,
        "patient": None,
        "modality": "X-ray",
        "split": split,
    }
    draft = drafts.get(image)
    if draft is None:
        paths = [files.spelled(f"{split}_images/{image}{ending}") for ending in _ENDINGS]
        path = next((path for path in paths if files.has(path)), paths[0])
        draft = drafts[image] = Draft(ledger.id(image), path, fields)
        return draft
    for key in ("split", "study"):
        if draft.fields[key] != fields[key] and draft.conflict is None:
            first = draft.rows[0] if draft.rows else "an earlier row"
            draft.conflict = f"{key} is {draft.fields[key]!r} by {first} and {fields[key]!r} by {row.place}"
    return draft


def _problem(row: Row) -> tuple[str, str] | None:
    """Reason and detail why a row cannot be relied on."""
    label = row["lesion_type"]
    cells = ["" if row[column].casefold() == "nan" else row[column] for column in _BOX]
    if not label:
        return "bad_row", "lesion_type is empty: expected a label"
    empty = [column for column, cell in zip(_BOX, cells, strict=True) if not cell]
    if fold(label) in {"no finding", "no findings"}:
        # Pandas writes nothing, older tools a box of zeros.
        return (
            None
            if len(empty) == len(_BOX) or set(cells) <= {"0", "0.0"}
            else ("bad_row", "No finding has a box")
        )
    if empty:
        return "no_box", f"{label!r} has no {', '.join(empty)}: expected a box"
    values = []
    for column, cell in zip(_BOX, cells, strict=True):
        try:
            value = float(cell)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            return "bad_row", f"{column} is {shown(cell)}: expected a number of pixels"
        values.append(value)
    left, top, right, bottom = values
    if left > right or top > bottom:
        return "bad_row", f"box {', '.join(cells)}: expected xmin below xmax and ymin below ymax"
    if left == right or top == bottom:
        return "zero_box", f"box {', '.join(cells)} of {label!r} has no size"
    return None
