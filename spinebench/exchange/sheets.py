"""Reporting sheets filled from what is stored: GRRAS, TRIPOD-LLM and CLAIM.

The templates beside this module say which facts answer which item. A fact that nothing tells is printed as
`not recorded`; people add what only they know as statements.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

import yaml

from spinebench.errors import UsageError
from spinebench.exchange.audit_facts import AuditCounts, AuditFacts, SheetFigure
from spinebench.exchange.sheet_facts import FACTS
from spinebench.records import Record

__all__ = [
    "NOT_RECORDED", "AuditCounts", "AuditFacts", "ReportingSheet", "SheetFigure", "reporting_sheets", "sheets_markdown",
]  # fmt: skip

NOT_RECORDED = "not recorded"

SHEETS = ("grras", "tripod_llm", "claim")


class Answered(Record):
    """One fact under an item."""

    label: str
    text: str
    """One or more lines; `not recorded` where nothing is known."""
    recorded: bool


class SheetItem(Record):
    """One item of a guideline and what is known about it."""

    id: str
    title: str
    asks: str
    answers: tuple[Answered, ...]


class ReportingSheet(Record):
    """One guideline, filled."""

    id: str
    title: str
    source: str
    audit_id: str
    simulated: bool
    partial: bool
    items: tuple[SheetItem, ...]

    @property
    def n_recorded(self) -> int:
        """Items of which at least one fact is known."""
        return sum(any(one.recorded for one in item.answers) for item in self.items)


class _TemplateItem(Record):
    id: str
    title: str
    asks: str
    facts: tuple[str, ...]


class _Template(Record):
    id: str
    title: str
    source: str
    items: tuple[_TemplateItem, ...]


def reporting_sheets(facts: AuditFacts) -> tuple[ReportingSheet, ...]:
    """The three sheets, filled. Raises UsageError for a statement to an item that no sheet has."""
    templates = [_template(name) for name in SHEETS]
    known = [f"{template.id} {item.id}" for template in templates for item in template.items]
    for name in facts.statements:
        if name not in known:
            raise UsageError(
                f"statement {name!r}: expected an item of a sheet, such as {known[0]!r}; one of {', '.join(known)}"
            )
    return tuple(
        ReportingSheet(
            id=template.id,
            title=template.title,
            source=template.source,
            audit_id=facts.audit.audit_id,
            simulated=facts.audit.simulated or any(card.simulated for card in facts.raters),
            partial=facts.audit.partial,
            items=_filled_items(template, facts),
        )
        for template in templates
    )


def sheets_markdown(sheets: Sequence[ReportingSheet]) -> str:
    """The sheets as one Markdown text. Texts from outside cannot become markup."""
    lines = []
    for sheet in sheets:
        lines += [f"# {sheet.id}: {sheet.title}", "", f"Audit {_plain(sheet.audit_id)}. {sheet.source}.", ""]
        if sheet.simulated:
            lines += ["**SIMULATION: no figure here is a measurement of a model, judge or clinician.**", ""]
        if sheet.partial:
            lines += ["**PARTIAL: only part of a benchmark was asked.**", ""]
        lines += [f"{sheet.n_recorded} of {len(sheet.items)} items have something recorded.", ""]
        for item in sheet.items:
            lines += [f"## {item.id} {item.title}", "", item.asks, ""]
            for one in item.answers:
                first, *more = one.text.splitlines() or [""]
                if more:
                    lines += [f"- {one.label}:", *(f"  - {_plain(line)}" for line in (first, *more))]
                else:
                    lines.append(f"- {one.label}: {_plain(first)}")
            lines.append("")
    return "\n".join(lines)


_LONG = 3
"""Lines up to which an answer is printed again under a second item of a sheet."""


def _filled_items(template: _Template, facts: AuditFacts) -> tuple[SheetItem, ...]:
    told: dict[str, str] = {}
    return tuple(_filled(template.id, item, facts, told) for item in template.items)


def _filled(sheet: str, item: _TemplateItem, facts: AuditFacts, told: dict[str, str]) -> SheetItem:
    """One item; `told` holds the long answers of the sheet so far, text -> item."""
    answers = []
    for name in item.facts:
        label, tell = FACTS[name]
        text = tell(facts)
        if text and len(text.splitlines()) > _LONG:
            first = told.setdefault(text, item.id)
            text = text if first == item.id else f"as under {first}"
        answers.append(Answered(label=label, text=text or NOT_RECORDED, recorded=bool(text)))
    stated = facts.statements.get(f"{sheet} {item.id}", "").strip()
    if stated or not item.facts:
        answers.append(Answered(label="Statement", text=stated or NOT_RECORDED, recorded=bool(stated)))
    return SheetItem(id=item.id, title=item.title, asks=item.asks, answers=tuple(answers))


def _template(name: str) -> _Template:
    text = (files("spinebench.exchange") / "sheet_templates" / f"{name}.yaml").read_text("utf-8")
    return _Template.model_validate(yaml.safe_load(text))


def _plain(text: str) -> str:
    line = " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())
    for mark in "\\`*_[]|<>#":
        line = line.replace(mark, f"\\{mark}" if mark not in "<>" else {"<": "&lt;", ">": "&gt;"}[mark])
    return line
