"""Free text on a case's page: a report under its own headings, a consultation turn by turn, what is missing."""

from __future__ import annotations

from html import escape

import streamlit as st

from spinebench.dashboard.case_data import Case
from spinebench.dashboard.foreign_text import PART, escaped, marked, quote_marks
from spinebench.evaluators.written_parts import WrittenPart
from spinebench.records import Task

_STYLE = """<style>
.written { border: 1px solid rgba(128,128,128,.35); border-radius: 8px; padding: 6px 12px 8px; margin: 0 0 8px; }
.written.between { border-style: dashed; }
.written.patient { background: rgba(86,180,233,.13); margin-right: 12%; }
.written.reply { margin-left: 6%; }
.written h4 { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 10px; margin: 0 0 3px; padding: 0;
  font-size: .95rem; overflow-wrap: anywhere; }
.written h4 small { font-weight: 400; opacity: .75; }
.written .apart { border-left: 3px solid rgba(128,128,128,.4); padding-left: 10px; margin-bottom: 6px; opacity: .85; }
.written .unseen { font: .75em monospace; border: 1px solid #d55e00; border-radius: 3px; }
</style>"""
_SPOKEN = {"patient": "Patient", "reply": "Reply"}


def is_shown_in_parts(case: Case) -> bool:
    """Whether a text has parts, each short enough to be shown at once."""
    return bool(case.parts) and all(len(one.text) <= PART for one in case.parts)


def say_what_is_missing(case: Case) -> None:
    """Sections and replies that a free text lacks."""
    if case.item is not None and case.missing and case.parts:
        report = case.item.task is Task.REPORT
        if report and len(case.parts) == 1 and case.parts[0].kind == "between":
            st.warning("No heading of a section was found; this is the whole text.")
        else:
            what = "No section found by its heading" if report else "Not there"
            st.warning(f"{what}: {', '.join(case.missing)}.")


def show_parts(case: Case) -> None:
    """The parts of a free text in their order, with the passages that judges quote marked."""
    st.html(_STYLE + "".join(part_html(part, case.quotes) for part in case.parts))


def show_expected(case: Case) -> None:
    """Reference and key facts, where known."""
    if case.expected:
        with st.expander("Reference and key facts", expanded=False):
            st.caption("Never shown to the model that wrote.")
            st.html(marked("\n".join(case.expected)))


def part_html(part: WrittenPart, quotes: list[str]) -> str:
    """One part under its heading, or under who speaks."""
    heading = _SPOKEN.get(part.kind, part.heading)
    read_as = f"<small>read as: {escape('; '.join(part.read_as))}</small>" if part.read_as else ""
    head = f"<h4><span>{escaped(heading)}</span>{read_as}</h4>" if heading or read_as else ""
    apart = ""
    if part.reasoning:
        thought = marked(part.reasoning, quote_marks(quotes, part.reasoning))
        apart = f'<div class="apart"><small>Native reasoning</small>{thought}</div>'
    text = marked(part.text, quote_marks(quotes, part.text)) if part.text else "<em>There is no text.</em>"
    return f'<section class="written {part.kind}">{head}{apart}{text}</section>'
