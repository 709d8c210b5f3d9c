"""What an importer gives: images, what was left out, and counts; and how an image is put together from rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from spinebench.builder.importers.files import SourceFiles
from spinebench.builder.records import Dropped, Finding, LabelledImage, Stage
from spinebench.records import Record


class Imported(Record):
    """A source as its label files have it, before the severity policy."""

    images: tuple[LabelledImage, ...]
    """Sorted by id."""
    dropped: tuple[Dropped, ...]
    """Rows and images that did not come along, in the order of the files; a row that was read but left out is
    `<file>:<line>`, an image its id."""
    counts: dict[str, int]
    """`rows` read (without headers), `images`, `findings`, and `dropped`; by importer also e.g. `boxes`."""


class Ledger:
    """Collects what is left out, and counts."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.counts: Counter[str] = Counter()
        self._dropped: list[Dropped] = []

    def drop(self, subject: str, reason: str, detail: str) -> None:
        """Writes one line of the ledger; bytes of a file name that are no UTF-8 as `\\udcff`."""
        subject, detail = (text.encode("utf-8", "backslashreplace").decode() for text in (subject, detail))
        self._dropped.append(
            Dropped(stage=Stage.IMPORT, subject=subject, reason=reason, detail=detail, source=self.source)
        )

    def id(self, name: str) -> str:
        """Id of an image in the build."""
        return f"{self.source}/{name}"

    def result(self, images: Iterable[LabelledImage]) -> Imported:
        """Everything that was found, the images sorted by id."""
        found = tuple(sorted(images, key=lambda image: image.id))
        counts = {
            "rows": 0,
            **self.counts,
            "images": len(found),
            "findings": sum(len(image.findings) for image in found),
            "dropped": len(self._dropped),
        }
        return Imported(images=found, dropped=tuple(self._dropped), counts=dict(sorted(counts.items())))


@dataclass(slots=True)
class Draft:
    """An image while its rows are read."""

    id: str
    path: str
    fields: dict[str, Any] = field(default_factory=dict)
    """Further fields of the `LabelledImage`."""
    findings: list[Finding] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)
    healthy: str | None = None
    """The row that says so."""
    doubts: list[str] = field(default_factory=list)
    """Rows that speak of the image and cannot be relied on."""
    conflict: str | None = None

    def finish(self, files: SourceFiles, ledger: Ledger) -> LabelledImage | None:
        """The image, or None with a line in the ledger.

        An image with a row that cannot be relied on is left out whole: what is true of it is not fully known, so that
        neither its gold answer nor its wrong options would be certain.
        """
        if self.conflict is None and self.healthy is not None and self.findings:
            first = self.findings[0]
            self.conflict = f"{self.healthy} calls it healthy, {first.row} says {first.label!r}"
        if self.conflict is not None:
            ledger.drop(self.id, "label_conflict", self.conflict)
        elif self.doubts:
            ledger.drop(
                self.id, "doubtful_label", f"rests on {_some(self.doubts)}, left out for what is said there"
            )
        elif self._without_label():
            labels = ", ".join(sorted({one.label for one in self.findings})) or "nothing"
            ledger.drop(
                self.id, "no_label", f"has only {labels}: expected a label of the vocabulary or Healthy"
            )
        elif (problem := files.problem(self.path)) is not None:
            reason, found = problem
            ledger.drop(self.id, reason, f"image {self.path!r} of {_some(self.rows)} {found}")
        else:
            return LabelledImage(
                id=self.id,
                source=ledger.source,
                path=self.path,
                findings=tuple(self.findings),
                healthy=self.healthy is not None,
                rows=tuple(dict.fromkeys(self.rows)),
                **self.fields,
            )
        return None

    def _without_label(self) -> bool:
        if self.healthy is not None or self.fields.get("study_gradings"):
            return False
        return all(one.disease is None for one in self.findings)


def finish(drafts: Iterable[Draft], files: SourceFiles, ledger: Ledger) -> list[LabelledImage]:
    """All drafts that gave an image, in their order."""
    return [image for draft in drafts if (image := draft.finish(files, ledger)) is not None]


def _some(rows: list[str]) -> str:
    rows = list(dict.fromkeys(rows))
    return ", ".join(rows[:3]) + (f" and {len(rows) - 3} more" if len(rows) > 3 else "")
