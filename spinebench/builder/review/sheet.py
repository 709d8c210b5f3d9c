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
from spinebench.errors import DataError
from spinebench.records import Item, JsonValue, Record, digest

COLUMNS: Final = (
    "item_id", "item_hash", "reviewer", "decision", "reason", "gold", "note",
    "task", "question", "options", "marked", "labels", "findings", "rows", "images", "said",
)  # fmt: skip
"""The first seven are read back; decision, reason, gold and note are for the reviewer."""
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "'", "＝", "＋", "－", "＠")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_LONGEST_CELL: Final = 32_000
"""Characters; a spreadsheet takes 32,767 in a cell and cuts off the rest without a word."""
_SHORT: Final = {"a": "accept", "c": "correct", "r": "reject"}
_LARGEST: Final = 1 << 28
"""Bytes of a file that is taken in."""


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
    for place, row in _read(path):
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


def cell(text: str) -> str:
    """A text as a spreadsheet shows it: never a formula, never cut off without a word."""
    if len(text) > _LONGEST_CELL:
        return f"({len(text)} characters, too long for a table: read it on the page)"
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\r\n", "\n")
    text = _CONTROLS.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)
    return f"'{text}" if text.lstrip(" \u00a0\u3000").startswith(_FORMULA) else text


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


def _read(path: Path) -> Iterator[tuple[str, Mapping[str, object]]]:
    """(File and line, row) of a filled file."""
    try:
        if path.stat().st_size > _LARGEST:
            raise DataError(
                f"sheet {path.name!r}: expected at most {_LARGEST >> 20} MiB; name the filled sheet"
            )
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(
            f"sheet {str(path)!r}: expected a readable file, but {error.strerror}; correct the path"
        ) from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"sheet {path.name!r}: expected UTF-8 text (byte {error.start}); save it as 'CSV UTF-8'"
        ) from error
    return _table(path, text) if path.suffix.lower() == ".csv" else _json_lines(path, text)


def _table(path: Path, text: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)  # some spreadsheets save it with another one
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = [name for name in reader.fieldnames or () if name]
        if missing := [name for name in COLUMNS[:7] if name not in names]:
            raise DataError(
                f"sheet {path.name!r}: expected the columns {', '.join(COLUMNS[:7])}, found no {', '.join(missing)}; "
                "fill in the sheet that 'spinebench build review sheet' wrote"
            )
        line = reader.line_num + 1
        for row in reader:
            yield f"{path.name}:{line}", {name: (row[name] or "").removeprefix("'") for name in names}
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"sheet {path.name!r}, line {reader.line_num}: expected a row of a CSV table, found {error}; save it "
            "again as 'CSV UTF-8'"
        ) from error


def _json_lines(path: Path, text: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(
                f"sheet {path.name!r}, line {number}: expected JSON, found {error}; correct the line"
            ) from error
        if not isinstance(row, dict):
            raise DataError(f"sheet {path.name!r}, line {number}: expected a JSON object; correct the line")
        yield f"{path.name}:{number}", row


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
