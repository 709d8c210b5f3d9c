"""Self-contained pages on which a clinician reads candidates and decides; nothing is loaded from anywhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Final

from spinebench.corpus.candidates import Candidate
from spinebench.corpus.reading import ImageFacts

PER_PAGE: Final = 100
_LONGEST_SIDE: Final = 1024
_STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
header { position: sticky; top: 0; background: Canvas; border-bottom: 1px solid GrayText; padding: .5rem 0; }
article { border-bottom: 1px solid GrayText; padding: 1.5rem 0; }
img { max-width: 100%; max-height: 32rem; display: block; margin: .5rem 0; }
li.right { font-weight: bold; }
li.right::after { content: " \\2713  correct"; }
.remarks { border-left: 4px solid #c60; padding-left: .75rem; }
.source, small { color: GrayText; }
fieldset { border: 0; padding: 0; margin: 1rem 0 0; display: flex; gap: 1.5rem; flex-wrap: wrap; align-items: center; }
input[type=text] { font: inherit; flex: 1 1 16rem; }
pre { white-space: pre-wrap; font: inherit; margin: 0; }
"""
_SCRIPT: Final = """
"use strict";
const articles = [...document.querySelectorAll("article")];
const chosen = one => one.querySelector("input[type=radio]:checked");
let saved = true;
function count() {
  const n = articles.filter(chosen).length;
  document.getElementById("count").textContent = n + " of " + articles.length + " decided";
}
document.addEventListener("input", () => { saved = false; count(); });
window.addEventListener("beforeunload", event => { if (!saved) event.preventDefault(); });
document.getElementById("save").addEventListener("click", () => {
  const reviewer = document.getElementById("reviewer").value;
  const rows = articles.filter(chosen).map(one => JSON.stringify({
    id: one.dataset.id, hash: one.dataset.hash, decision: chosen(one).value,
    reviewer, comment: one.querySelector("input[type=text]").value }) + "\\n");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(rows, { type: "application/jsonl" }));
  link.download = document.body.dataset.file;
  link.click();
  saved = true;
});
count();
"""


def review_pages(candidates: Sequence[Candidate]) -> list[str]:
    """One page for each hundred candidates; one that says so where there are none.

    What models and documents wrote is escaped, and the page's policy lets no script run but its own.
    """
    chunks = [candidates[at : at + PER_PAGE] for at in range(0, len(candidates), PER_PAGE)] or [[]]
    return ["".join(_page(chunk, number, len(chunks))) for number, chunk in enumerate(chunks, start=1)]


def _page(candidates: Sequence[Candidate], number: int, n_pages: int) -> Iterator[str]:
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_source(_STYLE)}'; script-src '{_source(_SCRIPT)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    yield (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Review of questions, page {number} of {n_pages}</title><style>{_STYLE}</style></head>"
        f'<body data-file="decisions-{number}.jsonl">'
        f"<header><h1>Review of questions, page {number} of {n_pages}</h1>"
        '<label>Reviewer <input type="text" id="reviewer" placeholder="a pseudonym"></label> '
        '<button type="button" id="save">Save decisions</button> <output id="count"></output></header><main>'
    )
    if not candidates:
        yield "<p>There is nothing to review.</p>"
    for one in candidates:
        yield from _article(one)
    yield f"</main><script>{_SCRIPT}</script></body></html>\n"


def _article(one: Candidate) -> Iterator[str]:
    item = one.item
    name = escape(item.id)
    language = escape(item.language or "en")
    yield f'<article data-id="{name}" data-hash="{escape(one.hash)}" lang="{language}"><h2>{name}</h2>'
    yield f'<p class="source">{escape(one.where)}</p>'
    if one.remarks:
        yield '<div class="remarks"><strong>Look at</strong>' + _list(one.remarks) + "</div>"
    for image in one.images:
        yield _picture(image)
    for title, text in (
        ("History", item.case.history if item.case else None),
        ("Examination", item.case.examination if item.case else None),
        ("Question", item.question),
    ):
        if text:
            yield f"<h3>{title}</h3><pre>{escape(text)}</pre>"
    if item.options:
        rows = "".join(
            f"<li{' class=right' if option in item.gold else ''}>{escape(option)}</li>"
            for option in item.options
        )
        yield f'<ol type="A">{rows}</ol>'
    if item.case and item.case.key_facts:
        yield "<h3>Key facts</h3>" + _list(item.case.key_facts)
    if item.reference:
        title = "Why" if item.options else "Reference answer"
        yield f"<h3>{title}</h3><pre>{escape(item.reference)}</pre>"
    yield f"<details><summary>Text it was made from</summary><pre>{escape(one.material)}</pre></details>"
    if one.reason:
        yield f"<p><small>Checker on image and text: {escape(one.reason)}</small></p>"
    yield (
        f'<fieldset><label><input type="radio" name="{name}" value="accept"> accept</label>'
        f'<label><input type="radio" name="{name}" value="reject"> reject</label>'
        '<input type="text" aria-label="Comment" placeholder="comment"></fieldset></article>\n'
    )


def _list(texts: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in texts) + "</ul>"


def _picture(image: ImageFacts) -> str:
    from PIL import Image

    assert image.file is not None
    data = BytesIO()
    with Image.open(Path(image.file)) as picture:
        small = picture.convert("RGB")
    small.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    small.save(data, "JPEG", quality=85)
    return f'<img alt="" src="data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode()}">'


def _source(text: str) -> str:
    """How a content security policy names an inline text."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
