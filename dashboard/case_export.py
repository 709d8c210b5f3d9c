"""A selection of cases as a file that people take with them: a table, JSON lines, or one HTML page with the images."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Any

from spinebench.dashboard.foreign_text import STYLE, Mark, escaped, marked
from spinebench.dashboard.image_route import CaseImages
from spinebench.errors import SpinebenchError
from spinebench.store.database import Parameter
from spinebench.store.workspace import Workspace

MOST_ROWS = 5_000
"""Cases in a table or in JSON lines."""
MOST_ON_A_PAGE = 100
"""Cases in an HTML page, which holds their images."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_TEXT_ON_A_PAGE = 100_000

Row = dict[str, Any]


def exported(workspace: Workspace, parameters: dict[str, Parameter], *, most: int) -> list[Row]:
    """The first `most` cases of a selection, in its order, with question, options as shown and texts."""
    rows = workspace.query("cases", **{**parameters, "size": most, "skip": 0}).to_pylist()
    keys = [_name(row) for row in rows]
    texts = {_name(row): row for row in workspace.query("case_texts", keys=keys).to_pylist()} if keys else {}
    return [_joined(row, texts[_name(row)]) for row in rows]


def as_csv(rows: Sequence[Row]) -> bytes:
    """UTF-8 with mark, as spreadsheets read it; a cell that would be a formula begins with an apostrophe."""
    sink = io.StringIO()
    if rows:
        table = csv.writer(sink, lineterminator="\r\n")
        table.writerow(rows[0])
        for row in rows:
            table.writerow([_csv_cell(value) for value in row.values()])
    return sink.getvalue().encode("utf-8-sig")


def as_jsonl(rows: Iterable[Row]) -> bytes:
    """One JSON object per case."""
    return "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows).encode()


def as_html(workspace: Workspace, rows: Sequence[Row], *, n_cases: int) -> bytes:
    """One page without scripts, whose policy lets nothing load; images stand in it as they were sent."""
    images = CaseImages(workspace)
    simulated = any(row["simulated"] for row in rows)
    head = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\"><title>spinebench cases</title>"
        f"{STYLE}<style>body{{font:15px/1.5 system-ui,sans-serif;max-width:62em;margin:2em auto;padding:0 1em}}"
        "img{max-width:100%;max-height:32em}section{border-top:2px solid #888;margin-top:2em}</style>"
        f"<h1>spinebench: {len(rows):,} of {n_cases:,} cases</h1>"
        + ("<p><strong>SIMULATION: simulated models or a drawn benchmark.</strong></p>" if simulated else "")
    )
    return (head + "".join(_section(images, row) for row in rows)).encode()


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
        ("Chosen", ", ".join(row["chosen"]) or "nothing"),
        ("Outcome", row["outcome"]),
        ("Status", row["status"]),
        ("Case", _name(row)),
    ]
    listed = "".join(f"<dt>{name}</dt><dd>{escaped(str(value))}</dd>" for name, value in facts)
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
    kept = {name: value for name, value in row.items() if name != "n_cases"}
    return {**kept, "options": options, **more}


def _name(row: Row) -> str:
    return f"{row['run_id']}/{row['answer_id']}"


def _csv_cell(value: Any) -> Any:
    if isinstance(value, list):
        value = "; ".join(map(str, value))
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return value
