from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from spinebench.audit_records import (
    AssignedTrace,
    Assignment,
    AuditSpec,
    Blinding,
    RaterCard,
    SampleMode,
    SampleSpec,
    StrataBy,
    Stratum,
)
from spinebench.errors import UsageError
from spinebench.exchange.audit_facts import AuditCounts, AuditFacts, SheetFigure
from spinebench.exchange.sheet_facts import FACTS
from spinebench.exchange.sheets import NOT_RECORDED, ReportingSheet, reporting_sheets, sheets_markdown
from spinebench.rubrics.rubric import Dimension, Rubric
from tests.stored_runs import spec as run_spec

HASH = "ab" * 32
AT = datetime(2026, 3, 4, tzinfo=UTC)
RUBRIC = Rubric(
    id="own", version="2", title="Own", language="en", source="here",
    dimensions=(
        Dimension(id="logic", name="Logic", focus="Is it sound?", scale=(1, 3, 5), anchors={1: "not", 5: "fully"}),
    ),
)  # fmt: skip


def audit(**changes: Any) -> AuditSpec:
    fields: dict[str, Any] = {
        "audit_id": "audit-1", "created_at": AT, "rubrics": (RUBRIC.model_dump(mode="json"),), "rubric_hash": HASH,
        "sample": SampleSpec(
            run_ids=("run-1",), seed=7, mode=SampleMode.MIXED, strata_by=StrataBy.CORRECT, per_cell=10, n_frame=90,
            frame_hash=HASH, strata=(Stratum(name="diagnosis/sim/a/correct", n_frame=80, n_drawn=5),),
        ),
        "judges": ("openai/judge",), "repeats": 2, "blinding": Blinding(), "prompt_hash": HASH, "random_share": 0.2,
        "seed": 7, "n_traces": 20, "digest": HASH, "digest_parts": {}, "plan": {}, "versions": {"spinebench": "0.1"},
    }  # fmt: skip
    return AuditSpec.model_validate({**fields, **changes})


def texts(sheets: tuple[ReportingSheet, ...], name: str) -> dict[str, str]:
    """Label -> text of an item, e.g. `GRRAS 7`."""
    sheet, _, item = name.partition(" ")
    (found,) = [one for held in sheets if held.id == sheet for one in held.items if one.id == item]
    return {one.label: one.text for one in found.answers}


def test_the_sheets_hold_the_items_that_are_promised() -> None:
    items = {
        sheet.id: [item.id for item in sheet.items] for sheet in reporting_sheets(AuditFacts(audit=audit()))
    }
    assert items == {
        "GRRAS": [str(n) for n in range(1, 16)],
        "TRIPOD-LLM": ["5e", "6a", "6c", *(f"7{x}" for x in "abcde"), "8a", "8b", "8c", "14e", "14f", "19b"],
        "CLAIM": [str(n) for n in range(13, 20)],
    }


def test_what_is_unknown_is_not_invented() -> None:
    sheets = reporting_sheets(AuditFacts(audit=audit()))
    for item, label in (
        ("GRRAS 1", "Statement"), ("GRRAS 4", "Raters"), ("GRRAS 13", "Agreement"), ("TRIPOD-LLM 6a", "Models"),
        ("TRIPOD-LLM 6a", "Last date of training"), ("CLAIM 19", "Why that many"), ("CLAIM 18", "Adjudication"),
        ("GRRAS 9", "Independence"), ("CLAIM 13", "Missing"), ("TRIPOD-LLM 19b", "Limitations"),
    ):  # fmt: skip
        assert texts(sheets, item)[label] == NOT_RECORDED, (item, label)
    assert not [one for sheet in sheets for item in sheet.items for one in item.answers
                if one.recorded is (one.text == NOT_RECORDED)]  # fmt: skip


def test_stored_facts_fill_the_items() -> None:
    facts = AuditFacts(
        audit=audit(blinding=Blinding(image=False, gold=True)),
        runs=(run_spec().model_copy(update={"plan": {"temperature": 0.0, "max_tokens": None}, "epochs": 3}),),
        raters=(RaterCard(rater="r1", specialty="neuroradiology", years=12), RaterCard(rater="r2")),
        assignments=(
            Assignment(
                audit_id="audit-1", rater="r1", seed=5, created_at=AT,
                traces=(
                    AssignedTrace(packet_id="p", trace_id="t", position=1, sitting=1, anchor=True),
                    AssignedTrace(packet_id="q", trace_id="t", position=9, sitting=2, duplicate=True),
                ),
            ),
        ),
        counts=AuditCounts(
            n_judgements=40, n_unparsed=0, n_rated=10, n_rated_twice=8, n_adjudicated=1, locked_at=AT,
            sources=("packet", "csv"),
        ),
        frame_notes=("3 answers without text",),
        figures=(
            SheetFigure(topic="agreement_clinicians", name="alpha", value=0.61, low=0.5, high=0.7, n=10,
                        method="jackknife t on Fisher z"),
            SheetFigure(topic="agreement_judge", name="kappa", value=None, reason="9 traces"),
        ),
        statements={"GRRAS 5": "Nothing is known."},
    )  # fmt: skip
    sheets = reporting_sheets(facts)
    assert "rubric own 2 (en): Logic (1, 3, 5)" in texts(sheets, "GRRAS 2")["Rubrics"]
    assert "Anchors: 1: not; 5: fully" in texts(sheets, "TRIPOD-LLM 8a")["Guide"]
    assert "no image and the gold answer" in texts(sheets, "GRRAS 8")["Shown to judges"]
    assert "seed 5), in up to 2 sittings; 1 anchor traces" in texts(sheets, "GRRAS 8")["Lists of clinicians"]
    assert texts(sheets, "GRRAS 11")["Repeated ratings"] == "1 hidden second showings"
    assert "seed 7), from 90 traces of runs run-1" in texts(sheets, "GRRAS 7")["Sampling"]
    assert texts(sheets, "GRRAS 12")["Raters"].splitlines() == [
        "r1: neuroradiology, 12 years, training not recorded",
        "r2: specialty not recorded, years not recorded, training not recorded",
    ]
    assert texts(sheets, "GRRAS 13")["Agreement"].splitlines() == [
        "alpha: 0.61 (95% interval 0.5 to 0.7), n = 10",
        "kappa: undefined (9 traces)",
    ]
    assert texts(sheets, "GRRAS 10")["Methods"] == "alpha: intervals by jackknife t on Fisher z"
    assert texts(sheets, "GRRAS 5")["Statement"] == "Nothing is known."
    generation = texts(sheets, "TRIPOD-LLM 6c")["Generation"]
    assert "asked 3 times; temperature 0.0; seed" in generation  # a zero is a setting, a None is none
    assert texts(sheets, "TRIPOD-LLM 8b")["By more than one"].startswith("8 of 10 rated traces (80%)")
    assert texts(sheets, "CLAIM 13") == {
        "Left out": "3 answers without text",
        "Missing": "0 judgements unparsed; counted as coverage, given no score",
    }
    assert "locked 2026-03-04" in texts(sheets, "CLAIM 18")["Adjudication"]
    assert texts(sheets, "CLAIM 17")["Ratings came by"] == "packet, csv"
    assert "conditional on these 2 clinicians" in texts(sheets, "TRIPOD-LLM 19b")["Limitations"]


def test_a_judge_of_its_own_traces_is_a_limitation() -> None:
    sheets = reporting_sheets(AuditFacts(audit=audit(judges=("sim/a",)), runs=(run_spec(),)))
    assert "sim/a judged traces of its own" in texts(sheets, "TRIPOD-LLM 19b")["Limitations"]


def test_every_fact_of_the_code_is_used_by_a_template() -> None:
    shown = {one.label for sheet in reporting_sheets(AuditFacts(audit=audit())) for item in sheet.items
             for one in item.answers}  # fmt: skip
    assert {label for label, _ in FACTS.values()} <= shown


def test_markdown_and_json() -> None:
    facts = AuditFacts(
        audit=audit(simulated=True, partial=True),
        raters=(RaterCard(rater="r1", specialty="<script>alert(1)</script>\n# [x](http://y) *b*"),),
    )
    sheets = reporting_sheets(facts)
    page = sheets_markdown(sheets)
    assert "<script>" not in page
    assert "\n# [x]" not in page
    assert "\\[x\\](http://y) \\*b\\*" in page
    assert page.count("**SIMULATION") == page.count("**PARTIAL") == 3
    assert "## 7 Sampling" in page
    again = [ReportingSheet.model_validate(json.loads(sheet.model_dump_json())) for sheet in sheets]
    assert tuple(again) == sheets


def test_a_statement_to_no_item_is_refused() -> None:
    with pytest.raises(UsageError, match="GRRAS 99"):
        reporting_sheets(AuditFacts(audit=audit(), statements={"GRRAS 99": "x"}))
