"""The finished benchmark: question files, images or pointers to them, card, Croissant metadata, checksums, verifier."""

from __future__ import annotations

from spinebench.builder.package.licences import SourceFacts, combined_terms, known_kinds, source_facts
from spinebench.builder.package.plan import PackagePlan
from spinebench.builder.package.writing import Packaged, package

__all__ = [
    "PackagePlan",
    "Packaged",
    "SourceFacts",
    "combined_terms",
    "known_kinds",
    "package",
    "source_facts",
]
