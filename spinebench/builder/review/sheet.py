"""Review without a server: a table to fill in, its JSON lines, and the import of what was filled in."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from spinebench.builder.record_files import put_whole
from spinebench.builder.review.desk import Desk, NotTakenError, ReplacedError
from spinebench.builder.review.queue import letter_of
from spinebench.records import Item, JsonValue, Record, digest
from spinebench.runs.filled_sheets import cell, filled_rows

COLUMNS: Final = (
    "item_id", "item_hash", "reviewer", "decision", "reason", "gold", "note",
    "task", "question", "options", "marked", "labels", "findings", "rows", "images", "said",
)  # fmt: skip
"""The first seven are read back; decision, reason, gold and note are for the reviewer."""
_SHORT: Final = {"a": "accept", "c": "correct", "r": "reject"}


class BadRow(Record):
    """One row of a filled sheet that was not taken, and why."""

    row: str
    """File and line."""
    reason: str


@dataclass(frozen=True)
class Imported:
    """What became of a filled sheet."""

    n_new: int
    n_known: int
    """Rows that stand already."""
    n_replaced: int
    """Rows that were taken in before and have been replaced by a later decision since: left as they are."""
    n_open: int
    """Rows without a decision."""
    bad: tuple[BadRow, ...]


def write_sheet(desk: Desk, folder: Path) -> tuple[Path, Path]:
    """Write `review-<reviewer>.csv` and the same rows as `.jsonl`; decisions that stand are filled in.

    No cell of the table is a formula: texts that begin like one have an apostrophe before them, which the import
    takes off again.
    """
    rows = list(_rows(desk))
    table = io.StringIO()
    writer = csv.DictWriter(table, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: cell(_text(value)) for name, value in row.items()})
    paths = (folder / f"review-{desk.reviewer}.csv", folder / f"review-{desk.reviewer}.jsonl")
    put_whole(paths[0], [("\ufeff" + table.getvalue()).encode("utf-8", "replace")])
    put_whole(
        paths[1], ((json.dumps(row, ensure_ascii=False) + "\n").encode("utf-8", "replace") for row in rows)
    )
    return paths


def read_sheet(desk: Desk, path: Path) -> Imported:
    """Take in the decisions of a filled table (CSV), or of JSON lines that a sheet or a page gave.

    Rows that cannot be taken are listed, the others count. A row that was taken in before adds nothing, also where the
    reviewer has decided otherwise since. Raises `DataError` for a file that cannot be read as a whole.
    """
    n_new = n_known = n_replaced = n_open = 0
    bad: list[BadRow] = []
    rows = filled_rows(path, what="sheet", columns=COLUMNS[:7], written_by="build review sheet")
    for line, row in rows:
        place = f"{path.name}:{line}"
        try:
            sent = _sent(desk, row)
        except NotTakenError as error:
            bad.append(BadRow(row=place, reason=str(error)))
            continue
        if sent is None:
            n_open += 1
            continue
        key = str(sent["key"])
        if (known := desk.journal.known(key)) is not None and not row.get("key"):
            last = desk.journal.last(known.decision.item_id, known.decision.item_hash)
            n_known, n_replaced = (n_known + 1, n_replaced) if last == known else (n_known, n_replaced + 1)
            continue
        try:
            taken = desk.take(sent, source="sheet")
        except (NotTakenError, ReplacedError) as error:
            reason = (
                str(error) if isinstance(error, NotTakenError) else "the item was decided otherwise since"
            )
            bad.append(BadRow(row=place, reason=reason))
            continue
        if taken.key == key and known is None:
            n_new += 1
        else:
            n_known += 1
    return Imported(n_new, n_known, n_replaced, n_open, tuple(bad))


def _rows(desk: Desk) -> Iterator[dict[str, JsonValue]]:
    review = desk.review
    standing = desk.journal.standing()
    for name in review.items_of(desk.reviewer):
        case = review.case(name)
        entry = standing.get((name, review.hashes[name]))
        decision = None if entry is None else entry.decision
        findings = [
            " · ".join(
                str(one[field]) for field in ("label", "level", "side", "severity", "row") if one[field]
            )
            for one in case["findings"]
        ]
        yield {
            "item_id": name,
            "item_hash": review.hashes[name],
            "reviewer": desk.reviewer,
            "decision": decision.decision if decision else "",
            "reason": (decision.reason or "") if decision else "",
            "gold": list(decision.gold) if decision else [],
            "note": decision.note if decision else "",
            "task": case["task"],
            "question": case["question"],
            "options": [f"{one['letter']}: {one['text']}" for one in case["options"]],
            "marked": [one["letter"] for one in case["options"] if one["right"]],
            "labels": case["labels"],
            "findings": findings,
            "rows": case["rows"],
            "images": [image.path for image in review.by_id[name].item.images],
            "said": desk.earlier(name),
        }


def _text(value: JsonValue) -> str:
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value)


def _sent(desk: Desk, row: Mapping[str, object]) -> dict[str, JsonValue] | None:
    """A row as a decision that is handed in; None where it decides nothing. Raises `NotTakenError`."""
    said = str(row.get("decision") or "").strip().lower()
    if not said:
        return None
    if row.get("reviewer") != desk.reviewer:
        raise NotTakenError(f"reviewer {str(row.get('reviewer'))[:60]!r}: expected {desk.reviewer!r}")
    name = str(row.get("item_id"))
    candidate = desk.review.by_id.get(name)
    if candidate is None:
        raise NotTakenError(f"item {name[:80]!r}: expected one of this review")
    fields: dict[str, JsonValue] = {
        "item_id": name,
        "item_hash": str(row.get("item_hash")),
        "decision": _SHORT.get(said, said),
        "reason": str(row.get("reason") or "").strip().lower() or None,
        "gold": _gold(row.get("gold"), candidate.item),
        "note": str(row.get("note") or ""),
        "withdrawn": row.get("withdrawn", False),
    }
    # A page names each decision itself; a row of a table is named by what it says.
    key = row.get("key") or digest(["sheet", desk.reviewer, fields])[:48]
    last = desk.journal.last(name, str(fields["item_hash"]))
    return {**fields, "key": key, "follows": last.key if last else None}


def _gold(value: object, item: Item) -> list[str]:
    """Option texts of a cell: texts, one a line, or letters. A text of the options goes before a letter."""
    if isinstance(value, list):
        texts = [str(one) for one in value]
    else:
        text = str(value or "").strip()
        texts = [text] if text in item.options else [one.strip() for one in text.split("\n") if one.strip()]
    found: list[str] = []
    for text in texts:
        if text in item.options:
            found.append(text)
            continue
        letters = {letter_of(place): option for place, option in enumerate(item.options)}
        named = [one for one in re.split(r"[\s,;]+", text) if one]
        if not all(one.upper() in letters for one in named):
            raise NotTakenError(f"gold {text[:80]!r}: expected letters or texts of the item's options")
        found += [letters[one.upper()] for one in named]
    return found
