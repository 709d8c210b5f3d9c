"""A selection of cases as a file that people take with them: a table, JSON lines, or one HTML page with the images.

Rows come from the database a few thousand at a time, each over a short connection, and leave as they come: no file is
ever held as a whole.
"""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from itertools import islice
from typing import Any

from spinebench.dashboard.case_search import TextSearch
from spinebench.dashboard.foreign_text import STYLE, Mark, escaped, marked
from spinebench.dashboard.image_route import CaseImages
from spinebench.errors import SpinebenchError, UsageError
from spinebench.store.database import Parameter
from spinebench.store.workspace import Workspace

MOST_ON_A_PAGE = 100
"""Cases in an HTML page, which holds their images."""
MOST_FOUND = 100_000
"""Cases of a file that hold a text that was looked for."""
_AT_ONCE = 4_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_TEXT_ON_A_PAGE = 100_000

Row = dict[str, Any]


@dataclass(frozen=True)
class Exported:
    """Cases of a selection in its order, with question, options as shown and texts."""

    n_cases: int
    """Of the selection."""
    rows: Iterator[Row]
    """Read as they are asked for. Raises `SpinebenchError` where the data change so that none follows on the last."""


def exported(workspace: Workspace, parameters: dict[str, Parameter]) -> Exported:
    """The cases that these parameters of the query `cases` leave.

    Raises `SpinebenchError`; `UsageError` where more than `MOST_FOUND` cases hold the text that is looked for.
    """
    parameters = _found(workspace, parameters)
    first = workspace.query("cases", **parameters, size=_AT_ONCE, skip=0).to_pylist()
    return Exported(first[0]["n_cases"] if first else 0, _rows(workspace, parameters, first))


def as_csv(rows: Iterable[Row]) -> Iterator[bytes]:
    """UTF-8 with mark, as spreadsheets read it; a cell that would be a formula begins with an apostrophe."""
    yield b"\xef\xbb\xbf"
    for number, row in enumerate(rows):
        if number == 0:
            yield _csv_line(row)
        yield _csv_line([_csv_cell(value) for value in row.values()])


def as_jsonl(rows: Iterable[Row]) -> Iterator[bytes]:
    """One JSON object per case."""
    for row in rows:
        yield (json.dumps(row, ensure_ascii=False, default=str) + "\n").encode("utf-8", "backslashreplace")


def as_html(workspace: Workspace, cases: Exported) -> Iterator[bytes]:
    """One page without scripts, whose policy lets nothing load; images stand in it as they were sent."""
    images = CaseImages(workspace)
    rows = list(islice(cases.rows, MOST_ON_A_PAGE))
    simulated = any(row["simulated"] for row in rows)
    head = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\"><title>spinebench cases</title>"
        f"{STYLE}<style>:root{{color-scheme:light dark}}"
        "body{font:15px/1.5 system-ui,sans-serif;max-width:62em;margin:2em auto;padding:0 1em}"
        "img{max-width:100%;max-height:32em}section{border-top:2px solid #888;margin-top:2em}"
        "dt{font-weight:600;float:left;clear:left;width:11em}dd{margin-left:12em}</style>"
        f"<h1>spinebench: {len(rows):,} of {cases.n_cases:,} cases</h1>"
        + ("<p><strong>SIMULATION: simulated models or a drawn benchmark.</strong></p>" if simulated else "")
    )
    yield head.encode()
    for row in rows:
        yield _section(images, row).encode("utf-8", "backslashreplace")


def _found(workspace: Workspace, parameters: dict[str, Parameter]) -> dict[str, Parameter]:
    if not parameters.get("text"):
        return parameters
    search = TextSearch(workspace, parameters, most=MOST_FOUND)
    while not search.is_done:
        search.go_on(for_s=60)
    if search.is_full:
        raise UsageError(
            f"text {parameters['text']!r}: expected at most {MOST_FOUND:,} cases that hold it in one file; narrow them "
            "down by other filters"
        )
    return {**parameters, "text": None, "cases": search.found}


def _rows(workspace: Workspace, parameters: dict[str, Parameter], rows: list[Row]) -> Iterator[Row]:
    while rows:
        keys = [_name(row) for row in rows]
        texts = {_name(row): row for row in workspace.query("case_texts", keys=keys).to_pylist()}
        for row in rows:
            if _name(row) in texts:
                yield _joined(row, texts[_name(row)])
        last = rows[-1]
        [here, *rows] = workspace.query(
            "cases", **parameters, at_run=last["run_id"], at_answer=last["answer_id"], before=0, size=_AT_ONCE
        ).to_pylist() or [None]
        if here is None:
            raise SpinebenchError(
                f"case {_name(last)!r}: expected it to stay in the selection while its file is written; ask for the "
                "file again"
            )


def _section(images: CaseImages, row: Row) -> str:
    pictures = "".join(_pictures(images, row["run_id"], row["answer_id"]))
    options = "".join(f"<li>{escaped(option)}</li>" for option in row["options"])
    marks = [] if row["span_start"] is None else [Mark(row["span_start"], row["span_end"], "span")]
    text = row["text"]
    cut = (
        ""
        if len(text) <= _TEXT_ON_A_PAGE
        else f"<p>Cut after {_TEXT_ON_A_PAGE:,} of {len(text):,} characters.</p>"
    )
    facts = [
        ("Right", ", ".join(row["gold"])),
        ("Chosen", (", ".join(row["chosen"]) or "nothing") if row["options"] else ""),
        ("Outcome", row["outcome"]),
        ("Status", row["status"]),
        ("Extraction rule", row["rule"]),
        ("Lowest judge score", row["score"]),
        ("Lowest clinician score", row["rating"]),
        ("Failure modes", ", ".join(row["modes"] or ())),
        ("Case", _name(row)),
    ]
    listed = "".join(
        f"<dt>{name}</dt><dd>{escaped(str(value))}</dd>" for name, value in facts if value not in (None, "")
    )
    reasoning = (
        f"<details><summary>Native reasoning</summary>{marked(row['reasoning'], last=_TEXT_ON_A_PAGE)}</details>"
        if row["reasoning"]
        else ""
    )
    return (
        f"<section><h2>{escaped(row['model'])}: {escaped(row['item_id'])}</h2>{pictures}"
        f'{marked(row["question"])}<ol type="A">{options}</ol><dl>{listed}</dl>'
        f"<h3>Answer</h3>{marked(text, marks, last=_TEXT_ON_A_PAGE)}{cut}{reasoning}</section>"
    )


def _pictures(images: CaseImages, run_id: str, answer_id: str) -> Iterator[str]:
    for position in range(len(images.sent(run_id, answer_id))):
        try:
            found = images.image(run_id, answer_id, position)
        except SpinebenchError as error:
            yield f"<p>{escape(str(error))}</p>"
            continue
        if found is not None:
            sent, data = found
            yield f'<img alt="" src="data:{sent.media_type};base64,{base64.b64encode(data).decode()}">'


def _joined(row: Row, text: Row) -> Row:
    options = [text["options"][place] for place in text["option_permutation"]]
    left_out = {"options", "option_permutation", "run_id", "answer_id"}
    more = {name: value for name, value in text.items() if name not in left_out}
    kept = {name: value for name, value in row.items() if name not in {"n_cases", "place"}}
    return {**kept, "options": options, **more}


def _name(row: Row) -> str:
    return f"{row['run_id']}/{row['answer_id']}"


def _csv_line(cells: Iterable[Any]) -> bytes:
    sink = io.StringIO()
    csv.writer(sink, lineterminator="\r\n").writerow(cells)
    return sink.getvalue().encode("utf-8", "backslashreplace")


def _csv_cell(value: Any) -> Any:
    if isinstance(value, list):
        value = "; ".join(map(str, value))
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return value
