"""RSNA 2024 Lumbar Spine Degenerative Classification: three CSV files and a DICOM file per instance."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from spinebench.benchmarks.problems import shown
from spinebench.builder.importers.files import SourceFiles
from spinebench.builder.importers.imported import Draft, Ledger, finish
from spinebench.builder.importers.rows import Row, read_rows, whole_number
from spinebench.builder.records import Finding, Grading, LabelledImage
from spinebench.builder.vocabulary import Vocabulary
from spinebench.terms import LEVELS, canonical_level, fold

_GRADINGS, _PLACES, _SERIES = "train.csv", "train_label_coordinates.csv", "train_series_descriptions.csv"
_SEVERITIES = {fold(text): text for text in ("Normal/Mild", "Moderate", "Severe")}
_SIDES: dict[str, Literal["left", "right"]] = {"left": "left", "right": "right"}
_CONDITIONS = {
    fold(text): text
    for text in (
        "Spinal Canal Stenosis",
        "Left Neural Foraminal Narrowing",
        "Right Neural Foraminal Narrowing",
        "Left Subarticular Stenosis",
        "Right Subarticular Stenosis",
    )
}
_COLUMNS = {
    f"{name.replace(' ', '_')}_{level.lower().replace('/', '_')}": (text, level)
    for name, text in _CONDITIONS.items()
    for level in LEVELS
}
"""Column of `train.csv` -> condition and level."""


@dataclass(slots=True)
class _Study:
    """A row of `train.csv`. A severity of None is empty, unknown or contradicted."""

    place: str
    severities: dict[tuple[str, str], str | None]
    gradings: tuple[Grading, ...] = field(default=())
    located: bool = False


def read_rsna(files: SourceFiles, vocabulary: Vocabulary, ledger: Ledger) -> list[LabelledImage]:
    """An image per instance that a coordinate stands on, with its findings; the patient is the study."""
    studies = _studies(files, ledger)
    series = _series(files, ledger, studies)
    drafts: dict[tuple[str, str, str], Draft] = {}
    seen: dict[tuple[str, str, str, str, str], str] = {}

    def draft_of(key: tuple[str, str, str]) -> Draft:
        if key not in drafts:
            drafts[key] = _draft(key, studies.get(key[0]), series, files, ledger)
        return drafts[key]

    def damaged(row: Row) -> None:
        key = _instance(row)
        if not isinstance(key, str):
            draft_of(key).doubts.append(row.place)

    rows = read_rows(
        files.label_file(_PLACES),
        _PLACES,
        ledger,
        columns=("study_id", "series_id", "instance_number", "condition", "level", "x", "y"),
        damaged=damaged,
    )
    for row in rows:
        key = _instance(row)
        if isinstance(key, str):
            ledger.drop(row.place, "bad_row", key)
            continue
        study = studies.get(key[0])
        if study is not None:
            study.located = True
        draft = draft_of(key)
        found = _finding(row, study, vocabulary)
        if isinstance(found, tuple):
            ledger.drop(row.place, *found)
            draft.doubts.append(row.place)
            continue
        first = seen.setdefault((*key, found.label, str(found.level)), row.place)
        if first != row.place:
            detail = f"{found.label!r} at {found.level} stands on this image in {first} already"
            ledger.drop(row.place, "duplicate", detail)
            continue
        draft.findings.append(found)
        draft.rows.append(row.place)
    for name, study in studies.items():
        if not study.located:
            ledger.drop(study.place, "no_coordinates", f"study {name} is not in {_PLACES}")
    return finish(_of_known_series(drafts, series, ledger), files, ledger)


def _studies(files: SourceFiles, ledger: Ledger) -> dict[str, _Study]:
    studies: dict[str, _Study] = {}
    columns = ("study_id", *_COLUMNS)
    for row in read_rows(files.label_file(_GRADINGS), _GRADINGS, ledger, columns=columns):
        name = whole_number(row["study_id"])
        if name is None:
            ledger.drop(row.place, "bad_row", f"study_id is {shown(row['study_id'])}: expected digits")
            continue
        severities = _severities(row, ledger)
        known = studies.get(name)
        if known is None:
            studies[name] = _Study(row.place, severities)
            continue
        other = [key for key, severity in severities.items() if known.severities[key] != severity]
        for key in other:
            known.severities[key] = None
        said = f"study {name} stands in {known.place} already"
        if other:
            condition, level = other[0]
            said += f", with other severities ({condition} {level}, {len(other)} in all): they count as not graded"
        ledger.drop(row.place, "label_conflict" if other else "duplicate", said)
    for study in studies.values():
        pairs = {(condition, severity) for (condition, _), severity in study.severities.items()}
        ordered = sorted(pairs, key=lambda pair: (pair[0], pair[1] or ""))
        study.gradings = tuple(Grading(label=label, severity=severity) for label, severity in ordered)
    return studies


def _severities(row: Row, ledger: Ledger) -> dict[tuple[str, str], str | None]:
    severities: dict[tuple[str, str], str | None] = {}
    empty = []
    for column, key in _COLUMNS.items():
        text = row[column]
        severity = severities[key] = _SEVERITIES.get(fold(text))
        if not text or text.casefold() == "nan":
            empty.append(column)
        elif severity is None:
            detail = f"{column} is {shown(text)}: expected Normal/Mild, Moderate, Severe or nothing"
            ledger.drop(row.place, "unknown_severity", detail)
    if empty:
        ledger.drop(row.place, "no_grading", f"nothing in {', '.join(empty)}")
    return severities


def _series(
    files: SourceFiles, ledger: Ledger, studies: dict[str, _Study]
) -> dict[tuple[str, str], str | None]:
    """Description of each series; None where its rows contradict each other."""
    series: dict[tuple[str, str], str | None] = {}
    columns = ("study_id", "series_id", "series_description")
    strange: set[str] = set()
    for row in read_rows(files.label_file(_SERIES), _SERIES, ledger, columns=columns):
        study, number = whole_number(row["study_id"]), whole_number(row["series_id"])
        text = row["series_description"]
        if study is None or number is None:
            detail = (
                f"study_id {shown(row['study_id'])}, series_id {shown(row['series_id'])}: expected digits"
            )
            ledger.drop(row.place, "bad_row", detail)
            continue
        if study not in studies and study not in strange:
            strange.add(study)
            ledger.drop(row.place, "no_grading", f"study {study} is not in {_GRADINGS}")
        if _view(text) is None:
            detail = f"series_description is {shown(text)}: expected one that starts with its plane"
            ledger.drop(row.place, "unknown_series", detail)
        key = (study, number)
        if key not in series:
            series[key] = text
        elif series[key] == text:
            ledger.drop(row.place, "duplicate", f"series {number} of study {study} stands here twice")
        else:
            ledger.drop(
                row.place, "label_conflict", f"series {number} of study {study} was {series[key]!r} before"
            )
            series[key] = None
    return series


def _view(description: str | None) -> str | None:
    word = fold(description or "").partition(" ")[0]
    return word if word in {"sagittal", "axial", "coronal"} else None


def _instance(row: Row) -> tuple[str, str, str] | str:
    values = []
    for column in ("study_id", "series_id", "instance_number"):
        number = whole_number(row[column])
        if number is None:
            return f"{column} is {shown(row[column])}: expected digits"
        values.append(number)
    return values[0], values[1], values[2]


def _draft(
    key: tuple[str, str, str],
    study: _Study | None,
    series: dict[tuple[str, str], str | None],
    files: SourceFiles,
    ledger: Ledger,
) -> Draft:
    name, number, instance = key
    description = series.get((name, number))
    path = files.spelled(f"train_images/{name}/{number}/{instance}.dcm")
    draft = Draft(ledger.id("/".join(key)), path)
    draft.fields = {
        "study": name,
        "series": number,
        "patient": name,
        "modality": "MRI",
        "region": "lumbar",
        "sequence": description,
        "view": _view(description),
        "split": "train",
    }
    if study is not None:
        draft.rows.append(study.place)
        draft.fields["study_gradings"] = study.gradings
    return draft


def _finding(row: Row, study: _Study | None, vocabulary: Vocabulary) -> Finding | tuple[str, str]:
    """The finding of a coordinate, or reason and detail."""
    condition, level = _CONDITIONS.get(fold(row["condition"])), canonical_level(row["level"])
    if condition is None:
        return "bad_row", f"condition is {shown(row['condition'])}: expected e.g. Left Subarticular Stenosis"
    if level is None:
        return "bad_row", f"level is {shown(row['level'])}: expected L1/L2 to L5/S1"
    for column in ("x", "y"):
        if not _is_place(row[column]):
            return "bad_row", f"{column} is {shown(row[column])}: expected a number of pixels"
    if study is None:
        return "no_grading", f"study {row['study_id']} is not in {_GRADINGS}"
    severity = study.severities[condition, level]
    if severity is None:
        return "no_grading", f"{study.place} has no usable severity of {condition} at {level}"
    return Finding(
        label=condition,
        disease=vocabulary.first(condition, condition.partition(" ")[2]),
        level=level,
        side=_SIDES.get(condition.partition(" ")[0].lower()),
        severity=severity,
        row=row.place,
    )


def _is_place(text: str) -> bool:
    try:
        number = float(text)
    except ValueError:
        return False
    return math.isfinite(number) and number >= 0


def _of_known_series(
    drafts: dict[tuple[str, str, str], Draft], series: dict[tuple[str, str], str | None], ledger: Ledger
) -> Iterator[Draft]:
    for (study, number, _), draft in drafts.items():
        if draft.fields["view"] is not None:
            yield draft
        else:
            known = (study, number) in series
            found = f"series {number} of study {study} " + (
                "has no usable description" if known else "is not"
            )
            ledger.drop(draft.id, "unknown_series", f"{found} in {_SERIES}, so that its plane is unknown")
