"""One case on a page: image, question, what the model said, how it was read, what judges and clinicians made of it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from string import ascii_uppercase
from typing import Any

import streamlit as st

from spinebench.dashboard.case_data import Case, Row, read_siblings
from spinebench.dashboard.case_links import case_url
from spinebench.dashboard.foreign_text import (
    PART,
    STYLE,
    Mark,
    escaped,
    marked,
    n_parts,
    part_of,
    quote_marks,
)
from spinebench.dashboard.image_route import image_url
from spinebench.dashboard.image_viewer import show_images
from spinebench.dashboard.written_view import (
    is_shown_in_parts,
    say_what_is_missing,
    show_expected,
    show_parts,
)
from spinebench.evaluators.invisible import written_out
from spinebench.records import AnswerStatus, Outcome

_SIBLINGS = "The same question, all models side by side"
_STYLE = """<style>
.case-options { border-collapse: collapse; width: 100%; }
.case-options td { padding: 3px 8px; border-bottom: 1px solid rgba(128,128,128,.25); }
.case-options td:first-child { width: 2.2em; font-weight: 600; }
.case-options td:last-child { text-align: right; white-space: nowrap; }
.tag { border-radius: 9px; padding: 1px 9px; font-size: .8em; border: 1.5px solid; margin-left: 4px; }
.tag.right { border-color: #009e73; } .tag.wrong { border-color: #d55e00; } .tag.plain { border-color: #888; }
.case-table { border-collapse: collapse; width: 100%; font-size: .9rem; }
.case-table th { text-align: left; font-weight: 600; white-space: nowrap;
  border-bottom: 1.5px solid rgba(128,128,128,.5); }
.case-table th, .case-table td { padding: 3px 10px 3px 0; vertical-align: top; overflow-wrap: anywhere; }
.case-table td { border-bottom: 1px solid rgba(128,128,128,.2); white-space: pre-wrap; }
.case-table .unseen, .case-options .unseen { font: .75em monospace; border: 1px solid #d55e00; border-radius: 3px; }
</style>"""


def show_case(case: Case) -> None:
    """Draw the whole case. All texts in it are escaped; what is not stored is said to be not stored."""
    answer = case.answer
    st.html(STYLE + _STYLE)
    left, right = st.columns([5, 7], gap="medium")
    with left:
        _images(case)
        _facts(answer)
    with right:
        st.subheader("Question", anchor=False)
        _text(case.question, (), key=f"question {case.name}")
        if case.options:
            st.html(options_html(case))
        show_expected(case)
        st.subheader("Answer", anchor=False)
        _answer(case)
    _reading(case)
    _judges(case)
    _clinicians(case)
    if case.checks:
        with st.expander(f"Deterministic checks of the text ({len(case.checks)})"):
            st.html(table_html(case.checks, ("name", "verdict", "detail", "quote")))
    _usage(case)
    _prompt(case)
    _siblings(case)


def options_html(case: Case) -> str:
    """The options in the order shown, letters first, with the right and the chosen ones marked."""
    gold = set(case.answer["gold"] or case.answer["item_gold"] or ())
    chosen = set(case.answer["chosen"] or ())
    lines = []
    for place, option in enumerate(case.options):
        letter = ascii_uppercase[place] if place < 26 else str(place + 1)
        tags = '<span class="tag right">right</span>' if option in gold else ""
        if option in chosen:
            tags += f'<span class="tag {"right" if option in gold else "wrong"}">chosen</span>'
        lines.append(f"<tr><td>{letter}</td><td>{escaped(option)}</td><td>{tags}</td></tr>")
    return f'<table class="case-options">{"".join(lines)}</table>' if lines else ""


def table_html(rows: Sequence[Row], columns: Sequence[str]) -> str:
    """Rows as an HTML table of escaped texts; lists are joined by line breaks, what is absent is a dash.

    A cell shows the first `PART` characters, and how many there are.
    """
    head = "".join(f"<th>{escape(name.replace('_', ' '))}</th>" for name in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escaped(_cut(_cell(row[name])))}</td>" for name in columns) + "</tr>"
        for row in rows
    )
    return f'<table class="case-table"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _cell(value: Any) -> str:
    if value is None or value == []:
        return "–"
    if isinstance(value, list | tuple):
        return "\n".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _cut(text: str) -> str:
    return text if len(text) <= PART else f"{text[:PART]} ... (cut here, of {len(text):,} characters)"


def _images(case: Case) -> None:
    answer = case.answer
    if not case.images:
        st.info(
            "The model was sent no image."
            if answer["image_condition"] == "none" or answer["item_images"] == "[]"
            else "No image is stored with this answer.",
            icon=":material/image_not_supported:",
        )
        return
    if answer["image_condition"] != "normal":
        st.warning(f"Image condition: {answer['image_condition']}. Shown is what the model was sent.")
    show_images(
        [
            (
                image_url(answer["run_id"], answer["answer_id"], place),
                " · ".join([image.source_path or "blank image", image.transform]),
            )
            for place, image in enumerate(case.images)
        ],
        key=f"images {case.name}",
    )


def _facts(answer: Row) -> None:
    facts = {
        "Model": answer["model"],
        "Answered as": answer["provider_model"],
        "Task": answer["task"],
        "Gold disease": answer["disease"],
        "Gold levels": ", ".join(answer["levels"]) or None,
        "Modality": answer["modality"],
        "Source": answer["source"],
        "Subspecialty": answer["subspecialty"],
        "Language": answer["language"],
        "Persona": answer["persona"],
        "Image condition": answer["image_condition"],
        "Option order": answer["option_order"],
        "Item": answer["item_id"],
        "Run": answer["run_id"],
    }
    lines = "".join(
        f"<tr><td>{name}</td><td>{escaped(str(value))}</td></tr>" for name, value in facts.items() if value
    )
    st.html(f'<table class="case-table"><tbody>{lines}</tbody></table>')


def _answer(case: Case) -> None:
    answer = case.answer
    text = answer["text"]
    say_what_is_missing(case)
    if is_shown_in_parts(case):
        show_parts(case)
        _legend(read=False, quoted=bool(case.quotes))
    else:
        _whole(case, text)
    if answer["reasoning"] and not case.has_turns:
        with st.expander(f"Native reasoning ({len(answer['reasoning']):,} characters)"):
            reasoning = answer["reasoning"]
            _text(reasoning, quote_marks(case.quotes, reasoning), key=f"reasoning {case.name}")


def _whole(case: Case, text: str) -> None:
    answer = case.answer
    marks = quote_marks(case.quotes, text)
    if answer["span_start"] is not None:
        marks.append(Mark(answer["span_start"], answer["span_end"], "span"))
    if not text:
        st.info(f"There is no text: status {answer['status']}.", icon=":material/block:")
    else:
        _text(text, marks, key=f"text {case.name}")
        _legend(read=bool(marks), quoted=bool(marks))


def _legend(*, read: bool, quoted: bool) -> None:
    """What the colours mean."""
    shown = '<mark class="span">where the answer was read</mark> ' if read else ""
    shown += '<mark class="quote">quoted as evidence by a judge or a check</mark>' if quoted else ""
    if shown:
        st.html(f'<div class="foreign-text"><small>{shown}</small></div>')


def _text(text: str, marks: Sequence[Mark], *, key: str) -> None:
    """A text, long ones in parts; says where its marks are."""
    parts = n_parts(text)
    part = 1
    if parts > 1:
        places = sorted({part_of(one.start) for one in marks})
        where = f" Marked passages: part {', '.join(map(str, places))}." if places else ""
        st.caption(f"{len(text):,} characters, shown in {parts} parts of {PART:,}.{where}")
        part = int(st.number_input("Part", 1, parts, 1, key=f"part of {key}"))
    st.html(marked(text, marks, first=(part - 1) * PART, last=part * PART))


def _reading(case: Case) -> None:
    answer = case.answer
    with st.expander("How the answer was read and graded", expanded=True):
        rows = [
            ("Status", answer["extraction_status"] or f"{answer['status']} (no text to read)"),
            ("Letters", ", ".join(answer["letters"] or ())),
            ("Extraction rule", answer["rule"]),
            ("Rules' version", answer["extraction_version"]),
            ("Outcome", case.outcome),
            ("Right", answer["correct"]),
            ("Gold", answer["gold"] or answer["item_gold"]),
            ("Chosen", answer["chosen"]),
            ("Confused with", answer["confused_with"]),
            ("Shift in levels", answer["shift"]),
            ("Precision", answer["precision"]),
            ("Recall", answer["recall"]),
            ("Jaccard", answer["jaccard"]),
        ]
        shown: list[Row] = [{"": name, "value": value} for name, value in rows if value not in (None, "", [])]
        if answer["outcome"] is None and answer["status"] == AnswerStatus.ANSWERED:
            st.caption("This answer waits for its grade.")
        st.html(table_html(shown, ("", "value")))


def _judges(case: Case) -> None:
    if not case.judgements:
        return
    with st.expander(f"Judges ({len(case.judgements)} judgements)", expanded=True):
        if any(one["simulated"] for one in case.judgements):
            st.caption(":material/science: SIMULATION: simulated judges or a simulated run.")
        unscored = [one for one in case.judgements if one["status"] != "scored"]
        if unscored:
            st.html(table_html(unscored, ("audit_id", "judge", "repeat", "status")))
        if case.judge_scores:
            st.html(
                table_html(case.judge_scores, ("judge", "repeat", "dimension", "score", "reason", "quotes"))
            )
        if case.judge_marks:
            st.caption("Failure modes found by judges")
            st.html(table_html(case.judge_marks, ("judge", "repeat", "mode", "quotes")))
        if case.claims:
            st.caption("Claims, each held against the image or the reference by the judge")
            st.html(table_html(case.claims, ("judge", "repeat", "verdict", "quote")))


def _clinicians(case: Case) -> None:
    if not case.ratings:
        return
    n_raters = len({one["rater"] for one in case.ratings})
    with st.expander(f"Clinicians ({n_raters} raters)", expanded=True):
        if any(one["simulated"] for one in case.ratings):
            st.caption(":material/science: SIMULATION: simulated clinicians or a simulated run.")
        rows = [
            {**one, "score": "cannot assess" if one["cannot_assess"] else one["score"]}
            for one in case.ratings
        ]
        st.html(table_html(rows, ("rater", "dimension", "score", "duplicate", "safety", "comment")))
        if case.rating_marks:
            st.caption("Failure modes found by clinicians")
            st.html(table_html(case.rating_marks, ("rater", "mode")))


def _usage(case: Case) -> None:
    answer = case.answer
    with st.expander("Usage, attempts and hashes"):
        columns = (
            "what", "input_tokens", "output_tokens", "reasoning_tokens", "cached_input_tokens", "cost_usd", "reused",
            "message",
        )  # fmt: skip
        if case.usage:
            st.html(table_html(case.usage, columns))
        st.caption("A dash: not reported; never 0 in its place.")
        names = (
            "finish_reason", "latency_s", "attempts", "reused", "response_id", "prompt_hash", "request_hash",
            "finished_at",
        )  # fmt: skip
        st.html(
            table_html([{"": name.replace("_", " "), "value": answer[name]} for name in names], ("", "value"))
        )


def _prompt(case: Case) -> None:
    with st.expander("Exact prompt"):
        if case.prompt is None:
            st.info(
                "The prompt's text is not stored, and the template at hand is not the one that the answer's prompt "
                "hash is of (a file of the user's own, or another version). Question and options above are as stored.",
                icon=":material/info:",
            )
        else:
            st.caption(
                "Composed again from the packaged template whose hash is stored with the answer, the item's question "
                "and options in the order shown; the images went with it."
            )
            _text(case.prompt, (), key=f"prompt {case.name}")


def _siblings(case: Case) -> None:
    """Read and sent when they are asked for: a dozen texts more than the case itself."""
    box = st.expander(_SIBLINGS, key="case siblings", on_change="rerun")
    if not box.open:
        return
    found = read_siblings(case)
    with box:
        if len(found) < 2:
            st.caption("No other model was asked this question in the same way.")
            return
        for first in range(0, len(found), 3):
            for column, one in zip(st.columns(3), found[first : first + 3], strict=False):
                with column:
                    _sibling(case, one)


def _sibling(case: Case, one: Row) -> None:
    of_this_run = one["run_id"] == case.answer["run_id"]
    here = of_this_run and one["answer_id"] == case.answer["answer_id"]
    st.text(written_out(one["model"]) + (" (this case)" if here else ""))
    status = str(one["status"] or one["reply_status"])
    said = ", ".join(one["chosen"] or ()) or f"no choice ({status})"
    is_answered = one["outcome"] not in (None, Outcome.NOT_ANSWERED)
    if not is_answered or one["correct"] is None:
        said = (str(one["outcome"]) if is_answered else status).replace("_", " ")
        st.html(f'<span class="tag plain">{escaped(said)}</span>')
    else:
        right = "right" if one["correct"] else "wrong"
        st.html(f'<span class="tag {right}">{right}</span> {escaped(said)}')
    marks = [] if one["span_start"] is None else [Mark(one["span_start"], one["span_end"], "span")]
    st.html(marked(one["text"], marks))
    if one["is_cut"]:
        st.caption("Cut here; open the case for all of it.")
    if not here:
        if not of_this_run:
            st.caption("Of another run on the same benchmark:")
            st.text(one["run_id"])
        address = escape(case_url(one["run_id"], one["answer_id"]))
        st.html(f'<a href="{address}" target="_self">Open this case</a>')
