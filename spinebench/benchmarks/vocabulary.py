"""What a path or a field of a record says for certain about source, study, modality and labels."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache
from types import MappingProxyType

from spinebench.records import Task
from spinebench.terms import (
    DISEASES,
    HEALTHY,
    LEVELS,
    canonical_disease,
    canonical_level,
    fold,
    synonyms,
)

_SOURCES = MappingProxyType(
    {
        "rsna": "rsna",
        "rsna2024": "rsna",
        "buu": "buu",
        "buulspine": "buu",
        "csxa": "csxa",
        "vindr": "vindr",
        "vindrspinexr": "vindr",
    }
)
_MODALITY = MappingProxyType({"rsna": "MRI", "buu": "X-ray", "csxa": "X-ray", "vindr": "X-ray"})
_REGION = MappingProxyType({"rsna": "lumbar", "buu": "lumbar", "csxa": "cervical"})
_NO_STUDY = frozenset({"images", "train_images", "test_images", "train", "test"})


def source_name(text: str) -> str | None:
    """`rsna`, `buu`, `csxa` or `vindr` for any usual spelling of a source data set; None if it is none."""
    if text.isdigit():  # studies and series
        return None
    return _SOURCES.get(re.sub(r"[\s_-]", "", text.casefold()))


def source_of_path(path: str) -> str | None:
    """The source data set that a folder of the path names; None where none or more than one does."""
    found = {name for part in path.split("/")[:-1] if (name := source_name(part)) is not None}
    return found.pop() if len(found) == 1 else None


def modality_of(source: str | None) -> str | None:
    """Modality of a source data set where it holds one only."""
    return None if source is None else _MODALITY.get(source)


def region_of(source: str | None, *, task: Task) -> str | None:
    """Spinal region where the source or the task's levels (L1 to S1) leave no doubt."""
    if source is not None and source in _REGION:
        return _REGION[source]
    return "lumbar" if task is Task.LOCALIZATION else None


def cluster_of(path: str) -> str:
    """`rsna/<study>` for `.../rsna/<study>/<series>/<instance>.jpg`, otherwise the path itself."""
    *folders, _ = path.split("/")
    for position, folder in enumerate(folders):
        if source_name(folder) == "rsna":
            studies = [part for part in folders[position + 1 :] if part.casefold() not in _NO_STUDY]
            return f"rsna/{studies[0]}" if studies else path
    return path


def tidy_path(path: str) -> str:
    """A path with `/` between its parts, without `./` and doubled separators; `..` is left as it is."""
    parts = path.strip().replace("\\", "/").split("/")
    lead = "/" if parts[0] == "" and len(parts) > 1 else ""
    return lead + "/".join(part for part in parts if part not in {"", "."})


@lru_cache(maxsize=4096)
def canonical(text: str, *, task: Task) -> str | None:
    """Canonical disease or level of an option text; None where it is none, or the task has no vocabulary."""
    match task:
        case Task.DIAGNOSIS:
            return canonical_disease(text)
        case Task.LOCALIZATION:
            return canonical_level(text)
        case Task.KNOWLEDGE | Task.REPORT | Task.CONSULTATION:
            return None


def nearest_label(text: str, *, task: Task) -> str | None:
    """The known label that an unknown one is most like, e.g. for a misspelling; None if it is like none."""
    if task is Task.LOCALIZATION:
        names = {level.casefold(): level for level in LEVELS}
    else:
        names = {name: label for label in (*DISEASES, HEALTHY) for name in synonyms(label)}
    close = get_close_matches(fold(text), names, n=1, cutoff=0.6)
    return names[close[0]] if close else None


def match_option(text: str, options: Iterable[str], *, task: Task) -> str | None:
    """The option that a gold text names: verbatim, else by case and spacing, else by synonym; None if none.

    Where several options are synonyms of the text, none is taken.
    """
    options = list(options)
    if text in options:
        return text
    alike = [option for option in options if folded(option) == folded(text)]
    if len(alike) == 1:
        return alike[0]
    label = canonical(text, task=task)
    same = [option for option in options if label is not None and canonical(option, task=task) == label]
    return same[0] if len(same) == 1 else None


@lru_cache(maxsize=4096)
def folded(text: str) -> str:
    """`terms.fold`, remembered: a benchmark repeats few option texts many times."""
    return fold(text)


def in_anatomical_order(levels: Iterable[str]) -> tuple[str, ...]:
    """Canonical levels, cranial to caudal; texts that are no lumbar disc level are left out."""
    named = {canonical_level(level) for level in levels}
    return tuple(level for level in LEVELS if level in named)
