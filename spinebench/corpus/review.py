"""The review queue on disk: a table to fill in, its JSON lines, and pages to read in a browser."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from spinebench.corpus.candidates import Candidate, write_images
from spinebench.corpus.review_page import review_pages
from spinebench.errors import DataError
from spinebench.records import Record
from spinebench.runs.filled_sheets import cell, filled_rows
from spinebench.store.journal import explain, free_name

CANDIDATES: Final = "candidates.jsonl"
TABLE: Final = "review.csv"
_COLUMNS: Final = (
    "id", "hash", "decision", "reviewer", "comment", "kind", "question", "options", "answer", "history", "examination",
    "key_facts", "remarks", "checker", "source", "text", "images",
)  # fmt: skip
DECISIONS: Final = ("accept", "reject")


class Decision(Record):
    """What a reviewer decided of one candidate."""

    id: str
    hash: str
    decision: str
    """`accept`, `reject`, or empty: not decided."""
    reviewer: str = ""
    comment: str = ""


def write_queue(folder: Path, candidates: Sequence[Candidate]) -> None:
    """Write candidates, drafts, images, table and pages; decisions that stand in the table for the same item stay.

    A table whose decisions are of items that changed or are gone is kept beside the new one as `review.csv.before-1`.
    """
    write_images(folder, candidates)
    decided = _decisions_kept(folder / TABLE, {(one.item.id, one.hash) for one in candidates})
    _put(folder / CANDIDATES, _lines(one.model_dump(mode="json", exclude={"images"}) for one in candidates))
    _put(
        folder / "drafts.jsonl",
        _lines({"id": one.item.id, "draft": one.draft, "revision": one.revision} for one in candidates),
    )
    rows = [_row(one, decided.get((one.item.id, one.hash))) for one in candidates]
    _put(folder / "review.jsonl", _lines(rows))
    table = io.StringIO()
    writer = csv.DictWriter(table, _COLUMNS)
    writer.writeheader()
    for row in rows:
        writer.writerow({name: cell(value) for name, value in row.items()})
    _put(folder / TABLE, "\ufeff" + table.getvalue())
    pages = review_pages(candidates)
    for old in folder.glob("review-page-*.html"):
        old.unlink()
    for number, page in enumerate(pages, start=1):
        _put(folder / f"review-page-{number}.html", page)


def read_decisions(path: Path) -> list[Decision]:
    """The rows of a filled table (CSV), or of JSON lines, that decide something.

    Raises `DataError` naming the line for a decision that is neither `accept` nor `reject`.
    """
    found = []
    for line, row in filled_rows(
        path, what="reviewed file", columns=("id", "hash", "decision"), written_by="build corpus"
    ):
        decision = _decision(path, line, row)
        if decision.decision and decision.decision not in DECISIONS:
            raise DataError(
                f"decision {decision.decision!r} of {path.name!r}, line {line}: expected accept, reject or nothing; "
                "correct the cell"
            )
        if decision.decision:
            found.append(decision)
    return found


def _decision(path: Path, line: int, row: Mapping[str, object]) -> Decision:
    fields = {name: row.get(name, "") for name in Decision.model_fields}
    fields["decision"] = str(fields["decision"] or "").strip().lower()
    try:
        return Decision.model_validate(fields)
    except ValidationError as error:
        raise DataError(
            f"reviewed file {path.name!r}, line {line}: expected id, hash and decision as texts ({explain(error)}); "
            "correct the row"
        ) from error


def _decisions_kept(path: Path, known: set[tuple[str, str]]) -> dict[tuple[str, str], Decision]:
    """Decisions of the table that stands there; raises `DataError` where it cannot be read."""
    if not path.exists():
        return {}
    decided = {(one.id, one.hash): one for one in read_decisions(path)}
    if not decided.keys() <= known:
        free_name(path.parent, f"{path.name}.before").write_bytes(path.read_bytes())
    return decided


def _row(one: Candidate, decision: Decision | None) -> dict[str, str]:
    item = one.item
    case = item.case
    return {
        "id": item.id,
        "hash": one.hash,
        "decision": decision.decision if decision else "",
        "reviewer": decision.reviewer if decision else "",
        "comment": decision.comment if decision else "",
        "kind": str(item.metadata["corpus"]["kind"]),
        "question": item.question,
        "options": "\n".join(item.options),
        "answer": "\n".join(item.gold) or item.reference or "",
        "history": (case.history if case else None) or "",
        "examination": (case.examination if case else None) or "",
        "key_facts": "\n".join(case.key_facts) if case else "",
        "remarks": "\n".join(one.remarks),
        "checker": one.reason or "",
        "source": one.where,
        "text": one.material,
        "images": "\n".join(image.path for image in item.images),
    }


def _lines(records: Iterable[object]) -> str:
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in records)


def _put(path: Path, text: str) -> None:
    """The file appears whole or stays as it was."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, "utf-8", errors="replace", newline="")
    part.replace(path)
