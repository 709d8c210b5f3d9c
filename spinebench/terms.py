"""Disease labels, spinal levels and their synonyms: the vocabulary of the pathology benchmark.

Source of labels and abbreviations: SpineBench, arXiv 2510.12267. Imports nothing else of the package.
"""

from __future__ import annotations

import re
import unicodedata

HEALTHY = "Healthy"

DISEASES: tuple[str, ...] = (
    "Disc space narrowing",
    "Foraminal stenosis",
    "Subarticular Stenosis",
    "Osteophytes",
    "Spinal Canal Stenosis",
    "Spondylolisthesis",
    "Straight cervical vertebrae",
    "Vertebral collapse",
    "cervical Kyphosis",
    "cervical Lordosis",
    "sigmoid cervical vertebrae",
)
"""The eleven disease labels, in the released spelling and case."""

LEVELS: tuple[str, ...] = ("L1/L2", "L2/L3", "L3/L4", "L4/L5", "L5/S1")
"""Lumbar disc levels, cranial to caudal: the ordinal chain of level distances."""

_SYNONYMS: dict[str, tuple[str, ...]] = {
    HEALTHY: ("no finding", "no findings", "normal", "normal spine", "healthy spine"),
    "Disc space narrowing": ("disk space narrowing", "intervertebral disc space narrowing", "dsn"),
    "Foraminal stenosis": (
        "neural foraminal narrowing",
        "left neural foraminal narrowing",
        "right neural foraminal narrowing",
        "neural foraminal stenosis",
        "foraminal narrowing",
    ),
    "Subarticular Stenosis": (
        "left subarticular stenosis",
        "right subarticular stenosis",
        "lateral recess stenosis",
        "subarticular zone stenosis",
    ),
    "Osteophytes": ("osteophyte", "osteophyte formation", "osteophytosis"),
    "Spinal Canal Stenosis": ("central canal stenosis", "canal stenosis", "central spinal stenosis"),
    "Spondylolisthesis": (
        "spondylolysthesis",
        "anterolisthesis",
        "retrolisthesis",
        "listhesis",
    ),
    "Straight cervical vertebrae": ("straight cervical spine", "cervical straightening"),
    "Vertebral collapse": ("vertebral body collapse", "vertebral compression fracture"),
    "cervical Kyphosis": ("kyphotic cervical vertebrae", "kyphotic cervical spine"),
    "cervical Lordosis": ("lordotic cervical vertebrae", "lordotic cervical spine"),
    "sigmoid cervical vertebrae": ("sigmoid cervical spine", "s-shaped cervical spine"),
}


def fold(text: str) -> str:
    """Comparison form: NFKC, case-folded, white space collapsed, outer punctuation removed."""
    text = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"\s+", " ", text).strip(" \t\n.,;:!\"'`*_")


_CANONICAL: dict[str, str] = {
    fold(name): label for label, names in _SYNONYMS.items() for name in (label, *names)
}


def canonical_disease(text: str) -> str | None:
    """The canonical label (one of DISEASES or HEALTHY) of a label or synonym; None if unknown."""
    return _CANONICAL.get(fold(text))


def synonyms(label: str) -> tuple[str, ...]:
    """Folded names of a canonical label, the label itself first; only itself if it is not canonical."""
    return (fold(label), *(fold(name) for name in _SYNONYMS.get(label, ())))


_LEVEL = re.compile(r"^(?:l)?([1-5])\s*[/\-–—_]\s*(?:([ls])?\s*([1-5]))$")


def canonical_level(text: str) -> str | None:
    """`L4/L5` for `L4-L5`, `l4/5`, `L4–5`; `L5/S1` for `L5-S1`; None if it names no lumbar disc level."""
    match = _LEVEL.match(fold(text))
    if match is None:
        return None
    upper, kind, lower = match.groups()
    name = f"L{upper}/S1" if kind == "s" or (upper == "5" and lower == "1") else f"L{upper}/L{lower}"
    return name if name in LEVELS else None


def level_index(level: str) -> int | None:
    """Position on the chain L1/L2 (0) to L5/S1 (4); None if it is not a lumbar disc level."""
    name = canonical_level(level)
    return None if name is None else LEVELS.index(name)
