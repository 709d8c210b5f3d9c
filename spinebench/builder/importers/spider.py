"""SPIDER: radiological gradings per disc of a patient, and a T1 and a T2 image of each."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

from spinebench.benchmarks.problems import shown
from spinebench.builder.importers.files import SourceFiles
from spinebench.builder.importers.imported import Draft, Ledger, finish
from spinebench.builder.importers.rows import Row, read_rows, whole_number
from spinebench.builder.records import Finding, Grading, LabelledImage
from spinebench.builder.vocabulary import Vocabulary

_GRADINGS, _OVERVIEW, _PATIENT, _DISC = "radiological_gradings.csv", "overview.csv", "patient", "ivd label"
_PFIRRMANN = "Pfirrman grade"  # spelled as the source does
_GRADES = {
    "Modic": (range(4), ("Modic changes", "Modic change")),
    "UP endplate": (range(2), ("Endplate changes", "Endplate change")),
    "LOW endplate": (range(2), ("Endplate changes", "Endplate change")),
    "Spondylolisthesis": (range(2), ()),
    "Disc herniation": (range(2), ("Intervertebral disc herniation", "Herniated disc")),
    "Disc narrowing": (range(2), ("Disc space narrowing",)),
    "Disc bulging": (range(2), ("Bulging disc",)),
    _PFIRRMANN: (range(1, 6), ("Pfirrmann grade", "Disc degeneration")),
}
"""Column -> its grades, and what else a vocabulary may call it."""
_VERTEBRAE = ("S1", *(f"L{n}" for n in range(5, 0, -1)), *(f"T{n}" for n in range(12, 0, -1)), "C7")
_LEVELS = tuple(f"{upper}/{lower}" for lower, upper in pairwise(_VERTEBRAE))
"""Disc 1 is L5/S1, counted upwards: the numbering of the data set's masks (van der Graaf et al. 2024)."""
_LUMBAR = 5
_STEM = re.compile(r"(\d{1,9})_(t1|t2_space|t2)", re.ASCII | re.IGNORECASE)
_SEQUENCES = {"t1": "Sagittal T1", "t2": "Sagittal T2", "t2_space": "Sagittal T2 SPACE"}
_READABLE = (".png", ".jpg", ".jpeg", ".nii.gz", ".nii", ".mha")
_VOLUMES = (".nii.gz", ".nii", ".mha")
_OTHER = (".mhd", ".nrrd")
_FOLDERS = ("", "images")


@dataclass(slots=True)
class _Patient:
    """The gradings of a patient by disc."""

    first: str
    discs: dict[int, tuple[str, dict[str, int]]] = field(default_factory=dict)
    """Disc -> row and grades."""
    doubts: list[str] = field(default_factory=list)
    conflict: str | None = None
    shown: bool = False


def read_spider(files: SourceFiles, vocabulary: Vocabulary, ledger: Ledger) -> list[LabelledImage]:
    """An image per file `<patient>_t1` or `<patient>_t2`, with every grade above 0 of all the patient's discs.

    A Pfirrmann grade, which every disc has, is a finding of its own whatever it is: the severity policy says which
    grades count.
    """
    patients = _patients(files, ledger)
    overview = _overview(files, ledger)
    drafts = []
    for stem, path in _images(files, ledger):
        match = _STEM.fullmatch(stem)
        assert match is not None  # by `_images`
        number = str(int(match[1]))
        draft = _draft(stem, path, number, match[2].lower(), overview, ledger)
        patient = patients.get(number)
        if patient is None:
            ledger.drop(draft.id, "missing_labels", f"patient {number} of {path!r} is not in {_GRADINGS}")
            continue
        patient.shown = True
        _label(draft, patient, vocabulary)
        drafts.append(draft)
    for number, patient in patients.items():
        if not patient.shown:
            ledger.drop(
                patient.first, "missing_image", f"patient {number} has no readable image in the folder"
            )
    return finish(drafts, files, ledger)


def _patients(files: SourceFiles, ledger: Ledger) -> dict[str, _Patient]:
    patients: dict[str, _Patient] = {}
    columns = tuple(name.casefold() for name in (_PATIENT, _DISC, *_GRADES))

    def damaged(row: Row) -> None:
        number = whole_number(row[_PATIENT])
        if number is not None:
            patients.setdefault(str(int(number)), _Patient(row.place)).doubts.append(row.place)

    rows = read_rows(files.label_file(_GRADINGS), _GRADINGS, ledger, columns=columns, damaged=damaged)
    for row in rows:
        number, disc = whole_number(row[_PATIENT]), whole_number(row[_DISC])
        if number is None:
            ledger.drop(row.place, "bad_row", f"Patient is {shown(row[_PATIENT])}: expected digits")
            continue
        patient = patients.setdefault(str(int(number)), _Patient(row.place))
        if disc is None or not 1 <= int(disc) <= len(_LEVELS):
            detail = f"IVD label is {shown(row[_DISC])}: expected 1 (L5/S1) to {len(_LEVELS)}"
            ledger.drop(row.place, "bad_row", detail)
            patient.doubts.append(row.place)
            continue
        grades = _grades(row)
        if isinstance(grades, str):
            ledger.drop(row.place, "bad_row", grades)
            patient.doubts.append(row.place)
            continue
        place, known = patient.discs.setdefault(int(disc), (row.place, grades))
        if place == row.place:
            continue
        said = f"disc {int(disc)} of patient {number} stands in {place} already"
        ledger.drop(row.place, "duplicate" if known == grades else "label_conflict", said)
        if known != grades and patient.conflict is None:
            patient.conflict = (
                f"{place} and {row.place} grade disc {int(disc)} of patient {number} differently"
            )
    return patients


def _grades(row: Row) -> dict[str, int] | str:
    grades = {}
    for name, (allowed, _) in _GRADES.items():
        text = row[name.casefold()]
        digits = whole_number(text)
        if digits is None or int(digits) not in allowed:
            return f"{name} is {shown(text)}: expected {allowed[0]} to {allowed[-1]}"
        grades[name] = int(digits)
    return grades


def _label(draft: Draft, patient: _Patient, vocabulary: Vocabulary) -> None:
    draft.doubts, draft.conflict = list(patient.doubts), patient.conflict
    gradings = {("IVD label", None) for disc in range(1, _LUMBAR + 1) if disc not in patient.discs}
    found: set[tuple[str, str | None]] = set(gradings)
    for disc, (place, grades) in sorted(patient.discs.items()):
        draft.rows.append(place)
        for name, grade in grades.items():
            if grade == 0:
                continue
            found.add((name, str(grade)))
            disease = vocabulary.first(name, *_GRADES[name][1])
            level = _LEVELS[disc - 1]
            draft.findings.append(
                Finding(label=name, disease=disease, level=level, severity=str(grade), row=place)
            )
    ordered = sorted(found, key=lambda pair: (pair[0], pair[1] or ""))
    draft.fields["study_gradings"] = tuple(Grading(label=name, severity=grade) for name, grade in ordered)


def _images(files: SourceFiles, ledger: Ledger) -> list[tuple[str, str]]:
    """Stem and path of the images, one file per stem, sorted by stem."""
    found: dict[str, list[str]] = {}
    for folder in _FOLDERS:
        for name in files.names(folder):
            ending = next((end for end in (*_READABLE, *_OTHER) if name.lower().endswith(end)), None)
            if ending is None or name.startswith("."):
                continue
            path = f"{folder}/{name}" if folder else name
            stem = name[: -len(ending)]
            if not _STEM.fullmatch(stem):
                ledger.drop(path, "bad_name", f"stem {shown(stem)}: expected <patient>_t1, _t2 or _t2_SPACE")
            elif ending in _OTHER:
                detail = f"{ending} is not read: convert it to .mha or .nii.gz"
                ledger.drop(path, "unsupported_format", detail)
            else:
                found.setdefault(stem, []).append(path)
    images = []
    for stem, paths in sorted(found.items()):
        first, *others = sorted(paths, key=lambda path: (_rank(path), path))
        images.append((stem, first))
        for path in others:
            ledger.drop(path, "duplicate", f"{first!r} is the same image")
    return images


def _rank(path: str) -> int:
    return next(rank for rank, ending in enumerate(_READABLE) if path.lower().endswith(ending))


def _draft(
    stem: str, path: str, number: str, weighting: str, overview: dict[str, dict[str, Any]], ledger: Ledger
) -> Draft:
    fields: dict[str, Any] = {
        "study": number,
        "series": stem,
        "patient": number,
        "modality": "MRI",
        "region": "lumbar",
        "view": "sagittal",
        "sequence": _SEQUENCES[weighting],
        **overview.get(stem.lower(), {}),
    }
    if path.lower().endswith(_VOLUMES):
        fields["plane"] = "sagittal"
    return Draft(ledger.id(stem), path, fields)


def _overview(files: SourceFiles, ledger: Ledger) -> dict[str, dict[str, Any]]:
    """Sex, age and split by stem, where the overview file is there."""
    if not files.has(_OVERVIEW):
        return {}
    found: dict[str, dict[str, Any]] = {}
    for row in read_rows(files.label_file(_OVERVIEW), _OVERVIEW, ledger, columns=("new_file_name",)):
        fields: dict[str, Any] = {}
        sex = _sex(row.cells.get("sex", ""))
        age = whole_number(row.cells.get("age", ""))
        if sex is not None:
            fields["sex"] = sex
        if age is not None and int(age) <= 120:
            fields["age"] = int(age)
        if split := row.cells.get("subset"):
            fields["split"] = split
        found[row["new_file_name"].lower()] = fields
    return found


def _sex(text: str) -> Literal["F", "M"] | None:
    match text.strip().upper():
        case "F":
            return "F"
        case "M":
            return "M"
        case _:
            return None
